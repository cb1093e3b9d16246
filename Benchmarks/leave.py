#!/usr/bin/env python3
"""How long a ring needs to go on without a daemon that was told to stop, under traffic.

usage: leave.py [options] PREFIX
    --stock PREFIX    another tree, for the daemons S
    --pattern LETTERS one a daemon in the order of the configuration, the first one leads (OOO)
    --who N           which daemon leaves, 1 leads (the last one)
    --signal NAME     TERM or KILL (TERM)
    --rounds N        the line shows the median and the longest (5)
    --port N          the first of the ports used (46700)

Needs root: each daemon has a network namespace. At each daemon a client sends 1 KB AGREED every two milliseconds, the
leaving one too. The time goes from the signal until the last of the others has told of the new membership.
"""

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "compat-tests", "ring"))
sys.dont_write_bytecode = True
import cluster  # noqa: E402
import network  # noqa: E402


def watch(daemons, sizes, members):
    """Seconds from now until each daemon's log, read on from its size, tells of a membership of so many."""
    began = time.monotonic()
    left = list(daemons)
    while left and time.monotonic() < began + 20:
        for daemon in list(left):
            if os.stat(daemon.log).st_size > sizes[daemon.name] and len(daemon.memberships()[-1][1]) == members:
                left.remove(daemon)
        time.sleep(0.0005)
    if left:
        sys.exit(f"leave.py: {left[0].name} does not tell of the new membership")
    return time.monotonic() - began


def one(ring, who, load, number):
    leaving = ring.daemons[who]
    others = [daemon for daemon in ring.daemons if daemon is not leaving]
    senders = [
        subprocess.Popen(
            [*daemon.network.enter(daemon.index), load, "pace", f"{daemon.port}@{daemon.network.address(daemon.index)}",
             "leave", "1024", "agreed", "2000", "100000"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for daemon in ring.daemons]
    time.sleep(1)
    sizes = {daemon.name: os.stat(daemon.log).st_size for daemon in ring.daemons}
    leaving.signal(number)
    seconds = watch(others, sizes, len(others))
    for sender in senders:
        sender.kill()
        sender.wait()
    leaving.process.wait(10)
    # A stock daemon that is back at once may give the id of a past membership anew.
    time.sleep(max(1, ring.newest_time() + 2 - time.time()))
    leaving.start()
    if not ring.wait_whole(60):
        sys.exit("leave.py: the ring does not come together again")
    return seconds * 1000


def main():
    parser = argparse.ArgumentParser(usage="leave.py [options] PREFIX", add_help=False)
    parser.add_argument("prefix", nargs="?")
    parser.add_argument("--stock")
    parser.add_argument("--pattern", default="OOO")
    parser.add_argument("--who", type=int)
    parser.add_argument("--signal", default="TERM")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--port", type=int, default=46700)
    parser.add_argument("--help", "-h", action="store_true")
    options = parser.parse_args()
    if options.help or not options.prefix:
        print(__doc__.strip())
        sys.exit(0 if options.help else 2)
    prefix = os.path.abspath(options.prefix)
    who = (options.who or len(options.pattern)) - 1
    scratch = tempfile.mkdtemp(prefix="spread-leave.")
    net = network.make(len(options.pattern), None, "ipv4")
    ring = cluster.Cluster(
        options.pattern, os.path.join(prefix, "sbin/spread"),
        options.stock and os.path.join(options.stock, "sbin/spread"),
        net, scratch, options.port, options="AcceleratedRing = false", timeouts="default")
    try:
        load = os.path.join(scratch, "load")
        subprocess.run(["cc", "-O2", "-o", load, os.path.join(HERE, "load.c"), "-I", f"{prefix}/include", "-L",
                        f"{prefix}/lib", "-lspread", f"-Wl,-rpath,{prefix}/lib"], check=True)
        ring.start()
        if not ring.wait_whole(30):
            sys.exit(f"leave.py: the ring does not form: see the logs in {scratch}")
        number = signal.Signals["SIG" + options.signal]
        times = [one(ring, who, load, number) for _ in range(options.rounds)]
        print(f"{options.pattern}, daemon {who + 1} leaves by {number.name}: median {statistics.median(times):.1f} ms, "
              f"longest {max(times):.1f} ms of {len(times)}", flush=True)
    finally:
        ring.close()
        net.close()
        shutil.rmtree(scratch, ignore_errors=True)


main()
