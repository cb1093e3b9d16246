"""The installed daemon under a service manager: what it says at NOTIFY_SOCKET, and when.

usage: notify.py SPREAD

Starts the program SPREAD several times on ports of its own: with a socket in the file system and one in the abstract
space, with a state directory; as root also locked into a directory (chroot) as another user.
"""

import os
import pwd
import signal
import socket
import subprocess
import sys
import tempfile

passed = failed = 0
LIMIT = 20  # seconds for anything


def check(good, text, details=""):
    global passed, failed
    if good:
        passed += 1
    else:
        failed += 1
        print(f"FAIL {text}\n{details}", flush=True)


def free_port():
    """A port that is free, and the one behind it, which the ring takes."""
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port = one.getsockname()[1]
            if port > 65000 or os.path.lexists(f"/tmp/{port}"):
                continue
            try:
                two.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


class Daemon:
    def __init__(self, program, directory, address, arguments, **environment):
        self.notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notices.bind(address)
        if isinstance(address, str):
            os.chmod(address, 0o777)
        self.notices.settimeout(LIMIT)
        name = address if isinstance(address, str) else "@" + address[1:].decode()
        self.log = open(os.path.join(directory, "log"), "w+")
        self.process = subprocess.Popen(
            [program, *arguments], cwd=directory, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL,
            env={**os.environ, "NOTIFY_SOCKET": name, **environment})

    def next(self):
        """The fields of the next notice; {} when none comes."""
        try:
            text = self.notices.recv(4096).decode()
        except socket.timeout:
            return {}
        return dict(line.split("=", 1) for line in text.split("\n"))

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return "killed"
        finally:
            self.notices.close()

    def text(self):
        self.log.seek(0)
        return self.log.read()


def can_connect(port):
    try:
        socket.create_connection(("127.0.0.1", port), LIMIT).close()
        return True
    except OSError:
        return False


def life(what, daemon, port):
    """Start, reload, stop."""
    notice = daemon.next()
    check(notice == {"READY": "1"}, f"{what}: ready", (notice, daemon.text()))
    check(can_connect(port), f"{what}: a client can connect once it is ready", daemon.text())
    notice = daemon.next()
    check("STATUS" in notice, f"{what}: a status", notice)
    daemon.process.send_signal(signal.SIGHUP)
    notice = daemon.next()
    check(notice.get("RELOADING") == "1" and int(notice.get("MONOTONIC_USEC", "0")) > 0, f"{what}: reloading", notice)
    notice = daemon.next()
    while "STATUS" in notice:
        notice = daemon.next()
    check(notice == {"READY": "1"}, f"{what}: ready after the reload", notice)
    daemon.process.send_signal(signal.SIGTERM)
    notice = daemon.next()
    while notice and "STOPPING" not in notice:
        notice = daemon.next()
    check(notice.get("STOPPING") == "1", f"{what}: stopping", notice)
    status = daemon.end()
    check(status == 0, f"{what}: exit code 0", (status, daemon.text()))


def run(what, program, address, configuration=None, **environment):
    with tempfile.TemporaryDirectory(prefix="spread-notify-") as directory:
        os.chmod(directory, 0o755)
        port = free_port()
        if configuration:
            state = os.path.join(directory, "state")
            os.mkdir(state)
            with open(os.path.join(directory, "spread.conf"), "w") as file:
                file.write(f"Spread_Segment 127.0.0.255:{port} {{\n  solo 127.0.0.1\n}}\nEventPriority = INFO\n"
                           + configuration.format(state=state))
            arguments = ["-c", "spread.conf", "-n", "solo"]
        else:
            arguments = ["--port", str(port)]
        if isinstance(address, str):
            address = os.path.join(directory, address)
        values = {key: value.format(directory=directory) for key, value in environment.items()}
        for path in values.values():
            os.mkdir(path)
        daemon = Daemon(program, directory, address, arguments, **values)
        life(what, daemon, port)
        return {key: os.listdir(path) for key, path in values.items()}


program = os.path.abspath(sys.argv[1])
me = pwd.getpwuid(os.geteuid()).pw_name
run("socket file", program, "notify", f"DaemonUser = {me}\n")
run("abstract socket", program, f"\0spread-notify-{os.getpid()}".encode())
if os.geteuid() == 0:
    run("chroot", program, "notify", "DaemonUser = nobody\nDaemonGroup = nogroup\nRuntimeDir = {state}\n")
else:
    print("SKIPPED as another user in a chroot: not root")

# What must outlive a restart goes where the service manager made room for it.
found = run("state directory", program, "notify", f"DaemonUser = {me}\n", STATE_DIRECTORY="{directory}/kept")
check(any(name.startswith("membership-time.") for name in found["STATE_DIRECTORY"]), "the state directory is used", found)

# A manager that is not there is said, and is no reason not to serve.
with tempfile.TemporaryDirectory(prefix="spread-notify-") as directory:
    port = free_port()
    daemon = Daemon(program, directory, os.path.join(directory, "notify"), ["--port", str(port), "--user", me],
                    NOTIFY_SOCKET=os.path.join(directory, "nobody"))
    for _ in range(LIMIT * 20):
        if "daemon.started" in daemon.text() or daemon.process.poll() is not None:
            break
        signal.sigtimedwait([], 0.05)
    check("service-manager.failed" in daemon.text(), "a missing manager is told", daemon.text())
    check(can_connect(port), "and the daemon serves clients", daemon.text())
    check(daemon.end() == 0, "and ends in order", daemon.text())

print(f"{passed} passed, {failed} failed")
sys.exit(failed > 0)
