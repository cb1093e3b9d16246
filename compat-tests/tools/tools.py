"""spflooder and spping: what they print, line for line, and their exit codes.

usage: tools.py [--stock] BIN-DIRECTORY ADDRESS
--stock: the directory holds stock's programs; what ours do better is not asked for.
"""

import faulthandler
import os
import re
import signal
import subprocess
import sys

passed = failed = 0
STOCK = "--stock" in sys.argv
BIN, ADDRESS = sys.argv[-2:]
TAIL = "%05d" % (os.getpid() % 100000)
LABELS = "0 0.1 0.5 1 5 10 25 50 75 90 95 99 99.5 99.9 100".split()


def check(good, text, details=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAIL {text}\n{details}", flush=True)


def start(program, *arguments):
    return subprocess.Popen([f"{BIN}/{program}", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                            text=True)


def end(process, limit=40):
    try:
        out, err = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        err += "\n(did not end)"
    return process.returncode, out, err


def run(program, *arguments):
    return end(start(program, *arguments))


def name(letter):
    return letter + TAIL


def progress(messages, size):
    lines = "".join(f"flooder: completed {n:6} messages of {size} bytes\n" for n in range(1000, messages + 1, 1000))
    return lines + f"flooder: completed multicast of {messages} messages, {size} bytes each.\n"


def flooding():
    head = f"flooder: connecting to {ADDRESS}\nflooder: starting  multicast of "
    got = run("spflooder", "-s", ADDRESS, "-u", name("f"), "-m", "2500", "-b", "500")
    expected = head + "2500 messages, 500 bytes each.\n" + progress(2500, 500)
    check(got == (0, expected, ""), "spflooder, its own messages back", repr(got))
    got = run("spflooder", "-s", ADDRESS, "-u", name("w"), "-m", "1000", "-wo")
    expected = head + "1000 messages, 1000 bytes each (self discarding).\n" + progress(1000, 1000)
    check(got == (0, expected, ""), "spflooder -wo", repr(got))

    reader = start("spflooder", "-s", ADDRESS, "-u", name("r"), "-m", "1000", "-b", "77", "-ro")
    # It is not said when a reader has joined, so messages come until it has enough.
    for _ in range(50):
        run("spflooder", "-s", ADDRESS, "-u", name("w"), "-m", "500", "-b", "77", "-wo")
        if reader.poll() is not None:
            break
    got = end(reader, 5)
    expected = (f"flooder: connecting to {ADDRESS}\nflooder: Only receiving messages\n" + progress(1000, 77))
    check(got == (0, expected, ""), "spflooder -ro", repr(got))


def flooding_in_step():
    # Small ones, so that no daemon has reason to drop a slow receiver.
    writers = [start("spflooder", "-s", ADDRESS, "-u", name(letter), "-m", "3000", "-b", "40", "-n", "2")
               for letter in "ab"]
    for process in writers:
        code, out, err = end(process)
        text = (rf"flooder: connecting to {ADDRESS} with group membership\n"
                r"flooder: starting  multicast of 3000 messages, 40 bytes each\.\n"
                r"(Received REGULAR membership for group flooder with 1 members, where I am member 0:\n\t#\S+\n)?"
                r"Received REGULAR membership for group flooder with 2 members, where I am member [01]:\n"
                rf"\t#a{TAIL}#\S+\n\t#b{TAIL}#\S+\n" + re.escape(progress(3000, 40)))
        check(code == 0 and err == "" and re.fullmatch(text, out), "spflooder -n 2", f"{code} {out!r} {err!r}")


def wrong_use():
    refused = "SP_error: (-2) Could not connect.\n"
    got = run("spflooder", "-s", "1@127.0.0.1")
    check(got == (1, "flooder: connecting to 1@127.0.0.1\n" + refused, ""), "spflooder without a daemon", repr(got))
    got = run("spping", "-s", "1@127.0.0.1")
    check(got == (1, "spping: connecting to '1@127.0.0.1'\n" + refused, ""), "spping without a daemon", repr(got))
    for arguments in (["-x"], ["-u"], ["-b"]):
        code, out, err = run("spflooder", *arguments)
        check(code == 1 and out.startswith("Usage: spflooder") and not err, f"spflooder {arguments}", out + err)
    for arguments in (["-x"], ["-s"], ["-b", "47"], ["-b", "100001"], ["-p", "1x"], ["-m", ""], ["-g", "g" * 32]):
        code, out, err = run("spping", *arguments)
        good = code == 1 and not out and re.match(r"Error: .+\n\nUsage: spping", err)
        check(good, f"spping {arguments}", out + err)
    if STOCK:
        return
    for arguments in (["-b", "100001"], ["-m", "x"], ["-n", "-1"], ["-n", "2", "-wo"]):
        code, out, err = run("spflooder", *arguments)
        check(code == 1 and "Usage: spflooder" in out and not err, f"spflooder {arguments}", out + err)
    for program in ("spflooder", "spping"):
        code, out, err = run(program, "--help")
        check(code == 0 and f"Usage: {program}" in out and out.count(program) > 3 and not err, f"{program} --help")


def pinging():
    group = "ping-" + TAIL
    mirror = start("spping", "-s", ADDRESS, "-u", name("m"), "-g", group, "-ro")
    for _ in range(20):  # until the mirror has joined
        code, out, err = run("spping", "-s", ADDRESS, "-u", name("p"), "-g", group, "-m", "6", "-p", "20", "-b", "100")
        if "6 packets received" in out:
            break
    answer = rf"100 bytes from #m{TAIL}#\S+: seq = (\d) time = (\d+\.\d\d\d) ms\n"
    head = rf"spping: connecting to '{ADDRESS}'\nspping: connected as '#p{TAIL}#\S+'\nPING {group}: 100 data bytes\n"
    rows = "".join(rf" *{re.escape(label)}: +(\d+\.\d\d\d)\n" for label in LABELS)
    tail = (rf"\n--- {group} ping statistics ---\n6 packets transmitted, 6 packets received, 0\.000000% packet loss\n"
            rf"round-trip percentiles \(ms\) \(slightly biased outwards\):\n{rows}"
            r"round-trip mean/stddev = (\d+\.\d\d\d)/(\d+\.\d\d\d) ms\n")
    match = re.fullmatch(f"{head}((?:{answer})*){tail}", out)
    check(code == 0 and not err and match, "spping", f"{code}\n{out}{err}")
    if match:
        answers = re.findall(answer, match.group(1))
        check([number for number, _ in answers] == list("012345"), "spping: each ping answered once", out)
        times = sorted(float(time) for _, time in answers)
        shown = [float(value) for value in match.groups()[-17:]]
        check(shown[0] == times[0] and shown[14] == times[5], "spping: least and greatest", out)
        check(abs(shown[15] - sum(times) / 6) < 0.002, "spping: mean", out)
        check(all(len(line) == len("  10:     0.565") for line in out.splitlines()[-16:-1]), "spping: columns", out)
        if not STOCK:  # which reads behind its array
            expected = [times[0]] * 6 + [times[1], (times[2] + times[3]) / 2, times[4]] + [times[5]] * 6
            good = all(abs(a - b) < 0.0011 for a, b in zip(shown, expected))
            check(good, "spping: percentiles", f"{expected}\n{out}")

    lone = start("spping", "-s", ADDRESS, "-g", "nobody-" + TAIL, "-m", "2", "-p", "10")
    code, out, err = end(lone)
    expected = "2 packets transmitted, 0 packets received, 100.000000% packet loss\n"
    check(code == 0 and out.endswith(expected) and not err, "spping: nobody answers", f"{code}\n{out}{err}")

    mirror.send_signal(signal.SIGTERM)
    code, out, err = end(mirror)
    expected = (rf"spping: connecting to '{ADDRESS}'\nspping: connected as '#m{TAIL}#\S+'\n"
                rf"spping: only reflecting pings!\n\n--- {group} ping statistics ---\n"
                r"0 packets transmitted, 0 packets received, 0\.000000% packet loss\n")
    check(code == 0 and re.fullmatch(expected, out), "spping -ro ends at SIGTERM", f"{code}\n{out}{err}")


def main():
    faulthandler.dump_traceback_later(110, exit=True)
    try:
        wrong_use()
        flooding()
        flooding_in_step()
        pinging()
    except Exception as error:  # the count line must appear whatever happened
        check(False, f"{type(error).__name__}: {error}")
    print(f"{passed} passed, {failed} failed")
    sys.stdout.flush()
    os._exit(1 if failed else 0)


main()
