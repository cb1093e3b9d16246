"""The daemons and clients of a test: started, killed, asked, and looked after."""

import os
import re
import signal
import subprocess
import time

CONFIGURATION = """\
{segments}{options}
RuntimeDir = {runtime}
DaemonUser = {user}
DaemonGroup = {group}
EventLogFile = {log}
EventTimeStamp = "%H:%M:%S"
EventPreciseTimeStamp
DebugFlags = {{ PRINT EXIT CONFIGURATION {debug} }}
MaxSessionMessages = 100000
# A stock daemon could not be started again for a minute.
SocketPortReuse = on
{timeouts}"""

# Milliseconds. The usual ones are what a configuration that names none gets, and what the simulator runs with.
TIMEOUT_NAMES = ("Token", "Hurry", "Alive", "Join", "Rep", "Seg", "Gather", "Form", "Lookup")
TIMEOUTS = {
    # But for the last one: rings that lost each other would meet once a minute.
    "usual": (5000, 2000, 1000, 1000, 2500, 2000, 5000, 5000, 3000),
    # A run sees more memberships.
    "short": (500, 150, 100, 100, 250, 200, 500, 500, 2000),
    "shortest": (300, 100, 60, 60, 150, 120, 300, 300, 1000),
    # Not in the file, as most sites have it.
    "default": (),
}


def timeout_lines(which):
    return "".join(f"{name}Timeout = {value}\n" for name, value in zip(TIMEOUT_NAMES, TIMEOUTS[which]))

MEMBERSHIP = re.compile(r"Membership id is \( (-?\d+), (-?\d+)\)")
# A daemon of it; behind the address all but those of 4.4.0 tell the id.
MEMBER = re.compile(r"\t\t(\S+) +\t\S")


class Daemon:
    def __init__(self, index, kind, program, network, directory):
        self.index = index
        self.name = f"d{index + 1}"
        self.kind = kind
        self.program = program
        self.network = network
        self.log = os.path.join(directory, f"{self.name}.log")
        self.configuration = os.path.join(directory, f"{self.name}.conf")
        self.process = None
        self.exits = []
        open(self.log, "w").close()

    @property
    def is_running(self):
        return self.process is not None and self.process.poll() is None

    def start(self):
        command = [*self.network.enter(self.index), self.program, "-c", self.configuration, "-n", self.name]
        with open(self.log, "a") as log:
            log.write(f"---- started at {time.monotonic_ns()}\n")
            log.flush()
            self.process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)

    def signal(self, number):
        if self.is_running:
            self.process.send_signal(number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.process.wait()
        self.process = None

    def stop(self):
        self.signal(signal.SIGTERM)
        self.process.wait(10)
        self.process = None

    def check_exit(self):
        """A daemon that ended by itself: its last words."""
        if self.process is None or self.process.poll() is None:
            return None
        with open(self.log, errors="replace") as log:
            lines = [line.strip() for line in log.readlines()[-40:] if line.strip()]
        last = [line for line in lines if "Exit caused by Alarm" not in line][-1:]
        self.exits.append((self.process.returncode, last))
        self.process = None
        return self.exits[-1]

    def memberships(self):
        """(id, members) of each membership this daemon told of."""
        found = []
        with open(self.log, errors="replace") as log:
            for line in log:
                match = MEMBERSHIP.search(line)
                if match:
                    found.append((match.groups(), []))
                elif "---- started" in line:
                    found.append((None, []))
                elif found and (match := MEMBER.search(line)):
                    found[-1][1].append(match.group(1))
        return found


class Client:
    def __init__(self, program, daemon, number, directory, seed, options):
        self.daemon = daemon
        self.trace = os.path.join(directory, f"{daemon.name}-{number}.jsonl")
        address = f"{daemon.port}@{daemon.network.address(daemon.index)}"
        self.process = subprocess.Popen(
            [*daemon.network.enter(daemon.index), program, "--address", address,
             "--name", f"{daemon.name}{chr(97 + number)}", "--daemon", daemon.name, "--trace", self.trace, "--seed", str(seed), *options])

    def signal(self, number):
        self.process.send_signal(number)


class Cluster:
    """`pattern` has one letter a daemon: O ours, S stock."""

    def __init__(self, pattern, ours, stock, network, directory, port, segments=1, options="", debug="",
                 timeouts="short"):
        self.port = port
        self.network = network
        self.wire44 = "Wire44" in options
        self.daemons = [
            Daemon(i, kind, {"O": ours, "S": stock}[kind], network, directory) for i, kind in enumerate(pattern)]
        runtime = os.path.join(directory, "run")
        os.makedirs(runtime, exist_ok=True)
        parts = "".join(self.segment(k, segments) for k in range(segments))
        for daemon in self.daemons:
            with open(daemon.configuration, "w") as file:
                file.write(CONFIGURATION.format(
                    segments=parts, options=options, runtime=runtime,
                    user=user_name(), group=group_name(), log=daemon.log, debug=debug,
                    timeouts=timeout_lines(timeouts)))

    def own_id(self, daemon):
        """With stock daemons the ids lie near each other: three that lie in a circle make a stock daemon tell the sets
        of a view in an order of chance, another one in each group (evs-properties D9). With 4.4.0 ids are addresses."""
        has_stock = any(d.kind == "S" for d in self.daemons)
        return f" VirtualID = {(daemon.index + 1) * 1000}" if has_stock and not self.wire44 else ""

    def segment(self, k, count):
        """Neighbours in the configuration share a segment; each has a multicast address and a port of its own."""
        size = -(-len(self.daemons) // count)
        lines = [f"Spread_Segment {bracketed(self.network.segment_address(k))}:{self.port + 2 * k} {{"]
        for daemon in self.daemons[k * size:(k + 1) * size]:
            daemon.port = self.port + 2 * k
            block = self.network.interface_block(daemon.index)
            lines.append(f"  {daemon.name} {self.network.address(daemon.index)}{self.own_id(daemon)}{block}")
        return "\n".join([*lines, "}", ""])

    def start(self):
        for daemon in self.daemons:
            daemon.start()
            # They share /tmp, and stock daemons fight for the unix socket of the port.
            time.sleep(0.1)

    def is_whole(self):
        """Whether every daemon last told of the same membership of all."""
        last = set()
        for daemon in self.daemons:
            found = daemon.memberships()
            if not found or len(found[-1][1]) != len(self.daemons):
                return False
            last.add(found[-1][0])
        return len(last) == 1

    def wait_whole(self, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.is_whole():
                return True
            time.sleep(0.2)
        return False

    def installations(self):
        """Memberships installed, each by each daemon."""
        return sum(1 for daemon in self.daemons for entry in daemon.memberships() if entry[0])

    def newest_time(self):
        """The latest time in an id of a membership, seconds of the clock."""
        return max((int(entry[0][1]) for daemon in self.daemons for entry in daemon.memberships() if entry[0]), default=0)

    def changes(self):
        """Different memberships of two daemons or more: how often the ring changed, however many daemons told of it."""
        return len({entry[0] for daemon in self.daemons for entry in daemon.memberships()
                    if entry[0] and len(entry[1]) > 1})

    def close(self):
        for daemon in self.daemons:
            if daemon.is_running:
                daemon.kill()


def bracketed(address):
    return f"[{address}]" if ":" in address else address


def user_name():
    import pwd
    return pwd.getpwuid(os.geteuid()).pw_name


def group_name():
    import grp
    return grp.getgrgid(os.getegid()).gr_name
