#!/usr/bin/env python3
"""Hostile ground, with real daemons: each case by itself, some seconds in all. hostile.py PROGRAM [--port 47700]

Needs root for the full disks (a tmpfs of its own); without, it says so. Errors of system calls and wrong clocks are
forced by errors.c, preloaded into the daemon."""

import argparse
import mmap
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

MEMBERSHIP = re.compile(r"Membership id is \( (-?\d+), (-?\d+)\)")


class Ground:
    def __init__(self, program, port):
        self.program, self.port = program, port
        self.directory = tempfile.mkdtemp(prefix="spread-hostile-")
        self.daemons = []

    def configuration(self, names, extra="", runtime=None):
        path = os.path.join(self.directory, "spread.conf")
        lines = [f"  d{k} 127.0.0.{20 + k} {{ 127.0.0.{20 + k} }}" for k in names]
        with open(path, "w") as file:
            file.write("\n".join([
                f"Spread_Segment 239.77.2.1:{self.port} {{", *lines, "}", f"RuntimeDir = {runtime or self.directory}",
                "DaemonUser = root", "DaemonGroup = root",
                "DebugFlags = { PRINT EXIT CONFIGURATION MEMBERSHIP SESSION DATA_LINK }",
                "TokenTimeout = 500", "HurryTimeout = 150", "AliveTimeout = 100", "JoinTimeout = 100", "RepTimeout = 250",
                "SegTimeout = 200", "GatherTimeout = 500", "FormTimeout = 500", "LookupTimeout = 2000", extra, ""]))
        return path

    def start(self, path, name, log, errors=None):
        with open(log, "a") as output:
            process = subprocess.Popen([self.program, "-c", path, "-n", name], stdout=output, stderr=output,
                                       env={**os.environ, **errors.environment} if errors else None)
        self.daemons.append(process)
        return process

    def end(self, *processes):
        for process in processes:
            if process.poll() is None:
                process.kill()
            process.wait()

    def log(self, name):
        return os.path.join(self.directory, name)


class Errors:
    """What is forced on one daemon: the struct control of errors.c."""

    FIELDS = ("clock", "interrupted", "no_buffers", "interrupted_count", "no_buffers_count")

    def __init__(self, ground, name):
        library, path = ground.log("errors.so"), ground.log(name + ".errors")
        if not os.path.exists(library):
            source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "errors.c")
            compiler = os.environ.get("CC", "cc")
            subprocess.run([compiler, "-O2", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        with open(path, "wb+") as file:
            file.truncate(8 * len(self.FIELDS))
            self.memory = mmap.mmap(file.fileno(), 8 * len(self.FIELDS))
        self.environment = {"LD_PRELOAD": library, "ERRORS": path}

    def __getitem__(self, field):
        return struct.unpack_from("q", self.memory, 8 * self.FIELDS.index(field))[0]

    def __setitem__(self, field, value):
        struct.pack_into("q", self.memory, 8 * self.FIELDS.index(field), value)


def text(path):
    with open(path, errors="replace") as file:
        return file.read()


def wait(condition, seconds=10):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    return False


def answers(path):
    """Whether a daemon greets at the unix socket and takes a session."""
    request = bytes([5, 0, 1, 1, 1]) + b"h"
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(5)
        try:
            client.connect(path)
            client.sendall(request)
            # The methods of authentication; then nothing more is wanted.
            if len(client.recv(1)) != 1:
                return False
            client.sendall(b"NULL" + bytes(86))
            return len(client.recv(100)) > 0
        except OSError:
            return False


def race_for_the_unix_socket(ground):
    """Daemons that start at once, over and over: exactly one has the socket of the port, and it works."""
    path = ground.configuration([1, 2, 3])
    for _ in range(5):
        logs = [ground.log(f"race{k}") for k in (1, 2, 3)]
        for log in logs:
            open(log, "w").close()
        daemons = [ground.start(path, f"d{k}", log) for k, log in zip((1, 2, 3), logs)]
        assert wait(lambda: all("daemon.started" in text(log) for log in logs)), "not all started"
        without = sum("unix-socket.failed" in text(log) for log in logs)
        assert without == 2, f"{3 - without} daemons believe they have the unix socket"
        assert answers(f"/tmp/{ground.port}"), "nobody answers at the unix socket"
        # Killed: the file stays, and the next race begins with a leftover.
        ground.end(*daemons)
        assert os.path.exists(f"/tmp/{ground.port}")
    os.unlink(f"/tmp/{ground.port}")


def a_link_is_neither_followed_nor_removed(ground):
    target = ground.log("precious")
    with open(target, "w") as file:
        file.write("precious")
    os.symlink(target, f"/tmp/{ground.port}")
    try:
        log = ground.log("link")
        daemon = ground.start(ground.configuration([1]), "d1", log)
        assert wait(lambda: "daemon.started" in text(log)), "it did not start"
        assert "unix-socket.failed" in text(log)
        daemon.terminate()
        daemon.wait(10)
        assert os.path.islink(f"/tmp/{ground.port}") and text(target) == "precious"
    finally:
        os.unlink(f"/tmp/{ground.port}")


def fill(path):
    file = os.open(path, os.O_WRONLY | os.O_CREAT)
    try:
        while os.write(file, bytes(512)):
            pass
    except OSError:
        pass
    finally:
        os.close(file)


def a_full_disk(ground):
    """The log's file system is full: the daemon serves on, and tells later how many lines were lost."""
    disk = ground.log("disk")
    os.mkdir(disk)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk], capture_output=True).returncode:
        print("*** NOT TESTED: a full disk needs root for a tmpfs")
        return
    try:
        log = os.path.join(disk, "spread.log")
        filler = os.path.join(disk, "filler")
        daemon = ground.start(ground.configuration([1], f"EventLogFile = {log}"), "d1", ground.log("full"))
        assert wait(lambda: os.path.exists(log) and "daemon.started" in text(log)), "it did not start"
        fill(filler)
        for _ in range(300):
            assert answers(f"/tmp/{ground.port}"), "it does not answer with a full disk"
        assert daemon.poll() is None
        os.unlink(filler)
        assert wait(lambda: answers(f"/tmp/{ground.port}") and "log.lost" in text(log)), "what was lost is not told"
        daemon.terminate()
        assert daemon.wait(10) == 0
    finally:
        subprocess.run(["umount", "-l", disk])


def a_full_runtime_directory(ground):
    """The time of the last membership cannot be kept: rings form all the same, and it is told once."""
    disk = ground.log("disk")
    os.mkdir(disk)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", disk], capture_output=True).returncode:
        print("*** NOT TESTED: a full runtime directory needs root for a tmpfs")
        return
    try:
        fill(os.path.join(disk, "filler"))
        path = ground.configuration([1, 2], runtime=disk)
        logs, daemons = two(ground, path)
        assert all(text(log).count("membership-time.failed") == 1 for log in logs), "it is not told, or more than once"
        count = text(logs[0]).count("a ring of 2 daemons")
        ground.end(daemons[0])
        daemons[0] = ground.start(path, "d1", logs[0])
        assert wait(lambda: together(logs, count + 1)), "no ring of two after a restart"
        ground.end(*daemons)
        ids(ground, logs)
    finally:
        subprocess.run(["umount", "-l", disk])


def two(ground, path, errors=(None, None)):
    """Two daemons that are together: (logs, processes)."""
    logs = [ground.log("log1"), ground.log("log2")]
    daemons = [ground.start(path, *words) for words in zip(("d1", "d2"), logs, errors)]
    assert wait(lambda: together(logs, 1)), "no ring of two"
    return logs, daemons


def together(logs, count):
    return all(text(log).count("a ring of 2 daemons") >= count for log in logs)


def flood(ground, count):
    """Messages through the ring, sent and got back by a client of d1."""
    program = os.path.join(os.path.dirname(ground.program), "..", "bin", "spflooder")
    done = subprocess.run([program, "-s", f"{ground.port}@127.0.0.21", "-m", str(count), "-b", "1000"],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"a client's messages did not come back: {done.stderr}"


def calls_that_fail(ground):
    """EINTR everywhere, ENOBUFS for datagrams: messages come through, and the log tells what was not sent."""
    errors = [Errors(ground, "d1"), Errors(ground, "d2")]
    for each in errors:
        each["interrupted"] = 200
    logs, daemons = two(ground, ground.configuration([1, 2]), errors)
    for each in errors:
        each["no_buffers"] = 50
    for _ in range(20):
        flood(ground, 500)
        if all(each["no_buffers_count"] > 0 for each in errors):
            break
    assert all(each["interrupted_count"] > 20 and each["no_buffers_count"] > 0 for each in errors), "nothing was forced"
    assert all(daemon.poll() is None for daemon in daemons), "a daemon ended"
    assert wait(lambda: all("ring.not-sent" in text(log) for log in logs)), "what was not sent is not told"
    # Nothing leaves d1 at all: it is alone until it can send again.
    errors[0]["no_buffers"] = 1000
    assert wait(lambda: "alone" in text(logs[1])), "the other one did not go on alone"
    before = text(logs[0]).count("a ring of 2 daemons")
    for each in errors:
        each["no_buffers"] = each["interrupted"] = 0
    assert wait(lambda: together(logs, before + 1)), "they did not come together again"
    flood(ground, 100)
    daemons[0].terminate()
    assert daemons[0].wait(10) == 0
    ground.end(*daemons)
    ids(ground, logs)


def clocks_that_jump(ground):
    """An hour forth, two back, and back once more across a restart: the ring stays, and no id comes twice."""
    errors = [Errors(ground, "d1"), Errors(ground, "d2")]
    path = ground.configuration([1, 2])
    logs, daemons = two(ground, path, errors)
    before = MEMBERSHIP.findall(text(logs[0]))
    for step in (3600, -3600):
        errors[0]["clock"] = step
        flood(ground, 100)
        # Longer than the timeout of the token.
        time.sleep(0.7)
    assert MEMBERSHIP.findall(text(logs[0])) == before, "the ring changed with the clock"
    for _ in range(2):
        errors[0]["clock"] -= 3600
        count = text(logs[0]).count("a ring of 2 daemons")
        ground.end(daemons[0])
        daemons[0] = ground.start(path, "d1", logs[0], errors[0])
        assert wait(lambda: together(logs, count + 1)), "no ring of two after the step"
    ground.end(*daemons)
    ids(ground, logs)


def a_suspended_daemon(ground):
    """Stopped for longer than the token timeout: the others go on without it, and it comes back."""
    logs, daemons = two(ground, ground.configuration([1, 2]))
    daemons[0].send_signal(signal.SIGSTOP)
    assert wait(lambda: "alone" in text(logs[1])), "the other one did not go on alone"
    daemons[0].send_signal(signal.SIGCONT)
    assert wait(lambda: together(logs, 2)), "it did not come back"
    ground.end(*daemons)
    ids(ground, logs)


def a_restart_within_the_second(ground):
    """Killed and started as fast as it goes: no id of a membership comes twice."""
    path = ground.configuration([1, 2])
    logs = [ground.log("log1"), ground.log("log2")]
    daemons = [ground.start(path, name, log) for name, log in zip(("d1", "d2"), logs)]
    for k in range(8):
        wait(lambda: text(logs[0]).count("Membership id") > k, 4)
        ground.end(daemons[0])
        daemons[0] = ground.start(path, "d1", logs[0])
    assert wait(lambda: text(logs[0]).split("daemon.started")[-1].count("Membership id") > 0)
    ground.end(*daemons)
    ids(ground, logs)


def ids(ground, logs):
    """An id names one membership, at one daemon once."""
    for log in logs:
        found = MEMBERSHIP.findall(text(log))
        assert len(found) > 1 and len(set(found)) == len(found), f"an id came twice: {found}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--port", type=int, default=47700)
    chosen = parser.parse_args()
    failures = 0
    for case in (race_for_the_unix_socket, a_link_is_neither_followed_nor_removed, a_full_disk,
                 a_full_runtime_directory, calls_that_fail, clocks_that_jump, a_suspended_daemon,
                 a_restart_within_the_second):
        ground = Ground(chosen.program, chosen.port)
        try:
            case(ground)
            print(f"hostile: {case.__name__.replace('_', ' ')}: passed", flush=True)
            shutil.rmtree(ground.directory)
        except AssertionError as failure:
            failures += 1
            print(f"hostile: {case.__name__.replace('_', ' ')}: FAILED: {failure}; logs in {ground.directory}")
        finally:
            ground.end(*ground.daemons)
            if os.path.exists(f"/tmp/{chosen.port}"):
                os.unlink(f"/tmp/{chosen.port}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
