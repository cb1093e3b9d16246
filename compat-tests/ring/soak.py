#!/usr/bin/env python3
"""Endurance: a ring of real daemons and clients under faults for a long time, watched for what grows.

  soak.py PREFIX --check PATH --minutes 60 [--seed 1] [--daemons 3] [--loss 20]

Every minute is a window: new clients join, leave and send at random, one of them reads slowly; the network is cut and
healed, daemons are paused, the last one is killed; then all is quiet for a while, the checkers judge what the window's
clients saw, and its traces are thrown away. After the first tenth (at least two windows) the resident memory of
the daemons that live through it all may grow by 5 % of what it was then, their descriptors not at all, and in the quiet
part of no window may the ring change. A daemon or the switch that waited for a processor for about as long as the
timeout of the token is a cause: such a window is told and does not count, and a run in which more than a tenth of them
are such has failed. Prints a line a window and a verdict. Exit status: 0 all is well, 1 not."""

import os
import shutil
import signal
import sys
import time

import cluster
import run

QUIET = 8

# Seconds a process may wait for a processor until that explains a lost token: the timeout is 0.5.
STARVED = 0.3


class Soak(run.Run):
    def __init__(self, chosen, minutes):
        super().__init__(chosen)
        self.minutes = minutes
        # By daemon: (resident KiB, descriptors, of the memory that which is no file) at the end of each window.
        self.samples = {daemon.name: [] for daemon in self.cluster.daemons[:-1]}
        self.trouble_began = time.monotonic()
        self.starved = 0

    # The last one only: of the others it is to be seen what grows.
    def kill(self):
        self.end_and_start(self.cluster.daemons[-1], "kill", [0, 0.2, 1, 3])

    def start_clients(self, program):
        self.clients, self.delivered = [], {}
        for daemon in self.cluster.daemons:
            for number in range(self.chosen.clients):
                self.clients.append(cluster.Client(
                    program, daemon, number, self.directory, self.random.getrandbits(60),
                    ["--interval", str(self.chosen.interval), "--largest", str(self.chosen.largest),
                     "--stays", str(int(number == 0)), "--discards", "0"]))

    def stutter(self):
        """One client stops reading for a while, not long enough to be thrown out."""
        client = self.random.choice(self.clients)
        client.signal(signal.SIGSTOP)
        self.sleep(self.random.uniform(0.5, 2))
        client.signal(signal.SIGCONT)
        self.count("slow reader")

    def watch(self, seconds):
        """The longest wait for a processor of the daemons and the switch: (seconds, name)."""
        watched = {daemon.name: daemon.process.pid for daemon in self.cluster.daemons}
        if getattr(self.network, "switch", None):
            watched["the switch"] = self.network.switch.pid
        longest = (0, "nobody")
        last = {name: waiting(pid) for name, pid in watched.items()}
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.sleep(0.1)
            now = {name: waiting(pid) for name, pid in watched.items()}
            longest = max(longest, *((now[name] - last[name], name) for name in watched))
            last = now
        return longest

    def window(self, program):
        self.start_clients(program)
        end = time.monotonic() + 60 - QUIET - 8
        while time.monotonic() < end:
            self.rest([0.2, 1, 3])
            self.random.choice([self.cut, self.kill, self.pause, self.stutter])()
        for client in self.clients:
            client.signal(signal.SIGUSR1)
        if not self.cluster.wait_whole(40):
            self.failures.append("the daemons did not come together")
        self.sleep(2)
        before = self.cluster.installations()
        quiet = time.monotonic_ns()
        waited = self.watch(QUIET)
        if self.cluster.installations() != before:
            if waited[0] < STARVED:
                self.failures.append(f"the ring changed without a cause (nobody waited longer than {waited[0]:.3f} s)")
            else:
                self.starved += 1
                self.say(f"the ring changed: {waited[1]} waited {waited[0]:.3f} s for a processor")
        for number, seconds in [(signal.SIGUSR2, 1.5), (signal.SIGTERM, 1)]:
            for client in self.clients:
                client.signal(number)
            self.sleep(seconds)
        self.write_run(quiet)
        for daemon in self.cluster.daemons[:-1]:
            self.samples[daemon.name].append(measure(daemon.process.pid))
        self.judge()
        for client in self.clients:
            client.process.kill()
            client.process.wait()
            os.remove(client.trace)

    def run(self):
        try:
            program = self.build_client()
            self.cluster.start()
            if not self.cluster.wait_whole(30):
                self.failures.append("the daemons did not come together at the start")
            for number in range(1, self.minutes + 1):
                self.faults = {}
                self.window(program)
                self.say(f"window {number} of {self.minutes}: " + ", ".join(
                    f"{name} {found[-1][0]} KiB ({found[-1][2]} of its own) {found[-1][1]} descriptors"
                    for name, found in self.samples.items()))
                if self.failures:
                    break
        finally:
            self.close()
        self.judge_growth()
        if self.starved * 10 > self.minutes:
            self.failures.append(f"in {self.starved} windows the machine was too busy to tell")
        for failure in self.failures:
            print(f"soak: {failure}")
        if self.failures:
            print(f"soak: logs and traces in {self.directory}")
        else:
            shutil.rmtree(self.directory)
        print(f"soak: {self.minutes} windows, seed {self.chosen.seed}: {'FAILED' if self.failures else 'passed'}")
        return 1 if self.failures else 0

    def judge_growth(self):
        first = max(1, self.minutes // 10)
        for name, found in self.samples.items():
            if len(found) <= first + 1:
                self.say(f"{name}: too short a run to tell what grows")
                continue
            # A window begins anew what the one before gave back: the highest of the first tenth counts.
            base = max(sample[0] for sample in found[:first + 1])
            most = max(sample[0] for sample in found[first + 1:])
            self.say(f"{name}: {base} KiB after the first tenth, at most {most} KiB later, {found[-1][0]} at the end; "
                     f"of its own {found[first][2]} then, {found[-1][2]} at the end; "
                     f"descriptors {found[first][1]} then, {found[-1][1]} at the end")
            if found[-1][0] > base * 1.05:
                self.failures.append(f"{name}: resident memory grew from {base} to {found[-1][0]} KiB")
            if found[-1][1] > found[first][1]:
                self.failures.append(f"{name}: descriptors grew from {found[first][1]} to {found[-1][1]}")


def measure(process):
    """Resident KiB, open descriptors, and resident KiB that are not pages of the program and its libraries."""
    with open(f"/proc/{process}/status") as file:
        fields = dict(line.split(":", 1) for line in file)
    resident, own = (int(fields[name].split()[0]) for name in ("VmRSS", "RssAnon"))
    return resident, len(os.listdir(f"/proc/{process}/fd")), own


def waiting(process):
    """Seconds a process was ready to run and did not; a wait counts when it is over."""
    with open(f"/proc/{process}/schedstat") as file:
        return int(file.read().split()[1]) / 1e9


def main():
    words = sys.argv[1:]
    minutes = 10
    if "--minutes" in words:
        at = words.index("--minutes")
        minutes = int(words[at + 1])
        del words[at:at + 2]
    if not words or words[0].startswith("-"):
        print(__doc__)
        return 2
    sys.argv[1:] = ["--interval", "20000", "--loss", "20", "--largest", "30000", *words]
    return Soak(run.options(), minutes).run()


if __name__ == "__main__":
    sys.exit(main())
