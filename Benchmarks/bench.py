"""How fast, and with how much CPU and memory, an installed tree serves: a table, no verdict.

usage: bench.py [options] PREFIX
    --stock PREFIX   another tree beside it, run by run in turn
    --rounds N       of each row and side; the table shows medians (5)
    --seconds S      of each run (1)
    --only REGEX     rows whose name matches
    --ring N         rows with N daemons on this machine instead of one
    --port N         the first of the ports used (4900)
    --json FILE      every single run

Both daemons of a table are up together; an idle one costs next to nothing. CPU is that of all threads of all daemons of
the side, by /proc. Clients of a side use its own library. Messages are counted once however many receive them; a
delivery is one message at one receiver. Lines that end in "!" had a run that failed.
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
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SIZES = (64, 1024, 8192, 100000)
CLIENTS = 200


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

    def start(self):
        """A segment and a port for each daemon: all of them have the address 127.0.0.1."""
        text = "".join(f"Spread_Segment 127.0.0.255:{self.port + 5 * i} {{\n  d{i + 1} 127.0.0.1\n}}\n"
                       for i in range(self.daemons))
        user, group = (subprocess.run(["id", option], capture_output=True, text=True, check=True).stdout.strip()
                       for option in ("-un", "-gn"))
        text += f"DaemonUser = {user}\nDaemonGroup = {group}\nRuntimeDir = {self.directory}\nSocketPortReuse = ON\n"
        text += "EventPriority = WARNING\n"
        path = os.path.join(self.directory, "spread.conf")
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        for i in range(self.daemons):
            with open(os.path.join(self.directory, f"log{i + 1}"), "w", encoding="ascii") as log:
                self.processes.append(subprocess.Popen(
                    [self.prefix + "/sbin/spread", "-n", f"d{i + 1}", "-c", path], stdin=subprocess.DEVNULL,
                    stdout=log, stderr=log, cwd=self.directory))
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


# A row is a name, a unit, whether more is better, and a function of side and seconds to (value, CPU us per delivery).

def flow(senders, receivers, size, service="agreed", tcp=False):
    def measure(side, seconds):
        before = side.cpu()
        result = side.run("flow", side.addresses(tcp), str(senders), str(receivers), str(size), service, str(seconds))
        cpu = (side.cpu() - before) / 1000 / max(1, result["deliveries"])
        return result["messages"] / result["seconds"], cpu
    transport = ", TCP" if tcp else ""
    return f"{senders} to {receivers}, {size} bytes, {service}{transport}", "messages/s", True, measure


def round_trip(side, seconds):
    before = side.cpu()
    result = side.run("self", side.address(), "64", str(seconds))
    return result["p50"], (side.cpu() - before) / 1000 / result["deliveries"]


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
            return (side.resident() - before) / CLIENTS, None
        finally:
            holder.stdin.close()
            holder.wait(30)
    return measure


def idle_size(side, _):
    side.stop()
    side.start()
    return side.resident() / 1024, None


def size_now(side, _):
    return side.resident() / 1024, None


def connects(side, _):
    result = side.run("hold", side.address(), str(CLIENTS), "connect", close=True)
    return result["connected"] / result["seconds"], None


def idle_cpu(side, seconds):
    before = side.cpu()
    time.sleep(max(2, seconds))
    return (side.cpu() - before) / 1e7 / max(2, seconds), None


def table(daemons):
    if daemons > 1:
        each = daemons
        return ([flow(each, each, size) for size in (64, 1024, 1350, 8192)]
                + [flow(each, each, 1024, service) for service in ("reliable", "safe")]
                + [flow(1, each, 1024), ("own message back, 64 bytes", "us", False, round_trip),
                   ("idle CPU", "%", False, idle_cpu), ("memory after all of these", "MB", False, size_now)])
    return ([("memory when idle", "MB", False, idle_size),
             ("memory per client, connected", "KB", False, held("connect")),
             ("memory per client, joined", "KB", False, held("join")),
             ("memory per client, memberships unread", "KB", False, held("unread")),
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
    failed = ""
    for _ in range(options.rounds):
        for side in sides:
            try:
                value, cpu = measure(side, options.seconds)
            except (RuntimeError, subprocess.TimeoutExpired, OSError, ValueError) as error:
                print(f"    {error}", file=sys.stderr)
                failed = " !"
                continue
            values[side.name].append(value)
            if cpu is not None:
                cpus[side.name].append(cpu)
            runs.append({"row": name, "side": side.name, "value": value, "unit": unit, "cpu_us": cpu})
    middle = [statistics.median(values[side.name]) if values[side.name] else None for side in sides]
    middle_cpu = [statistics.median(cpus[side.name]) if cpus[side.name] else None for side in sides]
    cells = [f"{name:<38}", f"{unit + (' +' if more else ' -'):<13}"] + [f"{show(v):>9}" for v in middle]
    if len(sides) > 1:
        cells.append(f"{middle[0] / middle[1]:>7.2f}" if None not in middle and middle[1] else f"{'-':>7}")
    cells += [f"{show(v):>9}" for v in middle_cpu]
    if len(sides) > 1:
        cells.append(f"{middle_cpu[0] / middle_cpu[1]:>7.2f}" if None not in middle_cpu else f"{'-':>7}")
    print(" ".join(cells) + failed, flush=True)


def main():
    parser = argparse.ArgumentParser(usage="bench.py [options] PREFIX", add_help=False)
    parser.add_argument("prefix", nargs="?")
    parser.add_argument("--stock")
    parser.add_argument("--rounds", type=int, default=5)
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
        load = os.getloadavg()[0]
        print(f"{options.rounds} rounds of {options.seconds:g} s, medians; {os.cpu_count()} CPUs, load {load:.1f}; "
              "+ more is better, - less is better")
        names = [side.name for side in sides] + (["ratio"] if len(sides) > 1 else [])
        head = [f"{name:>{7 if name == 'ratio' else 9}}" for name in names]
        print(" ".join([f"{'':<38}", f"{'':<13}"] + head + head) + "   (right: daemon CPU us per delivery)")
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
