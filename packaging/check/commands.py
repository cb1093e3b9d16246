#!/usr/bin/env python3
"""Every command that README.md and docs/*.md show is run here, is run by another test, or is told as not run, with the
reason. A command that none of the tables below knows is a failure.

usage: commands.py PREFIX [SPREAD-SIM]    an installed tree, and the simulator if it is built

Ports and addresses are replaced (4803, mars, venus), and the files of the examples are made.
"""

import glob
import os
import re
import socket
import subprocess
import sys
import tempfile
import time

ELSEWHERE = {  # what runs it
    "make test": "is this",
    r"make check-(swift|lib|man|compat|clients|packaging|ring|allocations)": "make test",
    r"make (fuzz-quick|sim-test|scenarios)": "make test",
    r"make (install|uninstall)": "install.sh",
    r"make lib": "make check-lib",
    r"systemd-analyze security": "install.sh, where there is one",
    r"spread-check .*": "make check-ring, on traces of its own",
    "make check-deep": ".ci/run",
    r"cc hello\.c .*": "compat-tests/readme",
    r"compat-tests/(events|headers|man-examples)/run\.sh .*": "make check-compat",
    r"docs/man/check\.sh": "make check-man",
}
NOT_RUN = {  # why
    r"(systemd-sysusers && )?systemctl .*": "needs a booted systemd",
    r"make (sim|bugbank|chaos|compat|bench|fuzz|fuzz-client|soak|sim-speed|check-clients MANY=).*": "takes minutes to hours",
    r"make (deb|check-deb)": "needs root, debootstrap and a mirror",
    r"make scenarios REWRITE=1": "would overwrite what it is to be compared with",
    r"(share|packaging)/.*openrc.*": "needs OpenRC",
    r"nft \.\.\. .*": "a part of a command",
    r"perf record.*": "needs perf and a benchmark that runs",
    r"podman .*|docker .*": "needs a container engine",
    r"ss -lptn .*": "needs another daemon to be named",
    r"ulimit -H?n": "changes nothing that can be seen",
    r"(apt|apt-get) .*": "changes the machine",
}
PORT = 0


def shown():
    """(file, command) of every command line: behind "$ ", and in indented blocks and backticks what begins with the
    name of a program."""
    first = (r"(?:make|spread|spread-check|spuser|spflooder|spping|spmonitor|\.build-tools/release/spuser|"
             r"systemd-sysusers|systemctl|systemd-analyze|nft|iptables|perf|ss|ulimit|apt|cc|podman|compat-tests/\S+\.sh|docs/\S+\.sh)")
    for name in ["README.md"] + sorted(glob.glob("docs/*.md")):
        fenced, language = False, ""
        for line in open(name, encoding="utf-8"):
            line = line.rstrip("\n")
            if line.startswith("```"):
                fenced, language = not fenced, line[3:]
                continue
            if fenced and line.startswith("$ "):
                yield name, command(line[2:])
            elif not fenced and re.match(r"    (time )?" + first + "( |$)", line):
                yield name, command(line[4:])
            if not fenced:
                for inline in re.findall(r"`(" + first + r" [^`]+)`", line):
                    yield name, command(inline)


def command(line):
    """Without the remark behind two blanks or more."""
    return re.split(r"\s{2,}|\s#\s|\s…", line.strip())[0].strip()


# ---- what is run here ----


class Daemon:
    def __init__(self, *options):
        self.process = subprocess.Popen([PREFIX + "/sbin/spread", *options], cwd=WORK, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True)
        for _ in range(100):
            if os.path.exists(f"/tmp/{PORT}") or self.process.poll() is not None:
                break
            time.sleep(0.05)

    def stop(self):
        self.process.terminate()
        return self.process.communicate(timeout=20)[0]


def spread(line):
    """A start ends with SIGTERM and status 0, a check by itself."""
    line = re.sub(r"(--against)$", r"\1 FILE", line)
    line = re.sub(r"-c \S+", "-c one.conf", line) if " -c " in line else line.replace("--check", "-c one.conf --check")
    line = line.replace("FILE", "other.conf")
    options = line.split()[1:]
    if "--help" in options or "--check" in options:
        result = subprocess.run([PREFIX + "/sbin/spread", *options], cwd=WORK, capture_output=True, text=True,
                                timeout=20)
        expected = 1 if "--against" in options else 0
        return result.returncode == expected, result.stdout + result.stderr
    if not options or options == ["--port"]:
        options = ["--port", str(PORT)]
    daemon = Daemon(*options)
    text = daemon.stop()
    return daemon.process.returncode == 0 and "daemon.stopped" in text, text


def tool(line):
    """A program of bin/ beside a daemon; spping with the one that answers."""
    line = line.removeprefix("time ").replace("4803@venus", str(PORT)).replace("4803@mars", str(PORT))
    line = re.sub(r"^\.build-tools/release/", "", line).replace("4803", str(PORT))
    words = line.split()
    if "-s" not in words and words[-1] != "--help":
        words += ["-s", str(PORT)]
    daemon = Daemon("-c", "one.conf", "-n", "d1")
    answers = "-ro" in words
    other = ["-m", "3", "-s", str(PORT)] if answers else ["-ro", "-s", str(PORT)]
    helper = None
    if words[0] == "spping" and not answers:
        helper = subprocess.Popen([PREFIX + "/bin/spping", *other], stdout=subprocess.DEVNULL)
        time.sleep(0.5)
    main = subprocess.Popen([PREFIX + "/bin/" + words[0], *words[1:]], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)
    if answers:  # ends when it is told to, as long as somebody else pings
        time.sleep(0.5)
        pings = subprocess.run([PREFIX + "/bin/spping", *other], capture_output=True, text=True, timeout=30)
        main.terminate()
        good, text = pings.returncode == 0, pings.stdout + main.communicate(timeout=20)[0]
    else:
        try:
            text = main.communicate("q\n", timeout=60)[0]
        except subprocess.TimeoutExpired:
            main.kill()
            text = "does not end"
        good = main.returncode == 0
    if helper:
        helper.terminate()
        helper.wait()
    daemon.stop()
    return good, text


def simulator(line):
    if not SIMULATOR:
        return None, "the simulator is not built (make scenarios)"
    result = subprocess.run([SIMULATOR, "--seed", line.split("=")[1]], capture_output=True, text=True, timeout=120)
    return result.returncode == 0, result.stdout


def make_run(_):
    """The first screen of the README: what the daemon prints, and two people at spuser."""
    readme = open("README.md", encoding="utf-8").read()
    block = re.search(r"```\n\$ make run.*?\n\.\.\.\n(.*?)\n\$ make test", readme, re.S)[1]
    printed = [line.replace("4803", str(PORT)) for line in block.strip().split("\n")]
    said = re.search(r"```\n(received .*?)\n```", readme, re.S)[1]
    # In a session of its own: make, a shell and the daemon end together.
    run = subprocess.Popen(["make", "run", f"PORT={PORT}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                           start_new_session=True)
    text = ""
    try:
        for line in run.stdout:
            text += line
            if printed[-1] in line:
                break
        users = {name: subprocess.Popen([".build-tools/release/spuser", "-s", str(PORT), "-u", name], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE) for name in ("alice", "bob")}
        for name, lines in (("alice", "j tea\n"), ("bob", "j tea\n"), ("alice", "s tea\nhello\n")):
            users[name].stdin.write(lines)
            users[name].stdin.flush()
            time.sleep(0.7)
        # Stock's lines end in blanks here and there.
        screens = [re.sub(r" +$", "", users[name].communicate("q\n", timeout=20)[0], flags=re.M)
                   for name in ("alice", "bob")]
    finally:
        os.killpg(run.pid, 15)
        run.wait(timeout=20)
    return "\n".join(printed) in text and all(said in screen for screen in screens), text + "\n".join(screens)


def firewall(lines):
    """In a network namespace, which needs root."""
    program = lines[0].split()[0]
    script = "\n".join(["set -e"] + (["nft add table inet filter", "nft add chain inet filter input"]
                                     if program == "nft" else []) + lines)
    there = subprocess.run(["sh", "-c", f"command -v {program} && unshare -n true"], capture_output=True)
    if os.geteuid() or there.returncode:
        return None, f"needs root, {program} and network namespaces"
    result = subprocess.run(["unshare", "-n", "sh", "-c", script], capture_output=True, text=True, timeout=30)
    return result.returncode == 0, result.stdout + result.stderr


HERE = {r"spread( |$).*": spread, r"(time )?(spflooder|spping|spuser|\.build-tools/release/spuser)( |$).*": tool,
        r"make sim SEED=\d+": simulator, "make run": make_run}


def main():
    commands = list(dict.fromkeys(shown()))
    ran = elsewhere = failed = 0
    skipped = {}
    rules = {}
    for name, line in commands:
        if re.match(r"(nft|iptables) (?!\.\.\.)", line):
            rules.setdefault((name, line.split()[0]), []).append(line)
            continue
        find = lambda table: next((table[key] for key in table if re.fullmatch(key, line)), None)  # noqa: E731
        if check := find(HERE):
            good, text = check(line)
            if good is None:
                skipped.setdefault(text, []).append(line)
            elif good:
                ran += 1
            else:
                failed += 1
                print(f"FAIL {name}: {line}\n{text[-3000:]}")
        elif find(ELSEWHERE):
            elsewhere += 1
        elif reason := find(NOT_RUN):
            skipped.setdefault(reason, []).append(line)
        else:
            failed += 1
            print(f"FAIL {name}: {line}: neither run by a test nor listed as not run (packaging/check/commands.py)")
    for (name, program), lines in rules.items():
        good, text = firewall(lines)
        if good is None:
            skipped.setdefault(text, []).extend(lines)
        elif good:
            ran += len(lines)
        else:
            failed += 1
            print(f"FAIL {name}: the rules of {program}\n{text}")
    for reason, lines in skipped.items():
        print(f"*** NOT RUN from the documents ({reason}): {'; '.join(dict.fromkeys(lines))}")
    left = sum(map(len, skipped.values()))
    print(f"commands: {ran} run here, {elsewhere} by other tests, {left} not run, failed: {failed}")
    return 1 if failed or not ran else 0


if len(sys.argv) not in (2, 3):
    sys.exit(__doc__)
os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
PREFIX = os.path.abspath(sys.argv[1])
SIMULATOR = os.path.abspath(sys.argv[2]) if len(sys.argv) == 3 and os.access(sys.argv[2], os.X_OK) else None
os.environ["LD_LIBRARY_PATH"] = PREFIX + "/lib"
with tempfile.TemporaryDirectory() as WORK:
    while True:  # a free port whose unix socket is free, too
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            PORT = probe.getsockname()[1]
        if PORT < 65000 and not os.path.exists(f"/tmp/{PORT}"):
            break
    for name, more in (("one.conf", ""), ("other.conf", "AcceleratedRing = true\n")):
        with open(f"{WORK}/{name}", "w", encoding="utf-8") as file:
            file.write(f"Spread_Segment 127.0.0.255:{PORT} {{\n  d1 127.0.0.1\n}}\nRuntimeDir = {WORK}\n{more}")
    status = main()
sys.exit(status)
