#!/usr/bin/env python3
"""Many clients, and clients that behave badly, on one real daemon. All cases run at once, each with its own daemon.

usage: run.py [--port 20740] [--many 2000] [--only CASE[,CASE]] [--stock] PREFIX

PREFIX   an installed tree: sbin/spread, include, lib
--many   sessions of the case `many`; needs as many open files in this process
--stock  PREFIX is Spread 5.0.1: numbers without a verdict, as far as it gets
"""

import argparse
import os
import re
import resource
import select
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

from sessions import AGREED, QUOTA, Refused, Session, connect, connect_many, frame, raise_own_limit

HERE = os.path.dirname(os.path.abspath(__file__))


class Daemon:
    """One daemon on this machine, without others."""

    def __init__(self, options, number, lines=(), descriptors=None):
        self.port = options.port + 5 * number
        self.directory = tempfile.mkdtemp(prefix="spread-clients-")
        path = os.path.join(self.directory, "spread.conf")
        user, group = (subprocess.run(["id", which], capture_output=True, text=True, check=True).stdout.strip()
                       for which in ("-un", "-gn"))
        with open(path, "w", encoding="ascii") as file:
            file.write("\n".join([f"Spread_Segment 127.0.0.255:{self.port} {{", "  alone 127.0.0.1", "}",
                                  f"DaemonUser = {user}", f"DaemonGroup = {group}", f"RuntimeDir = {self.directory}",
                                  "SocketPortReuse = ON", "DebugFlags = { PRINT EXIT SESSION }", *lines, ""]))

        def limit():
            if descriptors:
                resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, descriptors))

        self.log_path = os.path.join(self.directory, "log")
        with open(self.log_path, "w", encoding="utf-8") as log:
            self.process = subprocess.Popen([os.path.join(options.prefix, "sbin/spread"), "-n", "alone", "-c", path],
                                            stdout=log, stderr=log, stdin=subprocess.DEVNULL, preexec_fn=limit)
        for _ in range(200):
            try:
                connect(self.port, "ready").close()
                break
            except (OSError, Refused):
                time.sleep(0.05)
        time.sleep(0.2)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as file:
            return file.read()

    def status(self, field):
        """KB."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return int(re.search(rf"{field}:\s+(\d+)", file.read()).group(1))

    def cpu(self):
        """Seconds."""
        with open(f"/proc/{self.process.pid}/schedstat", encoding="ascii") as file:
            return int(file.read().split()[0]) / 1e9

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def threads(self):
        return len(os.listdir(f"/proc/{self.process.pid}/task"))

    def settles(self, condition, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if condition():
                return True
            time.sleep(0.05)
        return False

    def stop(self, keep=False):
        running = self.process.poll() is None
        self.process.kill()
        self.process.wait()
        if os.path.exists(f"/tmp/{self.port}"):
            os.unlink(f"/tmp/{self.port}")
        if not keep:
            shutil.rmtree(self.directory)
        return running


def crowd(options, number):
    """100 programs connect at the same moment over the unix socket, and none is turned away."""
    daemon = Daemon(options, number)
    try:
        program = os.path.join(daemon.directory, "crowd")
        subprocess.run(["cc", "-O1", "-o", program, os.path.join(HERE, "crowd.c"), f"-I{options.prefix}/include",
                        f"-L{options.prefix}/lib", f"-Wl,-rpath,{options.prefix}/lib", "-lspread"], check=True)
        failed = []
        for _ in range(3):
            done = subprocess.run([program, str(daemon.port), "100"], capture_output=True, text=True, timeout=60)
            failed.append(int(done.stdout.splitlines()[-1].split()[0]))
        assert options.stock or failed == [0, 0, 0], f"connects that failed: {failed}"
        return f"failed of 100, three times: {failed}"
    finally:
        daemon.stop()


def many(options, number):
    """Thousands of sessions, ten in a group: every view and every message comes, and everything is given back."""
    count = options.many
    if not raise_own_limit(count + 100):
        return f"*** NOT TESTED: {count} sessions need as many open files: ulimit -n"
    daemon = Daemon(options, number, [f"#@ MaxSessions = {count + 100}"])
    try:
        empty, open_before = daemon.status("VmRSS"), daemon.descriptors()
        began, spent = time.monotonic(), daemon.cpu()
        sessions = connect_many(daemon.port, count, membership=True)
        connected = daemon.status("VmRSS")
        took = time.monotonic() - began
        for index, session in enumerate(sessions):
            session.join(b"group-%d" % (index // 10))
        # The k-th of a group sees the views from its own on, each with all who are in.
        for index, session in enumerate(sessions):
            for size in range(index % 10 + 1, min(10, count - index // 10 * 10) + 1):
                kind, members, _ = session.receive()
                assert kind == 0x1100 and members == size, f"session {index}: {kind:#x} of {members} instead of {size}"
        joined, joined_cpu = daemon.status("VmRSS"), daemon.cpu() - spent
        for index in range(0, count, 10):
            sessions[index].send(AGREED, [b"group-%d" % (index // 10)], b"hello")
        for session in sessions:
            assert session.receive()[2] == b"hello"
        used = daemon.cpu() - spent
        for session in sessions:
            session.close()
        assert daemon.settles(lambda: daemon.descriptors() <= open_before), "descriptors stay open"
        connect(daemon.port, "after").own_message(b"x")
        # What it is built for (mk/daemon.mk).
        assert options.stock or daemon.threads() == 1, f"the daemon has {daemon.threads()} threads"
        each = (joined - empty) / count
        assert each < 2, f"{each:.2f} KB for each session"
        return (f"{count} sessions: connected in {took:.1f} s; KB each {(connected - empty) / count:.2f} connected, "
                f"{each:.2f} joined; CPU us each {joined_cpu / count * 1e6:.0f} connecting and joining, "
                f"{used / count * 1e6:.0f} with {count} deliveries, {(daemon.cpu() - spent) / count * 1e6:.0f} with leaving")
    finally:
        daemon.stop()


def session_limit(options, number):
    """Whoever comes when all sessions are taken is told so; a place that is given up is free again."""
    daemon = Daemon(options, number, ["#@ MaxSessions = 40"])
    try:
        sessions = connect_many(daemon.port, 40)
        for _ in range(3):
            assert refusal(daemon.port) == QUOTA
        sessions.pop().close()
        assert daemon.settles(lambda: admits(daemon.port))
        sessions[0].own_message(b"still here")
        assert "session-limit" in daemon.log()
        return "the 41st of 40 is refused with -3, and let in when one has left"
    finally:
        daemon.stop()


def low_ulimit(options, number):
    """ulimit -n 64: as many sessions as there are descriptors for, and the next ones are refused in words."""
    daemon = Daemon(options, number, descriptors=64)
    try:
        sessions = []
        while len(sessions) < 64:
            try:
                sessions.append(connect(daemon.port, f"u{len(sessions)}"))
            except Refused as refused:
                assert refused.args[0] == QUOTA
                break
        assert 16 <= len(sessions) < 64, f"{len(sessions)} sessions"
        for _ in range(20):
            assert refusal(daemon.port) == QUOTA
        sessions.pop().close()
        assert daemon.settles(lambda: admits(daemon.port))
        for session in sessions:
            session.own_message(b"still here")
        assert "limit.descriptors" in daemon.log() and "accept.failed" not in daemon.log()
        return f"ulimit -n 64: {len(sessions) + 1} sessions, all others refused with -3"
    finally:
        daemon.stop()


def no_descriptors(options, number):
    """EMFILE: who connects waits, who is there is served, the daemon does not spin, and all get in when it is over."""
    daemon = Daemon(options, number)
    try:
        old = connect(daemon.port, "old")
        before = resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, (daemon.descriptors() + 3, before[1]))
        newcomers = [Session(daemon.port, f"n{i}").greet() for i in range(20)]
        assert daemon.settles(lambda: "accept.failed" in daemon.log()), "it does not tell"
        waiting = [session for session in newcomers if session.is_waiting(0)]
        assert len(waiting) >= 16, f"only {len(waiting)} wait"
        spent, began = daemon.cpu(), time.monotonic()
        for index in range(50):
            old.own_message(b"%d" % index)
            time.sleep(0.02)
        spent, took = daemon.cpu() - spent, time.monotonic() - began
        assert spent < took / 4, f"{spent:.2f} s of CPU in {took:.1f} s"
        assert all(session.is_waiting(0) for session in waiting[1:]), "who waits is not let be"
        resource.prlimit(daemon.process.pid, resource.RLIMIT_NOFILE, before)
        for session in newcomers:
            session.choose().enter().own_message(b"in")
        assert "accept.recovered" in daemon.log()
        assert daemon.log().count("accept.failed") == 1, "it tells more than once"
        return (f"{len(waiting)} of 20 waited and got in later; meanwhile 50 messages served, "
                f"{spent * 1000:.0f} ms CPU in {took:.1f} s")
    finally:
        daemon.stop()


FLOOD = 6000


def fairness(options, number):
    """A client floods with small messages: messages of five others are ordered behind few of them.

    Counted, not timed: the daemon stands still until the flooder's socket is full and the others have sent; then the
    observer sees in the agreed order how many of the flood come before each of the others' messages."""
    # In bytes a share of what is read in one turn; with messages of 112 bytes.
    bound = 64 * 1024 // 112
    daemon = Daemon(options, number, ["MaxSessionMessages = 100000"])
    try:
        observer = connect(daemon.port, "observer")
        observer.join(b"all")
        quiet = [connect(daemon.port, f"quiet{i}") for i in range(5)]
        flooder = connect(daemon.port, "flooder")
        observer.own_message(b"ready")
        worst = []
        for _ in range(5):
            daemon.process.send_signal(signal.SIGSTOP)
            flood = frame(AGREED, flooder.private_name, [b"all"], bytes(32)) * FLOOD
            thread = threading.Thread(target=flooder.socket.sendall, args=(flood,))
            thread.start()
            # Only when it has no room left does the daemon's turn begin with a whole share of it.
            while select.select([], [flooder.socket], [], 0)[1]:
                time.sleep(0.01)
            for index, session in enumerate(quiet):
                session.send(AGREED, [b"all"], b"%d" % index)
            daemon.process.send_signal(signal.SIGCONT)
            before, places = 0, []
            while before < FLOOD or len(places) < len(quiet):
                if len(observer.receive()[2]) == 32:
                    before += 1
                else:
                    places.append(before)
            thread.join()
            worst.append(max(places))
        assert options.stock or max(worst) <= bound, f"{max(worst)} messages of the flooder came first, more than {bound}"
        return f"at most {max(worst)} of the flooder's messages came first (five times: {worst}; the bound is {bound})"
    finally:
        daemon.process.send_signal(signal.SIGCONT)
        daemon.stop()


def slow_readers(options, number):
    """Clients that do not read are cut at MaxSessionMessages; memory stays below that, and is given back."""
    limit, size, sent = 100, 100_000, 600
    daemon = Daemon(options, number, [f"MaxSessionMessages = {limit}"])
    try:
        slow = [connect(daemon.port, f"slow{i}") for i in range(4)]
        reader = connect(daemon.port, "reader")
        sender = connect(daemon.port, "sender")
        for session in [*slow, reader]:
            session.join(b"all")
        reader.own_message(b"joined")
        before, open_before = daemon.status("VmRSS"), daemon.descriptors()
        for index in range(sent):
            sender.send(AGREED, [b"all"], struct.pack("<I", index) + bytes(size - 4))
            # At most three on their way to the one who reads.
            if index >= 3:
                assert struct.unpack_from("<I", reader.receive()[2])[0] == index - 3
        for index in range(sent - 3, sent):
            assert struct.unpack_from("<I", reader.receive()[2])[0] == index
        peak = daemon.status("VmHWM")
        assert daemon.settles(lambda: daemon.descriptors() == open_before - len(slow)), "slow readers are still there"
        if not options.stock:
            assert len(re.findall(r"reason=too-slow", daemon.log())) == len(slow), "not all were cut for being slow"
            # What is queued, shared by all of them, and what pools keep at most.
            most = before + limit * 144 + 24_000
            assert peak < most, f"{peak} KB at the peak, more than {most}"
            assert daemon.settles(lambda: daemon.status("VmRSS") < before + 2500, 25), (
                f"{daemon.status('VmRSS')} KB stay, {before} before")
        return (f"{len(slow)} cut; MB: {before / 1024:.1f} before, {peak / 1024:.1f} at most, "
                f"{daemon.status('VmRSS') / 1024:.1f} some seconds later; {sent * size / 1e6:.0f} MB were sent")
    finally:
        daemon.stop()


CASES = (crowd, many, session_limit, low_ulimit, no_descriptors, fairness, slow_readers)


def main():
    parser = argparse.ArgumentParser(usage="run.py [options] PREFIX", add_help=False)
    parser.add_argument("prefix", nargs="?")
    parser.add_argument("--port", type=int, default=20740)
    parser.add_argument("--many", type=int, default=2000)
    parser.add_argument("--only", default="")
    parser.add_argument("--stock", action="store_true")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--help", "-h", action="store_true")
    options = parser.parse_args()
    if options.help or not options.prefix:
        print(__doc__.strip())
        return 0 if options.help else 2
    options.prefix = os.path.abspath(options.prefix)
    if options.case:
        number = [case.__name__ for case in CASES].index(options.case)
        try:
            print(CASES[number](options, number))
            return 0
        except (AssertionError, OSError, Refused) as failure:
            print(f"FAILED: {type(failure).__name__} {failure}")
            return 1
    wanted = [name for name in options.only.split(",") if name] or [case.__name__ for case in CASES]
    again = [sys.executable, "-B", os.path.abspath(__file__), *sys.argv[1:], "--case"]
    running = [(name, subprocess.Popen([*again, name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True))
               for name in wanted]
    failures = 0
    for name, process in running:
        text = process.communicate()[0].strip()
        failures += process.returncode != 0
        print(f"clients: {name}: {text}", flush=True)
    print(f"clients: {len(running) - failures} passed, {failures} failed")
    return 1 if failures else 0


def refusal(port):
    """The byte a newcomer is refused with."""
    session = Session(port, "more")
    try:
        session.greet().choose().enter()
    except Refused as refused:
        return refused.args[0]
    finally:
        session.close()
    raise AssertionError("it was let in")


def admits(port):
    try:
        connect(port, "next").close()
        return True
    except Refused:
        return False


if __name__ == "__main__":
    sys.exit(main())
