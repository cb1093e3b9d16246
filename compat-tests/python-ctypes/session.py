"""Two clients through ctypes: the library as an interpreter loads it, without any header.

usage: session.py LIBRARY ADDRESS
"""

import ctypes
import faulthandler
import os
import select
import sys
import threading

from ctypes import POINTER, Structure, byref, c_char, c_char_p, c_int, c_long, c_short, c_size_t, c_uint

NAME = c_char * 32
AGREED, SAFE, FIFO, SELF_DISCARD, DROP_RECV = 0x10, 0x20, 0x04, 0x40, 0x01000000
REG_MEMB, JOIN, LEAVE, DISCONNECT = 0x1000, 0x100, 0x200, 0x400


class GroupID(Structure):
    _fields_ = [("id", c_int * 3)]


class VSSetInfo(Structure):
    _fields_ = [("num_members", c_uint), ("members_offset", c_uint)]


class MembershipInfo(Structure):
    _fields_ = [("gid", GroupID), ("changed_member", NAME), ("num_vs_sets", c_uint), ("my_vs_set", VSSetInfo)]


class ScatterElement(Structure):
    _fields_ = [("buf", c_char_p), ("len", c_size_t)]


class Scatter(Structure):
    _fields_ = [("num_elements", c_size_t), ("elements", ScatterElement * 100)]


class Time(Structure):
    _fields_ = [("sec", c_long), ("usec", c_long)]


PROTOTYPES = {
    "SP_version": (c_int, [POINTER(c_int)] * 3),
    "SP_connect": (c_int, [c_char_p, c_char_p, c_int, c_int, POINTER(c_int), c_char_p]),
    "SP_connect_timeout": (c_int, [c_char_p, c_char_p, c_int, c_int, POINTER(c_int), c_char_p, Time]),
    "SP_disconnect": (c_int, [c_int]),
    "SP_kill": (None, [c_int]),
    "SP_join": (c_int, [c_int, c_char_p]),
    "SP_leave": (c_int, [c_int, c_char_p]),
    "SP_multicast": (c_int, [c_int, c_int, c_char_p, c_short, c_int, c_char_p]),
    "SP_scat_multicast": (c_int, [c_int, c_int, c_char_p, c_short, POINTER(Scatter)]),
    "SP_multigroup_multicast": (c_int, [c_int, c_int, c_int, POINTER(NAME), c_short, c_int, c_char_p]),
    "SP_receive": (c_int, [c_int, POINTER(c_int), NAME, c_int, POINTER(c_int), POINTER(NAME), POINTER(c_short),
                           POINTER(c_int), c_int, POINTER(c_char)]),
    "SP_get_memb_info": (c_int, [POINTER(c_char), c_int, POINTER(MembershipInfo)]),
    "SP_get_vs_sets_info": (c_int, [POINTER(c_char), POINTER(VSSetInfo), c_int, POINTER(c_uint)]),
    "SP_get_vs_set_members": (c_int, [POINTER(c_char), POINTER(VSSetInfo), POINTER(NAME), c_int]),
    "SP_poll": (c_int, [c_int]),
    "SP_equal_group_ids": (c_int, [GroupID, GroupID]),
    "SP_strerror": (c_char_p, [c_int]),
    "SP_error": (None, [c_int]),
}

passed = failed = 0


def check(good, text):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAIL {text} (line {sys._getframe(1).f_lineno})", flush=True)
    return good


def equal(got, expected, text):
    global passed, failed
    if got == expected:
        passed += 1
    else:
        failed += 1
        print(f"FAIL {text}: got {got!r}, expected {expected!r} (line {sys._getframe(1).f_lineno})", flush=True)


class Client:
    def __init__(self, lib, address, name, membership=1):
        self.lib, self.mbox, group = lib, c_int(-1), NAME()
        self.result = lib.SP_connect(address, name, 0, membership, byref(self.mbox), group)
        self.private = group.value
        self.groups, self.body = (NAME * 60)(), ctypes.create_string_buffer(110000)

    def receive(self, max_groups=60, room=110000, service=0):
        kind, sender, count = c_int(service), NAME(), c_int(-99)
        mess_type, endian = c_short(-99), c_int(-99)
        length = self.lib.SP_receive(self.mbox, byref(kind), sender, max_groups, byref(count), self.groups,
                                     byref(mess_type), byref(endian), room, self.body)
        self.count, self.endian = count.value, endian.value
        names = [bytes(self.groups[i].value) for i in range(max(0, count.value))]
        return length, kind.value, sender.value, names, mess_type.value, self.body.raw[:max(0, length)]

    def membership(self):
        """(cause, group, members, changed member, gid) of the next message, which must be a membership."""
        length, kind, group, names, index, body = self.receive()
        check(length >= 20 and kind & REG_MEMB, f"a membership message, type {kind:#x}")
        info, sets, mine = MembershipInfo(), (VSSetInfo * 4)(), c_uint(9)
        equal(self.lib.SP_get_memb_info(self.body, kind, byref(info)), 1, "SP_get_memb_info")
        equal(self.lib.SP_get_vs_sets_info(self.body, sets, 4, byref(mine)), 1, "SP_get_vs_sets_info")
        members = (NAME * 4)()
        equal(self.lib.SP_get_vs_set_members(self.body, byref(sets[mine.value]), members, 4), 1, "vs set members")
        equal(members[0].value, info.changed_member, "the vs set is the changed member")
        equal(names[index], self.private, "mess_type is the own index")
        return kind & ~REG_MEMB, group, names, info.changed_member, info.gid


def run(lib, address):
    tail = b"%05d" % (os.getpid() % 100000)
    group = b"ctypes-" + tail
    three = [c_int(), c_int(), c_int()]
    equal(lib.SP_version(*map(byref, three)), 1, "SP_version")
    equal([v.value for v in three], [5, 0, 1], "version")
    equal(Client(lib, b"localhost", b"x").result, -1, "address without port")
    equal(Client(lib, b"1@127.0.0.1", b"x").result, -2, "nobody listens")
    equal(lib.SP_connect_timeout(address, b"x", 0, 1, byref(c_int()), NAME(), Time(1, -1)), -20, "ILLEGAL_TIME")

    a, b = Client(lib, address, b"ya" + tail), Client(lib, address, b"yb" + tail)
    equal((a.result, b.result), (1, 1), "ACCEPT_SESSION")
    check(a.private.startswith(b"#ya" + tail + b"#"), "private group")
    equal(Client(lib, address, b"ya" + tail).result, -6, "REJECT_NOT_UNIQUE")

    equal(lib.SP_join(a.mbox, group), 0, "SP_join")
    cause, name, members, changed, _ = a.membership()
    equal((cause, name, members, changed), (JOIN, group, [a.private], a.private), "first join")
    equal(lib.SP_join(b.mbox, group), 0, "SP_join")
    seen_a, seen_b = a.membership(), b.membership()
    equal(seen_a[:4], seen_b[:4], "both see the same membership")
    equal(seen_a[3], b.private, "the joiner")
    equal(lib.SP_equal_group_ids(seen_a[4], seen_b[4]), 1, "SP_equal_group_ids, by value")
    seen_b[4].id[0] += 1
    equal(lib.SP_equal_group_ids(seen_a[4], seen_b[4]), 0, "unequal group ids")

    for service in (0x1, 0x2, 0x4, 0x8, 0x10, 0x20):
        body = b"service %d" % service
        equal(lib.SP_multicast(a.mbox, service, group, -service, len(body), body), len(body), "SP_multicast")
        for side in (a, b):
            equal(side.receive(), (len(body), service, a.private, [group], -service, body), "message")
            equal(side.endian, 0, "endian")

    names = (NAME * 2)()
    names[0].value, names[1].value = b.private, group
    equal(lib.SP_multigroup_multicast(a.mbox, AGREED | SELF_DISCARD, 2, names, 5, 4, b"many"), 4, "multigroup")
    equal(b.receive(), (4, AGREED | SELF_DISCARD, a.private, [b.private, group], 5, b"many"), "one copy")

    pieces = Scatter(2)
    pieces.elements[0].buf, pieces.elements[0].len = b"ab", 2
    pieces.elements[1].buf, pieces.elements[1].len = b"cde", 3
    equal(lib.SP_scat_multicast(a.mbox, SAFE | SELF_DISCARD, group, 6, byref(pieces)), 5, "scatter")
    equal(b.receive(max_groups=0, room=2)[0], -16, "GROUPS_TOO_SHORT")
    equal((b.count, b.endian), (-1, -5), "needed groups and bytes")
    equal(b.receive(room=2)[0], -15, "BUFFER_TOO_SHORT")
    equal((b.count, b.endian), (0, -5), "needed bytes")
    equal(b.receive(), (5, SAFE | SELF_DISCARD, a.private, [group], 6, b"abcde"), "the message is still there")

    equal(lib.SP_poll(b.mbox), 0, "nothing to read")
    big = bytes(i % 251 for i in range(100000))
    equal(lib.SP_multicast(a.mbox, FIFO | SELF_DISCARD, b.private, 7, len(big), big), len(big), "big")
    equal(select.select([b.mbox.value], [], [], 10)[0], [b.mbox.value], "select on the mailbox")
    check(lib.SP_poll(b.mbox) > 0, "SP_poll")
    equal(b.receive()[5] == big, True, "100000 bytes")

    # A thread waits in SP_receive while this one sends on the same mailbox.
    got = []
    thread = threading.Thread(target=lambda: got.extend(a.receive()[4] for _ in range(50)), daemon=True)
    thread.start()
    for i in range(50):
        lib.SP_multicast(a.mbox, AGREED, a.private, i, 1, b"t")
    thread.join(20)
    equal(got, list(range(50)), "messages of the thread")

    equal(lib.SP_leave(b.mbox, group), 0, "SP_leave")
    equal(b.receive()[:4], (0, LEAVE, group, []), "self leave")
    equal(a.membership()[:4], (LEAVE, group, [a.private], b.private), "leave")
    equal(lib.SP_join(b.mbox, group), 0, "SP_join")
    a.membership(), b.membership()
    lib.SP_kill(b.mbox)
    equal(a.membership()[:4], (DISCONNECT, group, [a.private], b.private), "SP_kill seen as disconnect")
    equal(lib.SP_disconnect(a.mbox), 0, "SP_disconnect")
    equal(lib.SP_disconnect(a.mbox), -11, "ILLEGAL_SESSION")
    check(lib.SP_strerror(-11), "SP_strerror")


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: session.py LIBRARY ADDRESS")
    faulthandler.dump_traceback_later(60, exit=True)
    lib = ctypes.CDLL(sys.argv[1])
    for name, (result, arguments) in PROTOTYPES.items():
        function = getattr(lib, name)
        function.restype, function.argtypes = result, arguments
    try:
        run(lib, sys.argv[2].encode())
    except Exception as error:  # the count line must appear whatever happened
        check(False, f"{type(error).__name__}: {error}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed else 0)


main()
