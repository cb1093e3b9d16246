#!/usr/bin/env python3
"""Members of a Flush group on two daemons, some of which leave and come back, cut apart and joined again under traffic.
All live on, agree to the views of their side and then to one of all, and spread-check finds in what they wrote down all
that evs-properties 9 promises. Stock's library dies at the first view that the network changes: with it, --cuts 0. Needs
root for its namespaces; without, it says so and does nothing.

flush.py PREFIX --check SPREAD-CHECK [--port 47800] [--cuts 2] [--seconds 2] [--interval 3]
         [--pattern OO --stock PREFIX] [--library DIRECTORY] [--other-library DIRECTORY] [--keep DIRECTORY]"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cluster import Cluster
from network import Namespaces


class Member:
    """a1 and a2 stay, b1 and b2 leave and come back."""

    def __init__(self, program, letter, daemon, network, directory, interval):
        self.label = f"{letter}{daemon.index + 1}"
        self.daemon = daemon
        self.trace = os.path.join(directory, f"{self.label}.jsonl")
        open(self.trace, "w").close()
        self.process = subprocess.Popen(
            [*network.enter(daemon.index), program, f"{daemon.port}@{network.address(daemon.index)}", self.label,
             daemon.name, "vs", self.trace, "stays" if letter == "a" else "leaves", str(interval)],
            stdout=subprocess.PIPE, text=True)

    def events(self):
        with open(self.trace) as file:
            for line in file:
                if line.endswith("\n"):
                    yield json.loads(line)

    def names(self):
        """Labels of the members of its last view."""
        last = [event["members"] for event in self.events() if event["ev"] == "view"][-1:]
        return {name.split("#")[1] for name in last[0]} if last else set()


def wait(members, fits, seconds=20):
    """Until the last views of these members fit."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if all(fits(member) for member in members):
            return True
        time.sleep(0.1)
    return False


def build(prefix, library, directory, name):
    program = os.path.join(directory, name)
    here = os.path.dirname(os.path.abspath(__file__))
    subprocess.run([os.environ.get("CC", "cc"), "-O1", "-o", program, os.path.join(here, "flush.c"), f"-I{prefix}/include",
                    f"-L{library}", "-lspread", f"-Wl,-rpath,{library}"], check=True)
    return program


class Run:
    def __init__(self, options, network):
        self.options = options
        self.network = network
        self.wrong = []
        self.members = []
        self.directory = options.keep or tempfile.mkdtemp(prefix="spread-flush-")
        os.makedirs(self.directory, exist_ok=True)
        prefix = os.path.abspath(options.prefix)
        library = os.path.abspath(options.library or os.path.join(prefix, "lib"))
        other = os.path.abspath(options.other_library) if options.other_library else library
        self.programs = {"a": build(prefix, library, self.directory, "flush-a"),
                         "b": build(prefix, other, self.directory, "flush-b")}
        daemon = os.path.join(prefix, "sbin", "spread")
        stock = os.path.join(options.stock, "sbin", "spread") if options.stock else None
        self.cluster = Cluster(options.pattern, daemon, stock, network, self.directory, options.port, debug="MEMBERSHIP",
                               timeouts="shortest")

    def start(self):
        self.cluster.start()
        if not self.cluster.wait_whole(15):
            self.wrong.append("the daemons did not form a ring")
        for letter in "ab":
            for daemon in self.cluster.daemons:
                self.members.append(
                    Member(self.programs[letter], letter, daemon, self.network, self.directory, self.options.interval))
        self.stable = [member for member in self.members if member.label[0] == "a"]

    def expect(self, what, members, fits):
        if not wait(members, fits):
            self.wrong.append(f"{what}: " + " ".join(f"{m.label}:{sorted(m.names())}" for m in self.members))

    def trouble(self):
        """Whole, cut, whole again, with members that come and go all the time."""
        all_stable = {member.label for member in self.stable}
        self.expect("no view of all who stay", self.stable, lambda m: all_stable <= m.names())
        time.sleep(self.options.seconds)
        for _ in range(self.options.cuts):
            self.network.divide([[0], [1]])
            self.expect("no views of the sides", self.stable, lambda m: {n[1:] for n in m.names()} == {m.label[1:]})
            time.sleep(self.options.seconds)
            self.network.divide([[0, 1]])
            self.expect("no view of both sides", self.stable, lambda m: all_stable <= m.names())
            time.sleep(self.options.seconds)

    def settle(self):
        self.signal(signal.SIGUSR1)
        everybody = {member.label for member in self.members}
        self.expect("no view of all at all in the end", self.members, lambda m: m.names() == everybody)
        quiet = time.monotonic_ns()
        time.sleep(0.5)
        self.signal(signal.SIGUSR2)
        time.sleep(1)
        self.signal(signal.SIGTERM)
        for member in self.members:
            if member.process.stdout.readline() != "complete\n":
                self.wrong.append(f"{member.label} ended with {member.process.wait()}")
        names = [daemon.name for daemon in self.cluster.daemons]
        with open(os.path.join(self.directory, "run.json"), "w") as file:
            json.dump({"ev": "run", "daemons": names, "core": names, "quiet": quiet, "settled": not self.wrong}, file)
            file.write("\n")

    def signal(self, number):
        for member in self.members:
            member.process.send_signal(number)

    def close(self):
        for member in self.members:
            member.process.kill()
            member.process.wait()
        self.cluster.close()
        self.network.close()

    def judge(self):
        files = [member.trace for member in self.members] + [os.path.join(self.directory, "run.json")]
        result = subprocess.run([self.options.check, *files], capture_output=True, text=True)
        if result.returncode:
            self.wrong.append(f"spread-check: exit status {result.returncode}")
            print(result.stdout[:6000] + result.stderr)
        counts = {}
        for member in self.members:
            for event in member.events():
                counts[event["ev"]] = counts.get(event["ev"], 0) + 1
                if event["ev"] == "view" and event["cause"] == "NETWORK":
                    counts["network"] = counts.get("network", 0) + 1
        if counts.get("recv", 0) < 1500 / self.options.interval or counts.get("network", 0) < 4 * self.options.cuts:
            self.wrong.append(f"too little happened: {counts}")
        last = result.stdout.splitlines()[-1:] or [""]
        print(f"Flush, {self.options.cuts} cuts: {counts.get('view', 0)} views, {counts.get('network', 0)} by the network, "
              f"{counts.get('flush', 0)} agreements, {counts.get('recv', 0)} deliveries; {last[0]}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("prefix")
    parser.add_argument("--check", required=True, help="the program spread-check")
    parser.add_argument("--port", type=int, default=47800)
    parser.add_argument("--cuts", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=2, help="between cuts")
    parser.add_argument("--interval", type=int, default=3, help="milliseconds between two messages of a member")
    parser.add_argument("--pattern", default="OO", help="a letter for each of two daemons: O ours, S stock")
    parser.add_argument("--stock", help="prefix of a stock installation, for its daemons")
    parser.add_argument("--library", help="directory of libspread; default: that of PREFIX")
    parser.add_argument("--other-library", help="that of those who leave and come back; default: the same")
    parser.add_argument("--keep", help="a directory for what the members wrote, which stays")
    options = parser.parse_args()
    try:
        network = Namespaces(2)
    except (OSError, subprocess.CalledProcessError) as failure:
        print(f"flush.py: NOT RUN, network namespaces cannot be made ({failure})")
        return 0
    try:
        run = Run(options, network)
    except (OSError, subprocess.CalledProcessError):
        network.close()
        raise
    try:
        run.start()
        if not run.wrong:
            run.trouble()
            run.settle()
    finally:
        run.close()
    if run.members and os.path.exists(os.path.join(run.directory, "run.json")):
        run.judge()
    for text in run.wrong[:20]:
        print("FAIL " + text)
    if run.wrong:
        print(f"kept in {run.directory}")
    elif not options.keep:
        shutil.rmtree(run.directory)
    return 1 if run.wrong else 0


sys.exit(main())
