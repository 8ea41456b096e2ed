"""Runs `echostream browse`, `announce` and `pair` on two machines with real daemons (scripts/lan).

  discovery_lan_test.py <scripts/lan> <the program>
"""

import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

LAN = ""
PROGRAM = ""
NO_NETWORK = 125
SKIPPED = 77
FINGERPRINT = ":".join(["4f"] * 32)


class Running:
    """A program on a machine, whose lines of output are waited for."""

    def __init__(self, test, machine, *command, **environment):
        self.process = subprocess.Popen(["on", machine, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        env={**os.environ, **environment})
        self.lines = queue.Queue()
        self.seen = []
        for stream in (self.process.stdout, self.process.stderr):
            threading.Thread(target=self.read, args=(stream,), daemon=True).start()
        test.addCleanup(self.process.wait)
        test.addCleanup(self.process.kill)

    def read(self, stream):
        with stream:
            for line in stream:
                self.lines.put(line.rstrip("\n"))

    def wait_for(self, pattern, seconds=20):
        end = time.monotonic() + seconds
        while True:
            try:
                line = self.lines.get(timeout=max(end - time.monotonic(), 0.01))
            except queue.Empty:
                raise AssertionError(f"no '{pattern}', but {self.seen}") from None
            self.seen.append(line)
            found = re.search(pattern, line)
            if found:
                return found

    def stop(self):
        """As Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=20)


class OnTheLan(unittest.TestCase):
    def setUp(self):
        # What the test before announced has said goodbye.
        end = time.monotonic() + 20
        while self.once("kitchen", "--json"):
            self.assertLess(time.monotonic(), end, "somebody is still there")
            time.sleep(0.2)

    def start(self, machine, *arguments, **environment):
        return Running(self, machine, PROGRAM, *arguments, **environment)

    def announce(self, machine, *arguments):
        announcing = self.start(machine, "announce", "--port", "4433", *arguments)
        announcing.wait_for("^announced as")
        return announcing

    def once(self, machine, *arguments):
        done = subprocess.run(["on", machine, PROGRAM, "browse", "--once", *arguments], capture_output=True, text=True,
                              timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_what_one_announces_the_other_sees_until_its_goodbye(self):
        browsing = self.start("kitchen", "browse", "--json")
        announcing = self.announce("door", "--service", "acme.v1.Camera", "--service", "acme.v1.Light", "--name",
                                   "camera at the door", "--property", "location=door", "--fingerprint", FINGERPRINT)
        node = json.loads(browsing.wait_for("^{.*appeared.*").group(0))
        self.assertEqual(node["name"], "camera at the door")
        self.assertEqual(node["services"], ["acme.v1.Camera", "acme.v1.Light"])
        self.assertEqual(node["properties"], {"location": "door"})
        self.assertEqual(node["fingerprint"], FINGERPRINT)
        self.assertEqual(node["protocol_version"], 1)
        self.assertTrue(any(address.endswith(":4433") for address in node["addresses"]), node)
        self.assertEqual(announcing.stop(), 0)
        gone = json.loads(browsing.wait_for("^{.*gone.*", seconds=10).group(0))
        self.assertEqual(gone["name"], "camera at the door")
        self.assertEqual(browsing.stop(), 0)

    def test_a_filter_leaves_out_the_others(self):
        self.announce("door", "--service", "acme.v1.Camera", "--name", "camera", "--property", "location=door")
        self.announce("door", "--service", "acme.v1.Lamp", "--name", "lamp")
        for arguments, names in ([], {"camera", "lamp"}), (["--service", "acme.v1.Lamp"], {"lamp"}), \
                (["--name", "camera"], {"camera"}), (["--property", "location=door"], {"camera"}), \
                (["--property", "location=shed"], set()):
            lines = self.once("kitchen", "--json", *arguments).splitlines()
            self.assertEqual({json.loads(line)["name"] for line in lines}, names, arguments)
        self.assertRegex(self.once("kitchen"), r"NAME +ADDRESS +SERVICES +PROPERTIES\n"
                                               r"camera +\S+:4433.* acme.v1.Camera +location=door\n"
                                               r"lamp +\S+:4433.* acme.v1.Lamp\n")

    def test_a_name_that_is_taken_gets_a_number(self):
        self.announce("door", "--name", "camera")
        other = self.start("kitchen", "announce", "--port", "4434", "--name", "camera")
        other.wait_for("^announced as 'camera #2'")

    def test_debian_sees_type_subtype_and_text(self):
        self.announce("door", "--service", "acme.v1.Camera", "--name", "camera", "--property", "location=door")
        seen = subprocess.run(["on", "kitchen", "avahi-browse", "-rpt", "_acme-v1-camera._sub._echostream._udp"],
                              capture_output=True, text=True, timeout=60, check=True).stdout
        for text in ('"v=1"', '"svc=acme.v1.Camera"', '"location=door"', ";4433;"):
            self.assertIn(text, seen)

    def test_what_a_hostile_neighbour_says_is_escaped(self):
        Running(self, "door", "avahi-publish", "-s", "evil\x1b[31m\nname", "_echostream._udp", "4433", "k\x07=\x1b[2J")
        browsing = self.start("kitchen", "browse")
        line = browsing.wait_for("^appeared  evil").string
        self.assertIn(r"evil\x1b[31m\x0aname", line)
        self.assertNotIn("\x1b", line)

    def test_a_daemon_that_is_restarted_is_found_again(self):
        announcing = self.announce("door", "--name", "camera")
        subprocess.run(["lan-daemon", "door", "kill"], check=True)
        announcing.wait_for("waits: avahi-daemon")
        subprocess.run(["lan-daemon", "door", "start"], check=True)
        announcing.wait_for("^announced as 'camera'")

    def test_devices_pair_by_name(self):
        folder = tempfile.mkdtemp(prefix="echostream-pair-")
        self.addCleanup(shutil.rmtree, folder)
        host = self.start("kitchen", "pair", "--show", "--name", "kitchen", XDG_CONFIG_HOME=os.path.join(folder, "kitchen"))
        code = host.wait_for(r"^code  (\d{3} \d{3})$").group(1)
        host.wait_for("^waits to be paired as 'kitchen'")
        guest = self.start("door", "pair", "kitchen", "--code", code, "--name", "door",
                           XDG_CONFIG_HOME=os.path.join(folder, "door"))
        guest.wait_for("^paired with 'kitchen'")
        host.wait_for("^paired with 'door'")
        self.assertEqual((guest.process.wait(timeout=20), host.process.wait(timeout=20)), (0, 0))

    def test_pairing_with_nobody_says_so(self):
        guest = self.start("door", "pair", "nobody", "--code", "123456", XDG_CONFIG_HOME=tempfile.gettempdir())
        guest.wait_for("nobody called 'nobody' waits to be paired")
        self.assertEqual(guest.process.wait(timeout=20), 1)


if __name__ == "__main__":
    if "ECHOSTREAM_LAN" not in os.environ:
        INSIDE = subprocess.run([sys.argv[1], sys.executable, *sys.argv], check=False)
        if INSIDE.returncode == NO_NETWORK:
            print("NOT TESTED: no network of our own, see above")
            sys.exit(SKIPPED)
        sys.exit(INSIDE.returncode)
    PROGRAM = os.path.abspath(sys.argv[2])
    unittest.main(argv=sys.argv[:1])
