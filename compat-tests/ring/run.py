#!/usr/bin/env python3
"""Rings of real daemons under faults, judged by what their clients saw.

Starts 2 to 5 daemons in network namespaces of its own (on loopback addresses where none can be made), clients that join,
leave and send at random through the installed library, cuts and heals the network, kills and pauses daemons; then lets
everything come together, and has spread-check judge the clients' traces.

  run.py PREFIX [--stock PREFIX] [--pattern OSS] [--seconds 20] [--seed 1] [--check PATH] [--keep]
  run.py PREFIX --schedule FILE ...      the faults of a schedule, of spread-sim --seed X --print-schedule for one

A pattern has one letter a daemon in the order of the configuration, O for PREFIX, S for the stock installation; the
first one leads. Exit status: 0 all is well, 1 violations, 2 could not run.
"""

import argparse
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

import cluster
import network
import schedule

# Seconds. A stock daemon that leads and is back sooner may give the id of a past membership anew: its times run ahead of
# the clock, and it forgets them (evs-properties 11, D8). With many changes a minute they run ahead by far more: it stays
# away until the clock has passed them.
STOCK_AWAY = 5

HERE = os.path.dirname(os.path.abspath(__file__))


def options():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("prefix", help="where the library, and the daemons O, are installed")
    parser.add_argument("--stock", help="prefix of a stock 5.0.1 installation, for the daemons S")
    parser.add_argument("--daemon", help="the program of the daemons O (PREFIX/sbin/spread)")
    parser.add_argument("--pattern", help="OOO, OSS, ...")
    parser.add_argument("--daemons", type=int, default=3, help="without --pattern: so many O")
    parser.add_argument("--segments", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=20, help="how long faults go on")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--clients", type=int, default=2, help="of each daemon")
    parser.add_argument("--interval", type=int, default=10000, help="microseconds between what a client does")
    parser.add_argument("--largest", type=int, default=100000, help="bytes of the largest message")
    parser.add_argument("--faults", default="cut,kill,pause", help="any of cut, kill, stop, pause; or none")
    parser.add_argument("--pace", type=float, default=1, help="times between and of faults, as a part of the usual ones")
    parser.add_argument("--changes", type=int, default=0, help="go on until the ring changed so often")
    parser.add_argument("--deliveries", type=int, default=0, help="go on until clients got so many messages")
    parser.add_argument("--loss", type=int, default=0, help="frames lost in 10000, by a switch of ours")
    parser.add_argument("--double", type=int, default=0, help="frames doubled in 10000")
    parser.add_argument("--delay", type=int, default=0, help="mean delay of frames in microseconds")
    parser.add_argument("--family", choices=["ipv4", "ipv6", "link-local"], default="ipv4")
    parser.add_argument("--schedule", help="file of faults (schedule.py); instead of --seed, --seconds, --faults and the like")
    parser.add_argument("--timeouts", choices=list(cluster.TIMEOUTS),
                        help="of the daemons; usual with --schedule, else short")
    parser.add_argument("--options", default="AcceleratedRing = false", help="lines for the configuration")
    parser.add_argument("--wire44", action="store_true", help="all on the wire of Spread 4.4.0; --stock is one of those then")
    parser.add_argument("--debug", default="", help="more DebugFlags for the daemons")
    parser.add_argument("--port", type=int, default=47800)
    parser.add_argument("--check", help="the program spread-check; without it traces are recorded and not judged")
    parser.add_argument("--keep", action="store_true", help="keep the directory of the run")
    result = parser.parse_args()
    if result.schedule:
        try:
            result.schedule = schedule.Schedule.read(result.schedule)
        except (OSError, ValueError) as error:
            parser.error(str(error))
        result.daemons, result.seed = result.schedule.daemons, result.schedule.seed
    result.timeouts = result.timeouts or ("usual" if result.schedule else "short")
    result.pattern = result.pattern or "O" * result.daemons
    if "S" in result.pattern and not result.stock:
        parser.error("a pattern with S needs --stock")
    if result.schedule and result.schedule.daemons != len(result.pattern):
        parser.error(f"the schedule is for {result.schedule.daemons} daemons")
    if not 2 <= len(result.pattern) <= 40 or set(result.pattern) - {"O", "S"}:
        parser.error("a pattern is 2 to 40 letters O and S")
    if result.wire44:
        result.options += "\n#@ Wire44 = on"
    result.daemon = result.daemon or os.path.join(result.prefix, "sbin", "spread")
    return result


class Run:
    def __init__(self, chosen):
        # Ended from outside, too, it leaves no daemons and namespaces behind.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        self.chosen = chosen
        self.random = random.Random(chosen.seed)
        self.directory = tempfile.mkdtemp(prefix="spread-ring-")
        self.clients = []
        self.failures = []
        self.faults = {}
        self.started = time.monotonic()
        self.delivered = {}
        # What happens, to be tried in the simulator.
        self.record = chosen.schedule or self.chosen_faults()
        needs_switch = chosen.schedule or chosen.loss or chosen.double or chosen.delay
        switch = needs_switch and (
            self.build("switch", ["-lm"]), chosen.seed, [f"port {chosen.port}", *self.record.switch_lines])
        self.network = network.make(len(chosen.pattern), switch, chosen.family)
        stock = chosen.stock and os.path.join(chosen.stock, "sbin", "spread")
        self.cluster = cluster.Cluster(
            chosen.pattern, chosen.daemon, stock, self.network, self.directory, chosen.port, chosen.segments,
            chosen.options, chosen.debug, chosen.timeouts)

    def say(self, text):
        print(f"{time.monotonic() - self.started:7.2f}  {text}", flush=True)

    def chosen_faults(self):
        loss, double, delay = self.chosen.loss / 1e4, self.chosen.double / 1e4, self.chosen.delay / 1e6
        return schedule.Schedule(
            len(self.chosen.pattern), seed=str(self.chosen.seed), loss=",".join([str(loss)] * 4), duplicate=str(double),
            delayMean=str(delay), keepsOrder="false" if delay else "true")

    # The parts of a run

    def build(self, name, words):
        program = os.path.join(self.directory, name)
        source = os.path.join(HERE, name + ".c")
        subprocess.run([os.environ.get("CC", "cc"), "-O2", "-o", program, source, *words], check=True)
        return program

    def build_client(self):
        library = os.path.join(self.chosen.prefix, "lib")
        return self.build("client", [
            "-I", os.path.join(self.chosen.prefix, "include"), "-L", library, "-lspread", f"-Wl,-rpath,{library}"])

    def start(self):
        program = self.build_client()
        self.cluster.start()
        started = time.monotonic()
        if not self.cluster.wait_whole(30):
            self.failures.append("the daemons did not come together at the start")
        self.say(f"the ring is whole, {time.monotonic() - started:.1f} s after the last daemon was started")
        for daemon in self.cluster.daemons:
            for number in range(self.chosen.clients):
                self.clients.append(cluster.Client(
                    program, daemon, number, self.directory, self.random.getrandbits(60),
                    ["--interval", str(self.chosen.interval), "--largest", str(self.chosen.largest),
                     "--stays", str(int(number == 0)), "--discards", str(int(daemon.index == 0 and number == 1))]))

    def look_after(self, restart=True):
        for daemon in self.cluster.daemons:
            ended = daemon.check_exit()
            if ended:
                self.say(f"{daemon.name} ({daemon.kind}) ended with {ended[0]}: {' | '.join(ended[1])}")
                if daemon.kind == "O":
                    self.failures.append(f"{daemon.name} ended by itself: {ended}")
            if restart and ended and len(daemon.exits) < 20:
                daemon.start()

    def sleep(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.look_after()
            time.sleep(min(0.1, max(0, end - time.monotonic())))

    def count(self, kind):
        self.faults[kind] = self.faults.get(kind, 0) + 1

    # Faults by chance

    def since_trouble(self):
        return time.monotonic() - self.trouble_began

    def note(self, began, kind, *words):
        lasted = f"{self.since_trouble() - began:.3f}s"
        words = {"cut": [lasted, *words], "crash": [*words, "back=" + lasted], "pause": [*words, lasted]}[kind]
        self.record.events.append((began, [kind, *words]))

    def rest(self, choices):
        self.sleep(self.chosen.pace * self.random.choice(choices) * self.random.uniform(0.7, 1.3))

    def cut(self):
        order = list(range(len(self.cluster.daemons)))
        self.random.shuffle(order)
        parts = 3 if len(order) > 2 and self.random.random() < 0.2 else 2
        cuts = sorted(self.random.sample(range(1, len(order)), parts - 1))
        components = [sorted(order[a:b]) for a, b in zip([0, *cuts], [*cuts, len(order)])]
        self.say("cut " + " | ".join(" ".join(f"d{i + 1}" for i in part) for part in components))
        began = self.since_trouble()
        self.network.divide(components)
        self.count("cut")
        self.rest([0.3, 1, 2.5, 5])
        self.network.divide([range(len(self.cluster.daemons))])
        self.say("healed")
        self.note(began, "cut", *schedule.links(components))

    def kill(self):
        self.end_and_start(self.random.choice(self.cluster.daemons), "kill", [0, 0.2, 1, 3])

    def stop(self):
        self.end_and_start(self.random.choice(self.cluster.daemons), "stop", [0, 1, 3])

    def end_and_start(self, daemon, kind, choices):
        self.say(f"{kind} {daemon.name}")
        self.count(kind + (" of stock" if daemon.kind == "S" else ""))
        began = self.since_trouble()
        if daemon.is_running:
            daemon.kill() if kind == "kill" else daemon.stop()
        if daemon.kind == "O":
            self.rest(choices)
        else:
            self.sleep(max(STOCK_AWAY, self.cluster.newest_time() + 2 - time.time()))
        if not daemon.is_running:
            daemon.start()
        self.say(f"{daemon.name} started again")
        self.note(began, "crash", daemon.name)

    def pause(self):
        daemon = self.random.choice(self.cluster.daemons)
        seconds = self.random.choice([0.1, 0.4, 0.8, 2])
        self.say(f"pause {daemon.name} for {seconds} s")
        self.count("pause")
        began = self.since_trouble()
        daemon.signal(signal.SIGSTOP)
        self.sleep(seconds)
        daemon.signal(signal.SIGCONT)
        self.note(began, "pause", daemon.name)

    def is_enough(self):
        return (self.since_trouble() >= self.chosen.seconds
                and (not self.chosen.changes or self.cluster.changes() >= self.chosen.changes)
                and (not self.chosen.deliveries or self.deliveries() >= self.chosen.deliveries))

    def trouble(self):
        kinds = [kind for kind in self.chosen.faults.split(",") if kind != "none"]
        if not self.network.can_cut:
            kinds = [kind for kind in kinds if kind != "cut"]
        self.trouble_began = time.monotonic()
        while not self.is_enough():
            self.rest([0.2, 1, 3])
            if kinds and not self.is_enough():
                getattr(self, self.random.choice(kinds))()

    # Faults of a schedule

    def follow(self, faults):
        """What clocks do is left out: daemons of one machine have one."""
        steps = []
        for at, words in faults.events:
            length = schedule.length(words)
            end = None if length is None else at + length
            if words[0] == "cut":
                between = " ".join(words[2:])
                steps.append((at, self.network.tell, "cut " + between))
                if end is not None:
                    steps.append((end, self.network.tell, "heal " + between))
                continue
            daemon = self.cluster.daemons[int(words[1][1:]) - 1]
            steps.append((at, self.begin, words[0], daemon))
            if end is not None:
                # A stock daemon stays away longer than that, if need be.
                away = STOCK_AWAY if words[0] == "crash" and daemon.kind == "S" else 0
                steps.append((max(end, at + away), self.finish, words[0], daemon))
        self.trouble_began = time.monotonic()
        for at, action, *arguments in sorted(steps, key=lambda step: step[0]):
            if at >= faults.quiet:
                break
            self.sleep(at - self.since_trouble())
            self.say(" ".join(word if isinstance(word, str) else word.name for word in arguments))
            action(*arguments)
        self.sleep(faults.quiet - self.since_trouble())
        self.network.tell("calm")
        for daemon in self.cluster.daemons:
            daemon.signal(signal.SIGCONT)
            if not daemon.is_running:
                daemon.start()
        # A ring that was cut last may need so long to notice.
        self.sleep(faults.end - faults.quiet)

    def begin(self, kind, daemon):
        self.count(kind)
        if kind == "pause":
            daemon.signal(signal.SIGSTOP)
        elif daemon.is_running:
            daemon.kill()

    def finish(self, kind, daemon):
        if kind == "pause":
            daemon.signal(signal.SIGCONT)
        elif not daemon.is_running:
            daemon.start()

    def deliveries(self):
        """What the clients got so far; read on from where it was read to."""
        for client in self.clients:
            at, found = self.delivered.get(client, (0, 0))
            with open(client.trace, "rb") as file:
                file.seek(at)
                while block := file.read(1 << 20):
                    whole = block[:block.rfind(b"\n") + 1]
                    if not whole:
                        break
                    found += whole.count(b'{"ev":"recv"')
                    at += len(whole)
                    file.seek(at)
            self.delivered[client] = (at, found)
        return sum(found for _, found in self.delivered.values())

    # The end

    def come_together(self):
        for client in self.clients:
            client.signal(signal.SIGUSR1)
        if not self.cluster.wait_whole(40):
            self.failures.append("the daemons did not come together in the end")
        if isinstance(self.network, network.Switched):
            self.network.tell("calm")
        self.sleep(2)
        quiet = time.monotonic_ns()
        self.sleep(2)
        for number, seconds in [(signal.SIGUSR2, 1.5), (signal.SIGTERM, 1)]:
            for client in self.clients:
                client.signal(number)
            self.sleep(seconds)
        self.write_run(quiet)

    def write_run(self, quiet):
        with open(os.path.join(self.directory, "run.json"), "w") as file:
            names = [daemon.name for daemon in self.cluster.daemons]
            json.dump({"ev": "run", "daemons": names, "core": names, "quiet": quiet, "settled": True}, file)
            file.write("\n")

    def judge(self):
        if isinstance(self.network, network.Switched):
            self.say(f"frames: {self.network.report}")
        traces = [client.trace for client in self.clients]
        received = self.deliveries()
        views = sum(count_lines(trace, b'{"ev":"view"') for trace in traces)
        self.say(
            f"{self.cluster.changes()} changes of the ring (different memberships of two daemons or more), "
            + f"{self.cluster.installations()} installations, {views} views, {received} deliveries, "
            + f"faults {self.faults}")
        exits = [(daemon.name, *ended) for daemon in self.cluster.daemons for ended in daemon.exits]
        if exits:
            self.say(f"{len(exits)} daemons ended by themselves")
        if not self.chosen.check:
            print("ring: NOT JUDGED, no spread-check given")
            return
        result = subprocess.run(
            [self.chosen.check, *traces, os.path.join(self.directory, "run.json")], capture_output=True, text=True)
        with open(os.path.join(self.directory, "report.txt"), "w") as file:
            file.write(result.stdout)
        print(shortened(result.stdout))
        print(result.stderr, end="")
        if result.returncode:
            self.failures.append(f"spread-check: exit status {result.returncode}")

    def close(self):
        for client in self.clients:
            if client.process.poll() not in (None, -9):
                self.failures.append(f"a client of {client.daemon.name} ended with {client.process.returncode}")
            client.process.kill()
            client.process.wait()
        self.cluster.close()
        self.network.close()

    def run(self):
        try:
            self.start()
            if self.chosen.schedule:
                self.follow(self.chosen.schedule)
            else:
                self.trouble()
                quiet = int(self.since_trouble() * 1e9)
                self.record.options.update(quiet=str(quiet), end=str(quiet + 20_000_000_000))
            self.come_together()
        finally:
            self.close()
        self.judge()
        for failure in self.failures:
            print(f"ring: {failure}")
        self.record.write(os.path.join(self.directory, "schedule.txt"))
        if self.failures or self.chosen.keep:
            print(f"ring: logs and traces in {self.directory}; again with --seed {self.chosen.seed}")
        else:
            shutil.rmtree(self.directory)
        print(f"ring: {self.chosen.pattern} seed {self.chosen.seed}: {'FAILED' if self.failures else 'passed'}")
        return 1 if self.failures else 0


def shortened(report):
    """The violations with their proofs, not all of many, and the last line; warnings stay in the file."""
    lines = []
    is_warning = False
    for line in report.splitlines():
        if not line.startswith(" "):
            is_warning = line.startswith("warning") or line.startswith("E5r")
        if not is_warning:
            lines.append(line)
    return "\n".join(lines[:40] + (["..."] if len(lines) > 60 else []) + lines[max(40, len(lines) - 20):])


def count_lines(path, start):
    with open(path, "rb") as file:
        return sum(1 for line in file if line.startswith(start))


def main():
    chosen = options()
    if chosen.family != "ipv4" and not os.path.exists("/proc/net/if_inet6"):
        print(f"\n*** NOT TESTED: a ring on {chosen.family} addresses. This machine has no IPv6.\n")
        return 0
    return Run(chosen).run()


if __name__ == "__main__":
    sys.exit(main())
