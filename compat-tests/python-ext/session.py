"""Drives the extension module of this directory.

usage: session.py DIRECTORY-OF-THE-MODULE ADDRESS
"""

import faulthandler
import os
import select
import sys
import threading

passed = failed = 0


def equal(got, expected, text):
    global passed, failed
    if got == expected:
        passed += 1
    else:
        failed += 1
        print(f"FAIL {text}: got {got!r}, expected {expected!r} (line {sys._getframe(1).f_lineno})", flush=True)


def code_of(call, *arguments, **keywords):
    """The number of the error a call raises."""
    try:
        call(*arguments, **keywords)
    except spread.error as error:
        return error.args[0]
    return None


def joined(mailbox, group):
    """The next message, which must be a join of the group seen by this mailbox."""
    message = mailbox.receive()
    equal(type(message), spread.MembershipMsg, "type of message")
    equal((message.reason, message.group), (spread.CAUSED_BY_JOIN, group), "reason and group")
    equal(message.members[message.index], mailbox.private_group, "own index")
    equal(message.vs_sets, [[message.changed]], "vs sets")
    equal(message.my_set, 0, "own vs set")
    return message


def run(address):
    tail = "%05d" % (os.getpid() % 100000)
    group = "pyext-" + tail
    equal(spread.version(), (5, 0, 1), "version")
    equal(code_of(spread.connect, daemon=" _._._42"), spread.ILLEGAL_SPREAD, "silly daemon name")
    equal(code_of(spread.connect, "1@127.0.0.1"), spread.COULD_NOT_CONNECT, "nobody listens")
    equal(code_of(spread.connect, address, "a b"), spread.REJECT_ILLEGAL_NAME, "silly user name")

    # Twelve members in one process: member lists and the group list outgrow the first buffers.
    members = [spread.connect(address, "p%x%s" % (i, tail)) for i in range(12)]
    equal(code_of(spread.connect, address, "p0" + tail), spread.REJECT_NOT_UNIQUE, "same name twice")
    for mailbox in members:
        mailbox.join(group)
    views = []
    for mailbox in members:
        while len((message := joined(mailbox, group)).members) < len(members):
            pass
        views.append((message.members, message.group_id, message.changed))
    equal(views, [views[0]] * len(members), "one view")
    equal(sorted(views[0][0]), sorted(m.private_group for m in members), "all are members")

    writer = members[0]
    equal(writer.multicast(spread.FIFO_MESS, group, b"one", -3), 3, "multicast")
    for mailbox in members:
        message = mailbox.receive()
        equal(message, (spread.FIFO_MESS, writer.private_group, [group], -3, 0, b"one"), "message")
    private = tuple(m.private_group for m in members)
    equal(writer.multigroup_multicast(spread.AGREED_MESS, private, b"two"), 3, "multigroup_multicast")
    for mailbox in members:
        message = mailbox.receive()
        equal((message.groups, message.message), (list(private), b"two"), "twelve destinations")

    big = os.urandom(90000)
    writer.multigroup_multicast(spread.SAFE_MESS | spread.SELF_DISCARD, (group, "nobody", "else"), big, 9)
    for mailbox in members[1:]:
        message = mailbox.receive()
        equal(message.message == big, True, "a message larger than every buffer")
        equal((message.msg_type, len(message.groups)), (9, 3), "its type and groups")

    equal(writer.poll(), False, "nothing to read")
    members[1].multicast(spread.RELIABLE_MESS, writer.private_group, b"")
    equal(select.select([writer], [], [], 10)[0], [writer], "select uses fileno()")
    equal(writer.poll(), True, "something to read")
    equal(writer.receive().message, b"", "empty message")

    # If receive() kept the interpreter lock, or the library one lock for both directions, this would hang.
    got, ready = [], threading.Event()

    def reader():
        ready.set()
        for _ in range(20):
            got.append(writer.receive().message)

    thread = threading.Thread(target=reader, daemon=True)
    thread.start()
    ready.wait()
    sent = [b"%d" % i for i in range(20)]
    for body in sent:
        writer.multicast(spread.AGREED_MESS, writer.private_group, body)
    thread.join(20)
    equal(got, sent, "messages sent while another thread receives")

    equal(code_of(writer.join, "two words"), spread.ILLEGAL_GROUP, "silly group name")
    equal(code_of(writer.multicast, 0, group, b""), spread.ILLEGAL_SERVICE, "no service")
    last = members.pop()
    last.leave(group)
    message = last.receive()
    equal((message.reason, message.group, message.members, message.vs_sets), (spread.CAUSED_BY_LEAVE, group, [], []),
          "self leave")
    message = writer.receive()
    equal((message.reason, message.changed, len(message.members)),
          (spread.CAUSED_BY_LEAVE, last.private_group, 11), "leave")
    last.disconnect()
    equal(code_of(last.receive), spread.ILLEGAL_SESSION, "receive after disconnect")
    gone = members.pop().private_group  # dropping the object disconnects
    del mailbox
    message = writer.receive()
    equal((message.reason, message.changed, len(message.members)), (spread.CAUSED_BY_DISCONNECT, gone, 10), "gone")
    for other in members:
        other.disconnect()


if len(sys.argv) != 3:
    sys.exit("usage: session.py DIRECTORY-OF-THE-MODULE ADDRESS")
faulthandler.dump_traceback_later(60, exit=True)
sys.path.insert(0, sys.argv[1])
import spreadext as spread  # noqa: E402

try:
    run(sys.argv[2])
except Exception as error:  # the count line must appear whatever happened
    failed += 1
    print(f"FAIL {type(error).__name__}: {error}")
print(f"{passed} passed, {failed} failed")
sys.exit(1 if failed else 0)
