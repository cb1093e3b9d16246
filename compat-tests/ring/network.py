"""Where the daemons of a test live: network namespaces joined by bridges, or loopback addresses."""

import os
import subprocess


def ip(*words, check=True):
    return subprocess.run(["ip", *words], check=check, capture_output=True, text=True)


def calm_tcp(name):
    """A client whose daemon did not read for half a minute repeats its segments up to a minute apart, which looks like
    messages lost at the end of a run. Kernels before 6.15 have no such limit."""
    subprocess.run(["ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv4.tcp_rto_max_ms=1000"], capture_output=True)


class Namespaces:
    """One namespace a daemon, all on bridges in another one. A component of the network is a bridge."""

    can_cut = True

    def __init__(self, count):
        self.count = count
        self.tag = f"ring{os.getpid()}"
        self.hub = f"{self.tag}-hub"
        self.names = [f"{self.tag}-{i + 1}" for i in range(count)]
        try:
            self.build()
        except (OSError, subprocess.CalledProcessError):
            self.close()
            raise

    def build(self):
        ip("netns", "add", self.hub)
        for k in range(self.count):
            ip("-n", self.hub, "link", "add", f"br{k}", "type", "bridge", "mcast_snooping", "0")
            ip("-n", self.hub, "link", "set", f"br{k}", "up")
        for i, name in enumerate(self.names):
            ip("netns", "add", name)
            calm_tcp(name)
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", name, "link", "add", "eth0", "type", "veth", "peer", "name", f"port{i}", "netns", self.hub)
            ip("-n", name, "addr", "add", f"{self.address(i)}/24", "brd", "+", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", self.hub, "link", "set", f"port{i}", "master", "br0", "up")

    def address(self, index):
        return f"10.77.0.{11 + index}"

    def interface_block(self, _):
        return ""

    def enter(self, index):
        """What goes before a command to run it in the place of a daemon."""
        return ["ip", "netns", "exec", self.names[index]]

    def divide(self, components):
        """Each list of indices becomes a network of its own."""
        for bridge, component in enumerate(components):
            for index in component:
                ip("-n", self.hub, "link", "set", f"port{index}", "master", f"br{bridge}")

    def close(self):
        for name in [*self.names, self.hub]:
            ip("netns", "del", name, check=False)


class Switched(Namespaces):
    """The namespaces hang on a switch of ours that loses, doubles, delays and reorders (switch.c)."""

    def __init__(self, count, program, seed, lines):
        """`lines`: words of a schedule for the switch."""
        self.program = program
        self.seed = seed
        self.lines = lines
        self.switch = None
        super().__init__(count)

    def build(self):
        for name in self.names:
            ip("netns", "add", name)
        self.switch = subprocess.Popen(
            [self.program, str(self.seed), *self.names], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.switch.stdout.readline()
        for i, name in enumerate(self.names):
            calm_tcp(name)
            ip("-n", name, "link", "set", "lo", "up")
            ip("-n", name, "addr", "add", f"{self.address(i)}/24", "brd", "+", "dev", "eth0")
            ip("-n", name, "link", "set", "eth0", "txqueuelen", "5000", "up")
        for line in self.lines:
            self.tell(line)

    def tell(self, line):
        self.switch.stdin.write(line + "\n")
        self.switch.stdin.flush()
        self.report = self.switch.stdout.readline().strip()

    def divide(self, components):
        of = {index: k for k, component in enumerate(components) for index in component}
        self.tell("divide " + " ".join(str(of[i]) for i in range(self.count)))

    def close(self):
        if self.switch:
            self.switch.kill()
            self.switch.wait()
        super().close()


class Loopback:
    """Addresses 127.0.0.k with interface lists. Nothing can be cut."""

    can_cut = False

    def __init__(self, count):
        self.count = count

    def address(self, index):
        return f"127.0.0.{11 + index}"

    def interface_block(self, index):
        return f" {{ {self.address(index)} }}"

    def enter(self, _):
        return []

    def divide(self, components):
        raise RuntimeError("loopback cannot be cut")

    def close(self):
        pass


def make(count, switch=None):
    """Namespaces where they can be made, else loopback, saying so. `switch`: program, seed and first lines of a switch."""
    try:
        if switch:
            return Switched(count, *switch)
        return Namespaces(count)
    except (OSError, subprocess.CalledProcessError) as failure:
        why = getattr(failure, "stderr", None) or str(failure)
        print(f"ring: no network namespaces ({why.strip()}): loopback addresses, no partitions", flush=True)
        return Loopback(count)
