#!/usr/bin/env python3
"""Says things on the local network that no honest node would: multicast DNS answers (RFC 6762) made byte by byte.

  spoofer.py strange    names, text, ports and addresses that are odd, one of each
  spoofer.py flood      2,000 instances and as much garbage
"""

import random
import socket
import struct
import sys
import time

GROUP = ("224.0.0.251", 5353)
TYPE = [b"_echostream", b"_udp", b"local"]
HOST = [b"es-spoof", b"local"]
PTR, TXT, SRV, A = 12, 16, 33, 1
TTL = 120


def name(labels):
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def record(owner, kind, data, is_unique=True):
    kind_class = 0x8001 if is_unique else 1
    return name(owner) + struct.pack(">HHIH", kind, kind_class, TTL, len(data)) + data


def answer(*records):
    return struct.pack(">HHHHHH", 0, 0x8400, 0, len(records), 0, 0) + b"".join(records)


def instance(label, port=4433, text=(), host=HOST, address="10.77.0.1", service=TYPE):
    """All that there is to know about one, in one packet."""
    owner = [label] + service
    strings = b"".join(bytes([len(string)]) + string for string in text) or b"\0"
    return answer(record(TYPE, PTR, name(owner), is_unique=False),
                  record(owner, SRV, struct.pack(">HHH", 0, 0, port) + name(host)),
                  record(owner, TXT, strings),
                  record(host, A, socket.inet_aton(address)))


STRANGE = [
    instance(b"\x1b[31mred\n;rm -rf"),
    instance(b"--help"),
    instance(b"../../etc/passwd"),
    instance(b"nul\0nul"),
    instance(b"\xff\xfe invalid \xc3"),
    instance("\u00e9".encode() * 31),
    instance(b"\xe2\x80\xae reversed"),
    instance(b"x" * 63),
    instance(b"."),
    instance(b"\\"),
    instance(b" "),
    instance(b"no port", port=0),
    instance(b"elsewhere", host=[b"somebody-else", b"local"], address="192.0.2.1"),
    instance(b"odd text", text=[b"flag", b"=value", b"key=1", b"key=2", b"x" * 255, b"bin=\0\xff\x1b"]),
    instance(b"much text", text=[b"k%d=v" % i for i in range(150)]),
    instance(b"no text"),
    instance(b"another type", service=[b"_http", b"_tcp", b"local"]),
    instance(b"another domain", service=[b"_echostream", b"_udp", b"example", b"com"]),
    # Points to itself, and to nothing.
    answer(record(TYPE, PTR, name(TYPE), is_unique=False)),
    answer(record(TYPE, PTR, name([]), is_unique=False)),
    # A name that goes round in circles (RFC 1035 4.1.4), and one that is cut off.
    struct.pack(">HHHHHH", 0, 0x8400, 0, 1, 0, 0) + b"\xc0\x0c" + struct.pack(">HHIH", PTR, 1, TTL, 2) + b"\xc0\x0c",
    answer(record(TYPE, PTR, name([b"cut"] + TYPE), is_unique=False))[:-7],
]


def main():
    network = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    network.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    network.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 255)
    # Multicast DNS is from port 5353, or it is ignored.
    network.bind(("10.77.0.1", 5353))
    if sys.argv[1] == "strange":
        # Twice: what is sent once may be lost.
        for packet in STRANGE * 2:
            network.sendto(packet, GROUP)
            time.sleep(0.01)
    else:
        chance = random.Random(1)
        for i in range(2000):
            network.sendto(instance(b"fake %d" % i, text=[b"n=%d" % i]), GROUP)
            garbage = bytearray(instance(b"fake %d" % i))
            for _ in range(chance.randrange(1, 20)):
                garbage[chance.randrange(len(garbage))] = chance.randrange(256)
            network.sendto(bytes(garbage), GROUP)
            time.sleep(0.001)
    print("sent", flush=True)
    time.sleep(1000)


main()
