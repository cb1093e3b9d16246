"""Sessions without the library, for tests that need thousands of them or count what a daemon does (client-protocol 3, 4)."""

import resource
import select
import socket
import struct

HEADER = 48
LITTLE = 0x80000080
AGREED, JOIN, KILL = 0x10, 0x10000, 0x40000
QUOTA = 0xFD


def raise_own_limit(descriptors):
    """Whether this process may open that many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < descriptors:
        return False
    if soft != resource.RLIM_INFINITY and soft < descriptors:
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, hard))
    return True


def frame(kind, sender, groups, data=b""):
    names = b"".join(group.ljust(32, b"\0") for group in groups)
    return struct.pack("<I32sIII", kind | LITTLE, sender, len(groups), LITTLE, len(data)) + names + data


class Refused(Exception):
    """The byte that came instead of a session; None: the stream ended without one."""


class Session:
    """One connection. The steps of the handshake are apart, so that many can be in the same one."""

    def __init__(self, port, name, membership=False):
        self.name, self.membership = name, membership
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(f"/tmp/{port}")

    def greet(self):
        name = self.name.encode()
        try:
            self.socket.sendall(bytes([5, 0, 1, int(self.membership), len(name)]) + name)
        except BrokenPipeError:
            pass  # refused before it said a word; why is still to be read
        return self

    def choose(self):
        self._expect(lambda byte: byte < 128)
        self.socket.sendall(b"NULL" + bytes(86))
        return self

    def enter(self):
        self._expect(lambda byte: byte == 1)
        length = self._exactly(4)[3]
        self.private_name = self._exactly(length)
        return self

    def _expect(self, good):
        """The first byte of an answer, and for the list of methods what follows it."""
        try:
            first = self.socket.recv(1)
        except ConnectionError:
            first = b""
        if not first or not good(first[0]):
            raise Refused(first[0] if first else None)
        if first[0] > 1:
            self._exactly(first[0])

    def _exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise Refused(None)
            data += more
        return data

    def send(self, kind, groups, data=b""):
        self.socket.sendall(frame(kind, self.private_name, groups, data))

    def join(self, *groups):
        for group in groups:
            self.send(JOIN, [group])

    def receive(self):
        """(type, number of groups, data) of the next message."""
        header = self._exactly(HEADER)
        kind, groups, size = (struct.unpack_from("<I", header, at)[0] for at in (0, 36, 44))
        rest = self._exactly(32 * groups + size)
        return kind & ~LITTLE, groups, rest[32 * groups:]

    def own_message(self, data):
        """Sends to itself and takes messages until that one is back."""
        self.send(AGREED, [self.private_name], data)
        while self.receive()[2] != data:
            pass

    def is_waiting(self, seconds):
        """Neither answered nor closed within that time."""
        return not select.select([self.socket], [], [], seconds)[0]

    def close(self):
        self.socket.close()


def connect(port, name, membership=False):
    return Session(port, name, membership).greet().choose().enter()


def connect_many(port, count, membership=False, wave=200):
    """Sessions in waves: within one, all are in the same step of the handshake."""
    sessions = []
    while len(sessions) < count:
        wave_now = [Session(port, f"m{len(sessions) + i}", membership) for i in range(min(wave, count - len(sessions)))]
        for step in (Session.greet, Session.choose, Session.enter):
            for session in wave_now:
                step(session)
        sessions += wave_now
    return sessions
