#!/usr/bin/env python3
"""Three sites of two daemons, far from each other: how old messages are when they come to the third site.

usage: wide.py [options] PREFIX
    --stock PREFIX   another tree beside it, run by run in turn
    --rounds N       of each row and side; the table shows medians (5)
    --messages N     of each run (500)
    --delay MS       one way between two sites (20)
    --only REGEX     rows whose name matches
    --mixed PATTERN  the first tree's ring has these members: OSSSSS, ... (O: PREFIX, S: --stock)
    --seed N         of the losses (1)
    --port N         the first of the ports used (46800)

Needs root: each daemon has a network namespace, a switch of ours (compat-tests/ring/switch.c) loses and delays what goes
between sites. The sender is at the first daemon of site 1, the receiver at the first of site 3, both through the first
tree's library; one message of 200 bytes every 20 ms. Loss is random and independent for each datagram either way,
tokens included; what clients say to their daemons is not touched. Both rings are up at the same time.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "compat-tests", "ring"))
sys.dont_write_bytecode = True
import cluster  # noqa: E402
import network  # noqa: E402

SITES = (0, 0, 1, 1, 2, 2)
# Name, loss, service, lines for the configuration.
ROWS = [
    ("no loss, RELIABLE", 0, "reliable"),
    ("no loss, AGREED", 0, "agreed"),
    ("no loss, SAFE", 0, "safe"),
    ("0.1 % loss, AGREED", 0.001, "agreed"),
    ("1 % loss, RELIABLE", 0.01, "reliable"),
    ("1 % loss, AGREED", 0.01, "agreed"),
    ("1 % loss, SAFE", 0.01, "safe"),
    ("3 % loss, AGREED", 0.03, "agreed"),
]
COLUMNS = ("p50", "p90", "p99", "most")


class Side:
    """Six daemons on a switch."""

    def __init__(self, name, pattern, options, scratch, number):
        self.name = name
        self.directory = os.path.join(scratch, name)
        os.mkdir(self.directory)
        port = options.port + 100 * number
        delay = options.delay / 1000
        lines = [f"port {port}", "sites " + " ".join(map(str, SITES)), f"delay {delay} 0", "order kept"]
        self.network = network.Switched(len(SITES), "ipv4", build("switch", self.directory, ["-lm"]), options.seed, lines)
        self.cluster = cluster.Cluster(
            pattern, os.path.join(options.prefix, "sbin/spread"), options.stock and os.path.join(options.stock, "sbin/spread"),
            self.network, self.directory, port, segments=3, timeouts="default")
        library = os.path.join(options.prefix, "lib")
        self.load = build("load", self.directory, [
            "-I", os.path.join(options.prefix, "include"), "-L", library, "-lspread", f"-Wl,-rpath,{library}"])

    def start(self):
        self.cluster.start()
        if not self.cluster.wait_whole(90):
            sys.exit(f"wide.py: the ring of {self.name} does not form: see the logs in {self.directory}")

    def client(self, daemon, *words):
        address = f"{daemon.port}@{self.network.address(daemon.index)}"
        return subprocess.Popen([*self.network.enter(daemon.index), self.load, words[0], address, *words[1:]],
                                stdout=subprocess.PIPE, text=True)

    def measure(self, loss, service, messages):
        changes = self.cluster.changes()
        receiver = self.client(self.cluster.daemons[4], "watch", "wide", str(messages))
        receiver.stdout.readline()
        self.network.tell("loss" + f" {loss}" * 4)
        sender = self.client(self.cluster.daemons[0], "pace", "wide", "200", service, "20000", str(messages))
        try:
            result = json.loads(receiver.communicate(timeout=messages * 0.02 + 60)[0])
        finally:
            receiver.kill()
            sender.wait(60)
            self.network.tell("loss 0 0 0 0")
        result["changes"] = self.cluster.changes() - changes
        return result

    def close(self):
        self.cluster.close()
        self.network.close()


def build(name, directory, words):
    source = {"switch": "../compat-tests/ring/switch.c", "load": "load.c"}[name]
    program = os.path.join(directory, name)
    subprocess.run(["cc", "-O2", "-o", program, os.path.join(HERE, source), *words], check=True)
    return program


def show(row, sides, options):
    name, loss, service = row
    found = {side.name: [] for side in sides}
    for _ in range(options.rounds):
        for side in sides:
            found[side.name].append(side.measure(loss, service, options.messages))
    middle = {side.name: [statistics.median(run[column] for run in found[side.name]) for column in COLUMNS] for side in sides}
    changes = {side.name: sum(run["changes"] for run in found[side.name]) for side in sides}
    for side in sides:
        line = f"{name:<22}{side.name:<8}" + "".join(f"{value:>9.1f}" for value in middle[side.name])
        if len(sides) > 1 and side is sides[0]:
            line += "   ratio" + "".join(f"{a / b:>7.3f}" for a, b in zip(middle[side.name], middle[sides[1].name]))
        print(line + (f"   {changes[side.name]} CHANGES of the ring" if changes[side.name] else ""), flush=True)


def main():
    parser = argparse.ArgumentParser(usage="wide.py [options] PREFIX", add_help=False)
    parser.add_argument("prefix", nargs="?")
    parser.add_argument("--stock")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=500)
    parser.add_argument("--delay", type=float, default=20)
    parser.add_argument("--only", default="")
    parser.add_argument("--mixed", default="OOOOOO")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--port", type=int, default=46800)
    parser.add_argument("--help", "-h", action="store_true")
    options = parser.parse_args()
    if options.help or not options.prefix:
        print(__doc__.strip())
        sys.exit(0 if options.help else 2)
    options.prefix = os.path.abspath(options.prefix)
    scratch = tempfile.mkdtemp(prefix="spread-wide.")
    sides = []
    try:
        sides.append(Side("ours" if "S" not in options.mixed else "mixed", options.mixed, options, scratch, 0))
        if options.stock:
            sides.append(Side("stock", "SSSSSS", options, scratch, 1))
        for side in sides:
            side.start()
        print(f"{options.rounds} rounds of {options.messages} messages, medians; {options.delay:g} ms one way between sites; "
              f"load {os.getloadavg()[0]:.1f}; ms")
        print(f"{'':<30}" + "".join(f"{column:>9}" for column in COLUMNS))
        for row in ROWS:
            if re.search(options.only, row[0]):
                show(row, sides, options)
    finally:
        for side in sides:
            side.close()
        shutil.rmtree(scratch, ignore_errors=True)


main()
