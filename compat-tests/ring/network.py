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
    # By this process, for their names.
    made = 0

    def __init__(self, count, family="ipv4"):
        """`family`: ipv4, ipv6, or link-local: fe80 addresses with the scope of each one's device."""
        self.count = count
        self.family = family
        Namespaces.made += 1
        self.tag = f"ring{os.getpid()}.{Namespaces.made}"
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
            self.give_address(name, i)
            ip("-n", name, "link", "set", "eth0", "up")
            self.route_multicast(name)
            ip("-n", self.hub, "link", "set", f"port{i}", "master", "br0", "up")

    def address(self, index):
        """As clients and the configuration write it."""
        prefix = {"ipv4": "10.77.0.", "ipv6": "fd77::", "link-local": "fe80::77:"}[self.family]
        return f"{prefix}{11 + index}" + ("%eth0" if self.family == "link-local" else "")

    def segment_address(self, k):
        return {"ipv4": f"239.77.1.{k + 1}", "ipv6": f"ff05::77:{k + 1}", "link-local": f"ff02::77:{k + 1}"}[self.family]

    def give_address(self, name, index):
        address = self.address(index).split("%")[0]
        if self.family == "ipv4":
            ip("-n", name, "addr", "add", f"{address}/24", "brd", "+", "dev", "eth0")
        else:
            ip("-n", name, "addr", "add", f"{address}/64", "dev", "eth0", "nodad")
            # Multicast without a route of its own goes nowhere.
            ip("-n", name, "link", "set", "eth0", "up")
            ip("-n", name, "-6", "route", "add", "multicast", "ff00::/8", "dev", "eth0", "table", "local", check=False)

    def route_multicast(self, name):
        """Daemons of 4.4.0 join and send by the routing table."""
        if self.family == "ipv4":
            ip("-n", name, "route", "add", "224.0.0.0/4", "dev", "eth0")

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

    def __init__(self, count, family, program, seed, lines):
        """`lines`: words of a schedule for the switch."""
        self.program = program
        self.seed = seed
        self.lines = lines
        self.switch = None
        super().__init__(count, family)

    def build(self):
        for name in self.names:
            ip("netns", "add", name)
        self.switch = subprocess.Popen(
            [self.program, str(self.seed), *self.names], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.switch.stdout.readline()
        for i, name in enumerate(self.names):
            calm_tcp(name)
            ip("-n", name, "link", "set", "lo", "up")
            self.give_address(name, i)
            ip("-n", name, "link", "set", "eth0", "txqueuelen", "5000", "up")
            self.route_multicast(name)
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

    def segment_address(self, k):
        return f"239.77.1.{k + 1}"

    def interface_block(self, index):
        return f" {{ {self.address(index)} }}"

    def enter(self, _):
        return []

    def divide(self, components):
        raise RuntimeError("loopback cannot be cut")

    def close(self):
        pass


def make(count, switch=None, family="ipv4"):
    """Namespaces where they can be made, else loopback, saying so. `switch`: program, seed and first lines of a switch."""
    try:
        if switch:
            return Switched(count, family, *switch)
        return Namespaces(count, family)
    except (OSError, subprocess.CalledProcessError) as failure:
        why = getattr(failure, "stderr", None) or str(failure)
        print(f"ring: no network namespaces ({why.strip()}): loopback addresses, no partitions", flush=True)
        return Loopback(count)
