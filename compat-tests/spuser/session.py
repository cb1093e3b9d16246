"""Two people at spuser, through pipes: what they type and, byte for byte, what they must see.

usage: session.py BIN-DIRECTORY ADDRESS
BIN-DIRECTORY holds spuser and sptuser. The texts are those programs have parsed for decades.
"""

import faulthandler
import os
import re
import select
import signal
import socket
import subprocess
import sys
import threading
import time

SEPARATOR = "\n============================\n"
PROMPT = "\nUser> "
GID = "grp id is {N} {N} {N}\n"
HEAD = """
==========
User Menu:
----------

\tj <group> -- join a group
\tl <group> -- leave a group

\ts <group> -- send a message
\tm <group> -- send a multiline message to group. Terminate with empty line
\tb <group> -- send a burst of messages

"""
READING = """\tr -- receive a message (stuck)\x20
\tp -- poll for a message\x20
\te -- enable asynchonous read (default)
\td -- disable asynchronous read\x20

"""
MENU = HEAD + READING + "\tq -- quit\n"
THREADED_MENU = HEAD + "\tq -- quit\n"

passed = failed = 0


def check(good, text, details=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAIL {text}\n{details}", flush=True)


class User:
    """One running program."""

    def __init__(self, arguments):
        self.name = arguments[2] if len(arguments) > 2 else arguments[0]
        self.process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        self.seen = ""

    def type(self, *lines):
        """Types the lines in one go, then they have been read together or one by one: it must not matter."""
        self.process.stdin.write("".join(line + "\n" for line in lines).encode())
        self.process.stdin.flush()

    def read(self, limit):
        if not select.select([self.process.stdout], [], [], limit)[0]:
            return False
        data = os.read(self.process.stdout.fileno(), 65536)
        self.seen += data.decode("latin-1")
        return bool(data)

    def expect(self, text, step, limit=10):
        """The next output is exactly the text, in which {N} stands for a number. Answers the numbers."""
        pattern = re.compile(re.escape(text).replace(re.escape("{N}"), r"(-?\d+)"))
        end = time.monotonic() + limit
        match = pattern.match(self.seen)
        while not match and time.monotonic() < end and self.read(end - time.monotonic()):
            match = pattern.match(self.seen)
        check(match, f"{self.name}, {step}", f"--- expected\n{text}\n--- got\n{self.seen}\n---")
        if match:
            self.seen = self.seen[match.end():]
            return [int(number) for number in match.groups()]
        self.seen = ""
        return None

    def expect_parts(self, parts, step, limit=10):
        """All the parts come, in any order and nothing else: prompts and items of sptuser overtake each other."""
        end = time.monotonic() + limit

        def rest():
            left = re.sub(r"grp id is -?\d+ -?\d+ -?\d+\n", GID, self.seen)
            for part in sorted(parts, key=len, reverse=True):
                if part not in left:
                    return None
                left = left.replace(part, "", 1)
            return left

        while rest() is None and time.monotonic() < end and self.read(end - time.monotonic()):
            pass
        check(rest() == "", f"{self.name}, {step}", f"--- expected, in any order\n{parts}\n--- got\n{self.seen}\n---")
        self.seen = ""

    def expect_end(self, step):
        try:
            check(self.process.wait(10) == 0, f"{self.name}, {step}: exit code {self.process.returncode}")
            while self.read(1):
                pass
            check(self.seen in ("", SEPARATOR), f"{self.name}, {step}: nothing more", self.seen)
        except subprocess.TimeoutExpired:
            self.process.kill()
            check(False, f"{self.name}, {step}: did not end")


class Relay:
    """Between one client and the daemon, to be cut: what a program sees when its daemon goes."""

    def __init__(self, address):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = "%d@127.0.0.1" % self.listener.getsockname()[1]
        port, _, host = address.partition("@")
        self.target = (socket.AF_INET, (host, int(port))) if host else (socket.AF_UNIX, "/tmp/" + port)
        self.sockets = []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        client, _ = self.listener.accept()
        daemon = socket.socket(self.target[0])
        daemon.connect(self.target[1])
        self.sockets = [client, daemon]
        for source, sink in ((client, daemon), (daemon, client)):
            threading.Thread(target=self.copy, args=(source, sink), daemon=True).start()

    @staticmethod
    def copy(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass

    def cut(self):
        for one in self.sockets:
            one.shutdown(socket.SHUT_RDWR)


def greeting(address, private, menu=MENU):
    return (f"Spread library version is 5.0.1\nUser: connected to {address} with private group {private}\n"
            + menu + PROMPT)


def membership(group, members, me, cause):
    names = "".join(f"\t{name}\n" for name in members)
    return (f"{SEPARATOR}Received REGULAR membership for group {group} with {len(members)} members, "
            f"where I am member {members.index(me)}:\n{names}{GID}Due to the {cause}\n{PROMPT}")


def message(kind, sender, number, groups, text, size=None):
    return (f"{SEPARATOR}received {kind} message from {sender}, of type {number}, (endian 0) to {groups} groups \n"
            f"({len(text) if size is None else size} bytes): {text}\n{PROMPT}")


def without_session(directory, address):
    def run(*arguments, text="", program="spuser"):
        done = subprocess.run([f"{directory}/{program}", *arguments], input=text, capture_output=True, text=True,
                              timeout=20)
        return done.returncode, done.stdout

    refused = "Spread library version is 5.0.1\nSP_error: (-2) Could not connect.\n\nBye.\n"
    for program in ("spuser", "sptuser"):
        got = run("-s", "1@127.0.0.1", program=program)
        check(got == (0, refused), f"{program} without a daemon", repr(got))
    for arguments in (["-x"], ["-u"], ["-s"], ["--help"], ["-r", "extra"]):
        code, text = run(*arguments)
        check(code == 0 and text.startswith("Usage: spuser"), f"spuser {arguments}: usage and exit code 0", text)
    code, text = run("-r", "-s", address)
    check(code == 0 and re.search(r"private group #r\d+-\d+#", text) and text.endswith("\nUser> \nBye.\n"),
          "spuser -r at the end of input", text)


def two_people(directory, address, tail):
    a, b, group, other = "a" + tail, "b" + tail, "chat-" + tail, "other-" + tail
    alice, bob = (User([directory + "/spuser", "-u", name, "-s", address]) for name in (a, b))
    while "User> " not in alice.seen and alice.read(10):
        pass
    found = re.search(r"private group #\w+#(\S+)\n", alice.seen)
    daemon = found.group(1) if found else "?"
    pa, pb = f"#{a}#{daemon}", f"#{b}#{daemon}"
    both = sorted((pa, pb))
    alice.expect(greeting(address, pa), "greeting")
    bob.expect(greeting(address, pb), "greeting")

    alice.type("j " + group)
    alice.expect(PROMPT + membership(group, [pa], pa, f"JOIN of {pa}"), "join")
    bob.type("j " + group)
    bob.expect(PROMPT + membership(group, both, pb, f"JOIN of {pb}"), "join")
    alice.expect(membership(group, both, pa, f"JOIN of {pb}"), "join of the other")

    alice.type("s " + group, "hello world")
    alice.expect("enter message: " + PROMPT + message("SAFE", pa, 1, 1, "hello world\n"), "send")
    bob.expect(message("SAFE", pa, 1, 1, "hello world\n"), "message")
    bob.type(f"s {other} {pa} {group}", "to three")
    bob.expect("enter message: " + PROMPT + message("SAFE", pb, 1, 3, "to three\n"), "send to three groups")
    alice.expect(message("SAFE", pb, 1, 3, "to three\n"), "message to three groups")
    alice.type("m " + pb, "first", "  second", "")
    alice.expect("enter message: " + PROMPT, "multi-line")
    bob.expect(message("SAFE", pa, 1, 1, "first\n  second\n"), "multi-line message")

    alice.type("b " + group, "40")
    burst = "".join(f"sent message {i} (total {i + 2})\n" for i in range(1, 11))
    mine = "".join(message("FIFO", pa, 2, 1, f"mess num {i + 2} ", 40) for i in range(1, 11))
    alice.expect("enter size of each message: sending 10 messages of 40 bytes\n" + burst + PROMPT + mine, "burst")
    bob.expect(mine, "messages of the burst")

    bob.type("d")
    bob.expect(PROMPT, "asynchronous reading off")
    bob.type("p")
    bob.expect("Polling sais: 0\n" + PROMPT, "nothing waits")
    alice.type("s " + pb, "psst")
    alice.expect("enter message: " + PROMPT, "private send")
    waiting = 0
    for _ in range(50):
        bob.type("p")
        waiting = (bob.expect("Polling sais: {N}\n" + PROMPT, "poll") or [0])[0]
        if waiting:
            break
        time.sleep(0.05)
    check(waiting == 48 + 32 + 5, f"bob, poll: {waiting} bytes wait")
    bob.type("r")
    bob.expect(message("SAFE", pa, 1, 1, "psst\n") + PROMPT, "receive")
    bob.type("e")
    bob.expect(PROMPT, "asynchronous reading on")

    bob.type("j")
    bob.expect(" invalid group \n" + PROMPT, "join without a group")
    bob.type("s")
    bob.expect(" invalid group \n" + PROMPT, "send without a group")
    bob.type("j #x")
    bob.expect("SP_error: (-14) Illegal group.\n" + PROMPT, "join of an illegal group")
    bob.type("x")
    bob.expect("\nUnknown commnad\n" + MENU + PROMPT, "unknown command")

    bob.type("l " + group)
    bob.expect(f"{PROMPT}{SEPARATOR}received membership message that left group {group}\n{PROMPT}", "leave")
    alice.expect(membership(group, [pa], pa, f"LEAVE of {pb}"), "leave of the other")
    bob.type("j " + group)
    bob.expect(PROMPT + membership(group, both, pb, f"JOIN of {pb}"), "join again")
    alice.expect(membership(group, both, pa, f"JOIN of {pb}"), "join again of the other")
    bob.type("q")
    bob.expect("\nBye.\n", "quit")
    bob.expect_end("quit")
    alice.expect(membership(group, [pa], pa, f"DISCONNECT of {pb}"), "disconnect of the other")
    alice.process.stdin.close()
    alice.expect("\nBye.\n", "end of input")
    alice.expect_end("end of input")
    return daemon


def piped_commands(directory, address, tail, daemon):
    """Everything typed before the first answer: nothing may be left lying."""
    name = "c" + tail
    private = f"#{name}#{daemon}"
    text = f"s {private}\nto myself\np\nr\nq\n"
    done = subprocess.run([directory + "/spuser", "-u", name, "-s", address], input="d\n" + text, timeout=20,
                          capture_output=True, text=True)
    expected = message("SAFE", private, 1, 1, "to myself\n")
    check(done.returncode == 0 and expected in done.stdout and done.stdout.endswith("\nBye.\n"),
          "commands through a pipe", done.stdout)


def threaded(directory, address, tail, daemon):
    name, group = "t" + tail, "threads-" + tail
    private = f"#{name}#{daemon}"
    user = User([directory + "/sptuser", "-u", name, "-s", address])
    user.expect(greeting(address, private, THREADED_MENU), "greeting")
    user.type("j " + group)
    user.expect_parts([PROMPT, membership(group, [private], private, f"JOIN of {private}")], "join")
    user.type("s " + group, "hello")
    user.expect_parts(["enter message: ", PROMPT, message("SAFE", private, 1, 1, "hello\n")], "send")
    for command in "rped":
        user.type(command)
        user.expect("\nUnknown commnad\n" + THREADED_MENU + PROMPT, "no command " + command)
    user.type("q")
    user.expect("\nBye.\n", "quit")
    user.expect_end("quit")


def daemon_gone(directory, address, tail, daemon):
    for program, menu in (("spuser", MENU), ("sptuser", THREADED_MENU)):
        relay = Relay(address)
        name = "g" + tail
        user = User([f"{directory}/{program}", "-u", name, "-s", relay.address])
        user.expect(greeting(relay.address, f"#{name}#{daemon}", menu), "greeting through a relay")
        relay.cut()
        user.expect(f"{SEPARATOR}SP_error: (-8) Connection closed by Spread.\n{SEPARATOR}\nBye.\n", "daemon gone")
        user.expect_end("daemon gone")
        time.sleep(0.3)  # the daemon needs a moment to free the name


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: session.py BIN-DIRECTORY ADDRESS")
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    faulthandler.dump_traceback_later(100, exit=True)
    directory, address, tail = sys.argv[1], sys.argv[2], "%05d" % (os.getpid() % 100000)
    try:
        without_session(directory, address)
        daemon = two_people(directory, address, tail)
        piped_commands(directory, address, tail, daemon)
        threaded(directory, address, tail, daemon)
        daemon_gone(directory, address, tail, daemon)
    except Exception as error:  # the count line must appear whatever happened
        check(False, f"{type(error).__name__}: {error}")
    print(f"{passed} passed, {failed} failed")
    sys.stdout.flush()
    os._exit(1 if failed else 0)


main()
