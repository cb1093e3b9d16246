"""What the fuzz targets start from, made of Tests/Vectors in the form of each target's input.

usage: seeds.py KIND DIRECTORY     (from the root of the repository; KIND as in the `seeds:` line of the target)
"""

import glob
import hashlib
import json
import os
import random
import struct
import sys

KIND, DIRECTORY = sys.argv[1:]
EACH = 10  # about so many of one kind from one file


def write(data):
    with open(os.path.join(DIRECTORY, "seed-" + hashlib.sha1(data).hexdigest()[:16]), "wb") as file:
        file.write(data)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def datagrams(path):
    """UDP payloads of a classic pcap file over Ethernet or Linux SLL, without IP fragments."""
    data = read(path)
    order = "<" if data[:4] in (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1") else ">"
    link = 16 if struct.unpack_from(order + "I", data, 20)[0] & 0xffff == 113 else 14
    at = 24
    while at + 16 <= len(data):
        length = struct.unpack_from(order + "I", data, at + 8)[0]
        frame = data[at + 16:at + 16 + length]
        at += 16 + length
        ip = frame[link:]
        if frame[link - 2:link] != b"\x08\x00" or struct.unpack_from(">H", ip, 6)[0] & 0x3fff:
            continue
        udp = ip[(ip[0] & 15) * 4:struct.unpack_from(">H", ip, 2)[0]]
        yield udp[8:]


def type_of(datagram):
    return struct.unpack_from("<I" if datagram[0] & 0x80 else ">I", datagram)[0] & ~0x80000080


def captured(wanted):
    for path in sorted(glob.glob("Tests/Vectors/daemon/*.pcap")):
        found = [data for data in datagrams(path) if len(data) >= 40 and wanted(type_of(data))]
        for number in range(0, len(found), max(1, len(found) // EACH)):
            yield found[number:number + 4]


def datagram_seeds(wanted):
    for number, group in enumerate(captured(wanted)):
        for control in (2, 2 + 4, 1 + 4 * (number % 2), 0):
            body = b"".join(struct.pack("<H", len(data)) + data for data in group if len(data) < 0x4000)
            write(bytes([control, 0]) + body)


def streams():
    """What the client of each recording sent, its handshake apart."""
    for path in sorted(glob.glob("Tests/Vectors/client/**/*.json", recursive=True)):
        try:
            steps = json.loads(read(path))
        except ValueError:
            continue
        if isinstance(steps, list):
            sent = [step for step in steps if isinstance(step, dict) and step.get("dir") == "c2s" and "hex" in step]
            pieces = [bytes.fromhex(step["hex"]) for step in sent]
            hello = [p for p, step in zip(pieces, sent) if "handshake" in step.get("note", "") or len(p) < 48]
            yield hello, [p for p, step in zip(pieces, sent) if "handshake" not in step.get("note", "")]


def own_name(message):
    """The same message from #f#d1."""
    return message[:4] + b"#f#d1".ljust(32, b"\0") + message[36:] if len(message) >= 48 else message


def seeds():
    if KIND == "conf":
        for path in glob.glob("Tests/Vectors/conf/*.conf"):
            write(read(path))
    elif KIND == "client-receive":
        for path in glob.glob("Tests/Vectors/client-receive/[a-z]*"):
            write(read(path))
    elif KIND == "frames":
        for _, messages in streams():
            stream = b"".join(own_name(message) for message in messages)[:4000]
            write(b"\0" + stream)
            write(b"\2" + struct.pack("<HH", 20, 60) + stream)
    elif KIND == "handshakes":
        for hello, _ in streams():
            for control in (0, 0x0d, 0x8a):
                write(bytes([control, 0]) + b"".join(hello)[:400])
                write(bytes([control, 2]) + struct.pack("<HH", 3, 9) + b"".join(hello)[:400])
    elif KIND == "packets":
        datagram_seeds(lambda kind: kind & 0x5f)
    elif KIND == "membership packets":
        datagram_seeds(lambda kind: kind & 0x700)
    elif KIND == "monitor packets":
        with open("Tests/Vectors/monitor/vectors.json", "rb") as file:
            packets = [bytes.fromhex(vector["hex"]) for vector in json.load(file)["vectors"]]
        for data in packets:
            for control in (2, 2 + 4, 2 + 8, 1, 0):
                write(bytes([control, 0]) + struct.pack("<H", len(data)) + data)
        datagram_seeds(lambda kind: kind & 0x0f000000)
    elif KIND == "tokens":
        datagram_seeds(lambda kind: not kind & 0x0f00377f)
    elif KIND == "form tokens":
        datagram_seeds(lambda kind: kind & 0x3000)
    elif KIND == "groups":
        for group in captured(lambda kind: kind & 0x1f):
            for data in group:
                if len(data) > 88 and struct.unpack_from("<I", data, 40)[0] & 0x80000:
                    write(b"\0" + data[88:])
    elif KIND == "altered rings":
        draw = random.Random(2)
        for control in range(0, 256, 5):
            # Each token in turn: nothing that exists, or one ring with a small value.
            steps = [bytes([draw.choice((0xf0, draw.randrange(8) + 16 * draw.randrange(3)))])
                     + struct.pack("<h", draw.randrange(-2, 40)) for _ in range(12)]
            write(bytes([control]) + b"".join(steps))
    elif KIND == "scripts":
        draw = random.Random(1)
        for number in range(60):
            operations = draw.choices(range(256), k=draw.choice((20, 60, 200)))
            write(bytes([number % 4, *operations]))
        for control, kinds in ((0, 0x1f), (1, 0x700)):
            for group in captured(lambda kind: kind & kinds):
                body = b"".join(b"\x0e\x01" + struct.pack("<H", len(data)) + data for data in group[:2])
                write(bytes([control, 1, 0x0b, 3, 1]) + body)
    else:
        sys.exit("no such kind of seeds: " + KIND)


os.makedirs(DIRECTORY, exist_ok=True)
seeds()
