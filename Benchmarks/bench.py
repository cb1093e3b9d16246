"""How fast, and with how much CPU and memory, an installed tree serves: a table, no verdict.

usage: bench.py [options] PREFIX
    --stock PREFIX   another tree beside it, run by run in turn
    --rounds N       of each row and side; the table shows medians (3)
    --seconds S      of each run (1)
    --only REGEX     rows whose name matches
    --ring N         rows with N daemons on this machine instead of one
    --port N         the first of the ports used (4900)
    --json FILE      every single run

The daemons of both sides are up together; an idle one costs next to nothing. CPU is that of all threads of all daemons
of the side, by /proc, and that of its clients, which use its own library. Messages are counted once however many
receive them; a delivery is one message at one receiver. Lines that end in "!" had a run that failed.
"""

import argparse
import json
import os
import re
import select
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SIZES = (64, 1024, 8192, 100000)
CLIENTS = 200
LOCAL_TIMERS = {"Token": 1250, "Hurry": 500, "Alive": 250, "Join": 250, "Rep": 625, "Seg": 500, "Gather": 1250,
                "Form": 1250, "Lookup": 30000}


class Side:
    """One installed tree: its load program and its daemons."""

    def __init__(self, name, prefix, port, daemons, scratch):
        self.name, self.prefix, self.port, self.daemons = name, os.path.abspath(prefix), port, daemons
        self.directory = os.path.join(scratch, name)
        os.mkdir(self.directory)
        self.load = os.path.join(self.directory, "load")
        subprocess.run(["cc", "-O2", "-o", self.load, os.path.join(HERE, "load.c"), f"-I{self.prefix}/include",
                        f"-L{self.prefix}/lib", f"-Wl,-rpath,{self.prefix}/lib", "-lspread"], check=True)
        self.processes = []

    def configure(self):
        """A segment and a port for each daemon: all of them have the address 127.0.0.1."""
        text = "".join(f"Spread_Segment 127.0.0.255:{self.port + 5 * i} {{\n  d{i + 1} 127.0.0.1\n}}\n"
                       for i in range(self.daemons))
        user, group = (subprocess.run(["id", option], capture_output=True, text=True, check=True).stdout.strip()
                       for option in ("-un", "-gn"))
        text += f"DaemonUser = {user}\nDaemonGroup = {group}\nRuntimeDir = {self.directory}\nSocketPortReuse = ON\n"
        text += "EventPriority = WARNING\n"
        # Several segments have the timers of a wide-area network; these are the ones of a local one.
        text += "".join(f"{name}Timeout = {milliseconds}\n" for name, milliseconds in LOCAL_TIMERS.items())
        with open(os.path.join(self.directory, "spread.conf"), "w", encoding="ascii") as file:
            file.write(text)

    def launch(self, number):
        with open(os.path.join(self.directory, f"log{number + 1}"), "w", encoding="ascii") as log:
            return subprocess.Popen(
                [self.prefix + "/sbin/spread", "-n", f"d{number + 1}", "-c", "spread.conf"], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, cwd=self.directory)

    def start(self):
        self.configure()
        self.processes = [self.launch(i) for i in range(self.daemons)]
        time.sleep(1 if self.daemons == 1 else 4)
        for i in range(self.daemons):
            self.run("hold", self.address(i), "1", "connect", close=True)

    def stop(self):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes = []

    def address(self, daemon=0, tcp=False):
        return f"{self.port + 5 * daemon}" + ("@127.0.0.1" if tcp else "")

    def addresses(self, tcp=False):
        return ",".join(self.address(i, tcp) for i in range(self.daemons))

    def cpu(self):
        """Nanoseconds so far."""
        total = 0
        for process in self.processes:
            tasks = f"/proc/{process.pid}/task"
            for task in os.listdir(tasks):
                with open(f"{tasks}/{task}/schedstat", encoding="ascii") as file:
                    total += int(file.read().split()[0])
        return total

    def resident(self):
        """KB of the largest daemon."""
        sizes = []
        for process in self.processes:
            with open(f"/proc/{process.pid}/status", encoding="ascii") as file:
                sizes.append(int(re.search(r"VmRSS:\s+(\d+)", file.read()).group(1)))
        return max(sizes)

    def run(self, *arguments, close=False):
        done = subprocess.run([self.load, *arguments], input="" if close else None, capture_output=True, text=True,
                              timeout=120)
        if done.returncode:
            raise RuntimeError(f"{self.name}: load {' '.join(arguments)}: {done.stderr.strip() or done.stdout}")
        return json.loads(done.stdout)


class Views:
    """What a client of each daemon is told about one group."""

    def __init__(self, side, daemons):
        self.watchers = [subprocess.Popen([side.load, "views", side.address(i), "together"], stdin=subprocess.DEVNULL,
                                          stdout=subprocess.PIPE, bufsize=0) for i in daemons]

    def last(self, size, seconds=30):
        """When the last of them was told that the group has `size` members."""
        times, end = [], time.monotonic() + seconds
        for watcher in self.watchers:
            while True:
                if not select.select([watcher.stdout], [], [], max(0, end - time.monotonic()))[0]:
                    raise RuntimeError(f"no view of {size} within {seconds} s")
                at, members = watcher.stdout.readline().split()
                if int(members) == size:
                    times.append(int(at))
                    break
        return max(times)

    def end(self):
        for watcher in self.watchers:
            watcher.kill()
            watcher.wait()
            watcher.stdout.close()


# A row is a name, a unit, whether more is better, and a function of side and seconds to (value, CPU us per delivery of
# daemons, and of clients).

def flow(senders, receivers, size, service="agreed", tcp=False):
    def measure(side, seconds):
        before = side.cpu()
        result = side.run("flow", side.addresses(tcp), str(senders), str(receivers), str(size), service, str(seconds))
        deliveries = max(1, result["deliveries"])
        cpu = (side.cpu() - before) / 1000 / deliveries
        return result["messages"] / result["seconds"], cpu, result["client_cpu"] * 1e6 / deliveries
    transport = ", TCP" if tcp else ""
    return f"{senders} to {receivers}, {size} bytes, {service}{transport}", "messages/s", True, measure


def round_trip(side, seconds):
    before = side.cpu()
    result = side.run("self", side.address(), "64", str(seconds))
    return result["p50"], (side.cpu() - before) / 1000 / result["deliveries"], None


def paced(side, _):
    """From a client of the first daemon to one of the last, 200 messages in a second."""
    before, count = side.cpu(), 300
    watcher = subprocess.Popen([side.load, "watch", side.address(side.daemons - 1), "paced", str(count)],
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
    sender = None
    try:
        watcher.stdout.readline()
        time.sleep(0.3)
        sender = subprocess.Popen([side.load, "pace", side.address(), "paced", "1024", "agreed", "5000", str(count)],
                                  stdin=subprocess.DEVNULL)
        result = json.loads(watcher.communicate(timeout=30)[0])
        return result["p50"] * 1000, (side.cpu() - before) / 1000 / count, None
    finally:
        for process in filter(None, (watcher, sender)):
            process.kill()
            process.wait()


def formed(side, _):
    """From the start of all daemons until a client of each knows of those of all others."""
    side.stop()
    began = time.monotonic_ns()
    side.processes = [side.launch(i) for i in range(side.daemons)]
    views = Views(side, range(side.daemons))
    try:
        return (views.last(side.daemons) - began) / 1e6, None, None
    finally:
        views.end()


def killed(side, _):
    """From kill -9 of the last daemon until clients of the others know; then it comes back."""
    views = Views(side, range(side.daemons))
    try:
        views.last(side.daemons)
        time.sleep(0.5)
        began = time.monotonic_ns()
        side.processes[-1].kill()
        side.processes[-1].wait()
        views.watchers.pop().kill()
        took = (views.last(side.daemons - 1) - began) / 1e6
        side.processes[-1] = side.launch(side.daemons - 1)
        back = Views(side, [side.daemons - 1])
        try:
            back.last(side.daemons)
        finally:
            back.end()
        return took, None, None
    finally:
        views.end()


def held(how):
    """KB a client costs a daemon that has just started."""
    def measure(side, _):
        side.stop()
        side.start()
        before = side.resident()
        holder = subprocess.Popen([side.load, "hold", side.address(), str(CLIENTS), how], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, text=True)
        try:
            json.loads(holder.stdout.readline())
            time.sleep(0.3)
            return (side.resident() - before) / CLIENTS, None, None
        finally:
            holder.stdin.close()
            holder.wait(30)
    return measure


def idle_size(side, _):
    side.stop()
    side.start()
    return side.resident() / 1024, None, None


def size_now(side, _):
    return side.resident() / 1024, None, None


def connects(side, _):
    result = side.run("hold", side.address(), str(CLIENTS), "connect", close=True)
    return result["connected"] / result["seconds"], None, None


def idle_cpu(side, seconds):
    before = side.cpu()
    time.sleep(max(2, seconds))
    return (side.cpu() - before) / 1e7 / max(2, seconds), None, None


def table(daemons):
    if daemons > 1:
        each = daemons
        return ([("start until all are together", "ms", False, formed),
                 ("kill -9 until the others know", "ms", False, killed)]
                + [flow(each, each, size) for size in (64, 1024, 8192, 100000)]
                + [flow(each, each, 1024, service) for service in ("reliable", "safe")]
                + [flow(1, each, 1024), ("first to last, 200/s, 1024 bytes", "us", False, paced), ("own message back, 64 bytes", "us", False, round_trip),
                   ("idle CPU", "%", False, idle_cpu), ("memory after all of these", "MB", False, size_now)])
    return ([("memory when idle", "MB", False, idle_size),
             ("memory per client, connected", "KB", False, held("connect")),
             ("memory per client, joined", "KB", False, held("join")),
             ("memory per client, notices unread", "KB", False, held("unread")),
             ("connects one after another", "1/s", True, connects)]
            + [flow(1, 1, size) for size in SIZES]
            + [flow(1, 1, 1024, tcp=True), flow(1, 1, 1024, "reliable"), flow(4, 4, 1024), flow(1, 10, 1024),
               flow(1, 100, 1024), ("own message back, 64 bytes", "us", False, round_trip),
               ("idle CPU", "%", False, idle_cpu), ("memory after all of these", "MB", False, size_now)])


def show(value):
    return "-" if value is None else f"{value:.0f}" if value >= 1000 else f"{value:.3g}"


def measure_row(row, sides, options, runs):
    name, unit, more, measure = row
    values = {side.name: [] for side in sides}
    cpus = {side.name: [] for side in sides}
    client_cpus = {side.name: [] for side in sides}
    failed = ""
    for _ in range(options.rounds):
        for side in sides:
            try:
                value, cpu, client_cpu = measure(side, options.seconds)
            except (RuntimeError, subprocess.TimeoutExpired, OSError, ValueError) as error:
                print(f"    {error}", file=sys.stderr)
                failed = " !"
                continue
            values[side.name].append(value)
            if cpu is not None:
                cpus[side.name].append(cpu)
            if client_cpu is not None:
                client_cpus[side.name].append(client_cpu)
            runs.append({"row": name, "side": side.name, "value": value, "unit": unit, "cpu_us": cpu,
                         "client_cpu_us": client_cpu})
    line = f"{name:<34} {unit + (' +' if more else ' -'):<12}"
    for numbers in (values, cpus, client_cpus):
        middle = [statistics.median(numbers[side.name]) if numbers[side.name] else None for side in sides]
        line += "".join(f" {show(value):>7}" for value in middle)
        if len(sides) > 1:
            line += f" {middle[0] / middle[1]:>6.2f}" if None not in middle and middle[1] else f" {'-':>6}"
        line += "  "
    print(line.rstrip() + failed, flush=True)


def head(sides, options):
    names = "".join(f" {side.name:>7}" for side in sides) + (f" {'ratio':>6}" if len(sides) > 1 else "")
    print(f"{options.rounds} rounds of {options.seconds:g} s, medians; {os.cpu_count()} CPUs, load "
          f"{os.getloadavg()[0]:.1f}; + more is better, - less is better\n")
    titles = ("value", "daemon CPU", "client CPU", "(CPU: us per delivery)")
    print(f"{'':<47}" + "  ".join(f"{title:<{len(names)}}" for title in titles).rstrip())
    print(f"{'':<47}" + "  ".join([names] * 3))


def main():
    parser = argparse.ArgumentParser(usage="bench.py [options] PREFIX", add_help=False)
    parser.add_argument("prefix", nargs="?")
    parser.add_argument("--stock")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--only", default="")
    parser.add_argument("--ring", type=int, default=1)
    parser.add_argument("--port", type=int, default=4900)
    parser.add_argument("--json")
    parser.add_argument("--help", "-h", action="store_true")
    options = parser.parse_args()
    if options.help or not options.prefix:
        print(__doc__.strip())
        sys.exit(0 if options.help else 2)

    scratch = tempfile.mkdtemp(prefix="spread-bench.")
    sides, runs = [], []
    try:
        trees = [("ours", options.prefix)] + ([("stock", options.stock)] if options.stock else [])
        for number, (name, prefix) in enumerate(trees):
            sides.append(Side(name, prefix, options.port + 100 * number, options.ring, scratch))
            sides[-1].start()
        head(sides, options)
        for row in table(options.ring):
            if re.search(options.only, row[0]):
                measure_row(row, sides, options, runs)
    finally:
        for side in sides:
            side.stop()
        shutil.rmtree(scratch, ignore_errors=True)
        if options.json:
            with open(options.json, "w", encoding="ascii") as file:
                json.dump(runs, file, indent=1)


main()
