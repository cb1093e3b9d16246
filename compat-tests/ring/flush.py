#!/usr/bin/env python3
"""Members of a Flush group on two daemons, cut apart and joined again under traffic: all live on, agree to the views
of their side and then to one of all, and what evs-properties 9 promises holds (F1, F3, F4, F5, F7). Stock's library
dies at the first view that the network changes. Needs root for its namespaces; without, it says so and does nothing.

flush.py PREFIX [--port 47800] [--cuts 2] [--library PATH]"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from cluster import Cluster
from network import Namespaces


def read(path):
    """The stays of one member: a list of [id, members, messages, cause, set], and what went wrong."""
    stays, wrong, state, code = [], [], "steady", None
    for line in open(path):
        if not line.endswith("\n"):
            break  # It crashed.
        kind, *words = line.split()
        if kind == "view":
            if stays and state != "agreed":
                wrong.append(f"F5: a view without this member's agreement: {line}")
            split = words.index("/")
            stays.append([words[0], words[2:split], [], words[1], words[split + 1:]])
            state = "steady"
        elif kind == "request":
            if state != "steady":
                wrong.append("F5: a second request in a view")
            state = "asked"
        elif kind == "flushed":
            state = "agreed"
        elif kind == "sent" and (state == "agreed" or not stays):
            wrong.append(f"F4: sent between agreement and view: {line}")
        elif kind == "got":
            message, sent_in = words
            stays[-1][2].append(message)
            if sent_in != stays[-1][0]:
                wrong.append(f"F1: received in view {stays[-1][0]}: {line}")
            if message.rsplit(":", 1)[0] not in stays[-1][1]:
                wrong.append(f"F7: from outside the view: {line}")
        elif kind == "end":
            code = int(words[0])
    if code != 0:
        wrong.append(f"did not end well: {code}")
    return stays, wrong


def wait(clients, size, seconds=20):
    """Until the last view of all members has this size."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        last = [read(path)[0][-1:] for _, path, _ in clients]
        if all(stay and len(stay[0][1]) == size for stay in last):
            return True
        time.sleep(0.1)
    return False


def together(move, name):
    """Whether `name` came along: in the set of a network view, else a member of both views."""
    before, after = move
    if after[3] == "network":
        return name in after[4]
    return name in before[1] and name in after[1] and name not in after[4]


def compare(members):
    """F3: who goes together from one view to the next received the same in it."""
    wrong, pairs = [], 0
    moves = {name: list(zip(stays, stays[1:])) for name, stays in members.items()}
    for a in moves:
        for b in moves:
            for x in moves[a]:
                for y in moves[b]:
                    if a < b and x[0][0] == y[0][0] and x[1][0] == y[1][0] and together(x, b) and together(y, a):
                        pairs += 1
                        if sorted(x[0][2]) != sorted(y[0][2]):
                            wrong.append(f"F3: {a} and {b} received different messages in view {x[0][0]}")
    return wrong, pairs


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("prefix")
    parser.add_argument("--port", type=int, default=47800)
    parser.add_argument("--cuts", type=int, default=2)
    parser.add_argument("--library", help="directory of libspread; default: that of PREFIX")
    options = parser.parse_args()
    try:
        network = Namespaces(2)
    except (OSError, subprocess.CalledProcessError) as failure:
        print(f"flush.py: NOT RUN, network namespaces cannot be made ({failure})")
        return 0
    prefix = os.path.abspath(options.prefix)
    library = options.library or os.path.join(prefix, "lib")
    directory = tempfile.mkdtemp(prefix="spread-flush-")
    program = os.path.join(directory, "flush")
    here = os.path.dirname(os.path.abspath(__file__))
    build = subprocess.run([os.environ.get("CC", "cc"), "-o", program, os.path.join(here, "flush.c"), f"-I{prefix}/include",
                    f"-L{library}", "-lspread", f"-Wl,-rpath,{library}"])
    if build.returncode != 0:
        network.close()
        return 1
    cluster = Cluster("OO", os.path.join(prefix, "sbin", "spread"), None, network, directory, options.port,
                      debug="MEMBERSHIP", timeouts="shortest")
    wrong, members, clients = [], {}, []
    try:
        cluster.start()
        if not cluster.wait_whole(15):
            wrong.append("the daemons did not form a ring")
        for number, daemon in enumerate(cluster.daemons * 2):
            name = f"{'ab'[number // 2]}{daemon.index + 1}"
            path = os.path.join(directory, name)
            command = [*network.enter(daemon.index), program, f"{daemon.port}@{network.address(daemon.index)}", name,
                       "vs"]
            clients.append((f"#{name}#{daemon.name}", path, subprocess.Popen(command, stdout=open(path, "w"))))
        for size in [4] + [2, 4] * options.cuts:
            if size == 2:
                network.divide([[0], [1]])
            else:
                network.divide([[0, 1]])
            if not wait(clients, size):
                wrong.append(f"no view of {size} at all of them")
                break
            time.sleep(0.5)
        for _, _, process in clients:
            process.terminate()
        for name, path, process in clients:
            try:
                if process.wait(10) != 0:
                    wrong.append(f"{name} ended with {process.returncode}")
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                wrong.append(f"{name} did not end")
            members[name], more = read(path)
            wrong += [f"{name}: {text}" for text in more]
    finally:
        for _, _, process in clients:
            if process.poll() is None:
                process.kill()
        cluster.close()
        network.close()
    broken, pairs = compare(members)
    wrong += broken
    for name, stays in members.items():
        sizes = [len(stay[1]) for stay in stays]
        halves = sum(1 for a, b in zip(sizes, sizes[1:]) if a == 4 and b == 2)
        if halves < options.cuts or not sizes or sizes[-1] != 4:
            wrong.append(f"{name} saw views of {sizes}")
    messages = sum(len(stay[2]) for stays in members.values() for stay in stays)
    if messages < 500 or pairs < 4 * options.cuts:
        wrong.append("too little happened")
    for text in wrong[:20]:
        print("FAIL " + text.rstrip())
    views = max((len(stays) for stays in members.values()), default=0)
    print(f"Flush, {options.cuts} cuts: {views} views, {messages} deliveries, {pairs} pairs, {len(wrong)} wrong")
    if wrong:
        print(f"kept in {directory}")
    else:
        shutil.rmtree(directory)
    return 1 if wrong else 0


sys.exit(main())
