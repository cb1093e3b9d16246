"""The installed spmonitor against a ring of two installed daemons of its own: the menu by a pipe, --once --json for
scripts, and what both say of partitions, windows, reloads (also of a broken file) and terminated daemons.

usage: monitor.py BIN-DIRECTORY [ADDRESS]      the address is not used: the daemons are started here
"""

import faulthandler
import json
import os
import pwd
import grp
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

passed = failed = 0
BIN = sys.argv[1]
SPREAD = os.path.join(os.path.dirname(BIN.rstrip("/")), "sbin", "spread")
PORT = random.randrange(12000, 20000)
SCRATCH = tempfile.mkdtemp(prefix="spread-monitor-")
TIMEOUTS = dict(Token=400, Hurry=150, Alive=100, Join=100, Rep=250, Seg=200, Gather=400, Form=400, Lookup=1000)
daemons = {}


def check(good, text, details=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAIL {text}\n{details}", flush=True)


def write(path, names, extra=""):
    lines = [f"  d{n} 127.0.0.{40 + n} {{ 127.0.0.{40 + n} }}" for n in names]
    with open(path, "w") as file:
        file.write("\n".join([
            f"Spread_Segment 239.77.3.1:{PORT} {{", *lines, "}", "AcceleratedRing = true", "DangerousMonitor = true",
            f"RuntimeDir = {SCRATCH}", f"DaemonUser = {pwd.getpwuid(os.geteuid()).pw_name}",
            f"DaemonGroup = {grp.getgrgid(os.getegid()).gr_name}",
            *[f"{name}Timeout = {value}" for name, value in TIMEOUTS.items()], extra, ""]))


FILE, OLD = os.path.join(SCRATCH, "spread.conf"), os.path.join(SCRATCH, "old.conf")


def log(name):
    with open(os.path.join(SCRATCH, name), errors="replace") as file:
        return file.read()


def start(name):
    with open(os.path.join(SCRATCH, name), "a") as output:
        daemons[name] = subprocess.Popen([SPREAD, "-c", FILE, "-n", name], stdout=output, stderr=output)


def wait(condition, seconds=10):
    """What the condition answered last."""
    end = time.monotonic() + seconds
    while not (result := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    return result


def menu(keys, file=FILE, pause=0.0):
    """What spmonitor printed when these lines came through a pipe; the input stays open for `pause` seconds."""
    process = subprocess.Popen([f"{BIN}/spmonitor", "-n", "d1", "-c", file, "-p", str(PORT + 50)],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdin.write(keys)
    process.stdin.flush()
    time.sleep(pause)
    out, err = process.communicate("9\n", timeout=20)
    check(process.returncode == 0 and out.endswith("Bye.\n") and not err, f"the menu ends: {keys!r}", out + err)
    return out


def once(file=FILE):
    """The exit code, and the answers by name."""
    got = subprocess.run([f"{BIN}/spmonitor", "--once", "--json", "-n", "d1", "-c", file, "--timeout", "1",
                          "-p", str(PORT + 51)], capture_output=True, text=True, timeout=20)
    answer = json.loads(got.stdout)
    return got.returncode, answer["hash"], {each["name"]: each for each in answer["daemons"]}


def is_ring(names):
    """The answers, once these daemons say that they are together, and nobody else."""
    def look():
        _, _, answers = once()
        together = [each for each in map(answers.get, names) if each and each.get("daemons") == len(names)]
        return answers if len(together) == len(names) else None
    return wait(look)


def status():
    ring = is_ring(["d1", "d2"])
    check(ring, "two daemons form a ring", log("d1"))
    d1, d2 = ring["d1"], ring["d2"]
    check(d1["leader"] == d2["leader"] == "d1" and d1["accelerated_ring"] and d1["id"] != d2["id"]
          and d1["segments"] == 1 and d1["membership_changes"] >= 1, "the ring in numbers", str(ring))
    flood = subprocess.run([f"{BIN}/spflooder", "-s", f"{PORT}@127.0.0.41", "-u", "f", "-m", "500", "-b", "1000"],
                           capture_output=True, text=True, timeout=30)

    def counted():
        after = once()[2]
        more = {(name, counter): after[name][counter] - ring[name][counter] for name, counter in (
            ("d1", "messages_delivered"), ("d2", "messages_delivered"), ("d1", "packets_sent"), ("d2", "packets_received"))}
        return min(more.values()) >= 500, more
    # The flooder ends when the daemon has read its messages; the ring may still have some of them to carry.
    wait(lambda: counted()[0])
    _, more = counted()
    check(flood.returncode == 0 and min(more.values()) >= 500 and more["d1", "messages_delivered"] == 500
          and more["d2", "messages_delivered"] == 500, "500 messages in the counters", str(more))
    out = menu("0\nd2\nnobody\n\n", pause=0.5)
    check("Please! enter a legal proc name" in out and re.search(
        r"Status at d2 V 5\.00\. 1 \(state 1, gstate 1\) after \d+ seconds :\n"
        r"Membership  :  2  procs in 1 segments, leader is d1, accelerated protocol\nrounds   : +\d+\ttok_hurry : +\d+\t",
        out), "key 0 shows the status", out)
    check("Unknown commnad" in menu("x\n"), "a key that is none")


def windows():
    out = menu("5\n100\n10\n-1\n\n7\n6\n7\n")
    check("Window size:  100" in out and "d1 personal window\t10" in out and "d2 personal window\t-1" in out,
          "keys 5 and 7 show the windows", out)

    def look():
        _, _, all = once()
        return all if all["d1"]["window"] == all["d2"]["window"] == 100 else None
    after = wait(look)
    check(after and (after["d1"]["personal_window"], after["d2"]["personal_window"]) == (10, 20)
          and after["d1"]["accelerated_window"] == 15, "key 6 sets them", str(after or once()))


def partition():
    out = menu("1\nwhat\n0\n1\n2\n3\n")
    check("Please enter a number" in out and out.count("\td2\t1\n") >= 2, "keys 1 and 3 show the map", out)
    alone = wait(lambda: [all for _, _, all in [once()] if all["d1"]["daemons"] == all["d2"]["daemons"] == 1])
    check(alone and alone[0]["d2"]["leader"] == "d2", "key 2 divides the ring", str(alone))
    menu("4\n")
    check(is_ring(["d1", "d2"]), "key 4 heals it", log("d1"))


def reloads():
    shutil.copy(FILE, OLD)
    _, old_hash, _ = once()
    # A broken file: refused with its place, asked by the monitor (which still has the old file) and by SIGHUP.
    with open(FILE, "a") as file:
        file.write("Spread_Segment 239.77.3.2 {\n")
    menu("r\n", OLD)
    complaint = re.compile(r"spread\.conf:\d+:.*")
    check(wait(lambda: complaint.search(log("d1")) and complaint.search(log("d2"))), "a broken file is told", log("d1"))
    complaints = len(complaint.findall(log("d1")))
    daemons["d1"].send_signal(signal.SIGHUP)
    check(wait(lambda: len(complaint.findall(log("d1"))) > complaints), "SIGHUP tells it too", log("d1"))
    code, hash, all = once(OLD)
    check(code == 0 and hash == old_hash and all["d1"]["daemons"] == 2, "they go on with what they had", str(all))
    # A daemon is added at the end.
    write(FILE, [1, 2, 3])
    out = menu("r\n", OLD)
    check(f"Old configuration hash is: {old_hash}" in out, "key r", out)
    check(is_ring(["d1", "d2"]), "the ring of the new file", log("d1"))
    code, hash, all = once()
    check(code == 1 and hash != old_hash and not all["d3"]["answered"] and all["d1"]["window"] == 160,
          "the new file holds: windows are as written, who is not there does not answer", str(all))
    start("d3")
    check(is_ring(["d1", "d2", "d3"]), "the one that was added comes in", log("d3"))
    # Another order, by SIGHUP.
    write(FILE, [3, 1, 2])
    for daemon in daemons.values():
        daemon.send_signal(signal.SIGHUP)
    ring = wait(lambda: [all for _, _, all in [once()] if {each.get("leader") for each in all.values()} == {"d3"}])
    check(ring and is_ring(["d1", "d2", "d3"]), "reordered: the first one leads", str(ring) + log("d1"))


def terminating():
    menu("8\nd2\n\n")
    wait(lambda: daemons["d2"].poll() is not None)
    check(daemons["d2"].poll() == 0, "key 8 ends a daemon in order", log("d2"))
    check(wait(lambda: [1 for _, _, all in [once()] if all["d1"]["daemons"] == 2]), "the others go on", log("d1"))
    code, _, all = once()
    check(code == 1 and all["d2"] == {"name": "d2", "answered": False}, "who has ended does not answer", str(all))


def main():
    faulthandler.dump_traceback_later(110, exit=True)
    try:
        write(FILE, [1, 2])
        start("d1")
        start("d2")
        for part in (status, windows, partition, reloads, terminating):
            part()
    except Exception as error:  # the count line must appear whatever happened
        check(False, f"{type(error).__name__}: {error}", log("d1"))
    for daemon in daemons.values():
        if daemon.poll() is None:
            daemon.kill()
        daemon.wait()
    shutil.rmtree(SCRATCH)
    print(f"{passed} passed, {failed} failed")
    sys.stdout.flush()
    os._exit(1 if failed else 0)


main()
