"""Runs the lossy link, and programs on both sides of it: lossy_link_test.py <echostream_bench_lossy_link>"""

import subprocess
import sys
import unittest

PROGRAM = None
NOT_PERMITTED = 77

# Servers say when they are ready; clients print one line when they are done.
UDP_ECHO = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((sys.argv[1], 5000))
print("ready", flush=True)
while True:
    data, sender = s.recvfrom(2000)
    s.sendto(data, sender)
"""
UDP_CLIENT = """
import socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(float(sys.argv[2]))
least, back = 1e9, 0
for number in range(20):
    sent = time.monotonic()
    s.sendto(str(number).encode(), (sys.argv[1], 5000))
    try:
        s.recv(2000)
        back += 1
        least = min(least, time.monotonic() - sent)
    except TimeoutError:
        pass
print(back, least)
"""
TCP_SERVER = """
import socket, sys
s = socket.create_server((sys.argv[1], 5001))
print("ready", flush=True)
connection, _ = s.accept()
total = 0
while data := connection.recv(65536):
    total += len(data)
connection.sendall(str(total).encode())
"""
TCP_CLIENT = """
import socket, sys
s = socket.create_connection((sys.argv[1], 5001))
s.sendall(bytes(300000))
s.shutdown(socket.SHUT_WR)
print(s.recv(100).decode())
"""


class Link:
    def __init__(self, test, *options):
        command = [PROGRAM, *options, "--lifetime", "50"]
        self.processes = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)]
        test.addCleanup(self.end)
        words = self.processes[0].stdout.readline().split()
        test.assertEqual(words[:2] + words[4:5], ["ready", "server", "client"])
        self.server, self.address, self.client = words[2], words[3], words[5]

    def start_server(self, text):
        process = subprocess.Popen(["nsenter", f"--net={self.server}", sys.executable, "-c", text, self.address],
                                   stdout=subprocess.PIPE, text=True)
        self.processes.append(process)
        process.stdout.readline()

    def run_client(self, text, *arguments):
        command = ["nsenter", f"--net={self.client}", sys.executable, "-c", text, self.address, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=40, check=True).stdout.split()

    def end(self):
        for process in reversed(self.processes):
            process.kill()
            process.wait()
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()


class LossyLink(unittest.TestCase):
    def test_delays_every_datagram_and_loses_none_unless_asked(self):
        link = Link(self, "--delay-ms", "20")
        link.start_server(UDP_ECHO)
        back, least = link.run_client(UDP_CLIENT, "5")
        self.assertEqual(int(back), 20)
        self.assertGreaterEqual(float(least), 0.040)

    def test_loses_everything_when_asked(self):
        link = Link(self, "--delay-ms", "0", "--loss", "100")
        link.start_server(UDP_ECHO)
        back, _ = link.run_client(UDP_CLIENT, "0.01")
        self.assertEqual(int(back), 0)

    def test_carries_tcp_through_loss(self):
        link = Link(self, "--delay-ms", "1", "--loss", "5")
        link.start_server(TCP_SERVER)
        self.assertEqual(link.run_client(TCP_CLIENT), ["300000"])

    def test_takes_its_namespaces_with_it(self):
        link = Link(self)
        link.end()
        self.assertNotEqual(subprocess.run(["nsenter", f"--net={link.client}", "true"], capture_output=True).returncode, 0)

    def test_says_what_it_does_not_understand(self):
        for bad in (["--loss", "101"], ["--delay-ms", "-1"], ["--loss"], ["--speed", "3"]):
            done = subprocess.run([PROGRAM, *bad], capture_output=True, text=True, timeout=10)
            self.assertEqual(done.returncode, 2)
            self.assertIn(bad[0], done.stderr)


def is_permitted():
    process = subprocess.Popen([PROGRAM, "--lifetime", "5"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if process.stdout.readline():
        process.kill()
    _, errors = process.communicate()
    if process.returncode == NOT_PERMITTED:
        print(errors.strip())
    return process.returncode != NOT_PERMITTED


if __name__ == "__main__":
    PROGRAM = sys.argv.pop(1)
    if not is_permitted():
        sys.exit(NOT_PERMITTED)
    unittest.main()
