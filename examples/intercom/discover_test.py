"""Runs scripts/demo --discover: a call between two machines that know nothing of each other.

Usage: discover_test.py SCRIPT PROGRAMS OUT
"""
import pathlib
import re
import subprocess
import sys
import unittest

SCRIPT, PROGRAMS, OUT = sys.argv[1:4]
SECONDS = 4
NO_NETWORK = 125  # of scripts/lan
SKIPPED = 77


class Discover(unittest.TestCase):
    def setUp(self):
        self.out = pathlib.Path(OUT)

    def test_ends_well(self):
        self.assertEqual(RUN.returncode, 0, RUN.stdout + RUN.stderr)

    def test_the_door_asks_for_a_service_and_knows_no_address(self):
        self.assertIn("calls echostream+mdns:intercom.v1.Intercom", RUN.stdout)
        self.assertIn("is announced as 'kitchen'", RUN.stdout)

    def test_they_talk(self):
        report = (self.out / "report.txt").read_text(encoding="utf-8")
        received = re.search(r"frames received +(\d+) +(\d+)", report)
        for frames in received.groups():
            self.assertGreater(int(frames), 50 * SECONDS * 0.8)
        self.assertIn("1 answered, 1 refused", report)

    def test_the_kitchen_is_known_from_then_on(self):
        peers = (self.out / "known_peers").read_text(encoding="utf-8").splitlines()
        self.assertEqual(len([line for line in peers if "kitchen" in line]), 1, peers)

    def test_takes_no_flags_of_the_relay(self):
        done = subprocess.run([SCRIPT, "--discover", "--loss", "2"], capture_output=True, text=True, timeout=10, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("--loss", done.stderr)


if __name__ == "__main__":
    RUN = subprocess.run([SCRIPT, "--discover", "--programs", PROGRAMS, "--out", OUT, "--seconds", str(SECONDS), "--no-plot"],
                         capture_output=True, text=True, timeout=100, check=False)
    if RUN.returncode == NO_NETWORK:
        print("NOT TESTED: " + RUN.stderr.strip())
        sys.exit(SKIPPED)
    unittest.main(argv=sys.argv[:1])
