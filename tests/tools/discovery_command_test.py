"""Runs `echostream browse`, `announce`, `pair` and `peers` where no daemon is needed.

  discovery_command_test.py <the program>
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = ""
FINGERPRINT = ":".join(["4f"] * 32)
OTHER = ":".join(["2a"] * 32)


class Command(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="echostream-discovery-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.environment = {**os.environ, "XDG_CONFIG_HOME": os.path.join(self.folder, "config"),
                            "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=" + os.path.join(self.folder, "no-such-bus")}

    def run_command(self, *arguments, **environment):
        done = subprocess.run([PROGRAM, *arguments], cwd=self.folder, env={**self.environment, **environment},
                              capture_output=True, text=True, timeout=60)
        if "built without discovery" in done.stderr:
            self.skipTest("NOT TESTED: " + done.stderr.strip())
        return done.returncode, done.stdout, done.stderr


class WithoutADaemon(Command):
    def expect_advice(self, *arguments):
        began = time.monotonic()
        code, output, errors = self.run_command(*arguments)
        self.assertEqual(code, 1, errors)
        if "--json" in arguments:
            self.assertEqual(json.loads(output)["status"], "UNAVAILABLE")
        else:
            self.assertEqual(output, "")
        self.assertIn("D-Bus", errors)
        self.assertIn("apt install", errors)
        self.assertLess(time.monotonic() - began, 20)  # waits for nothing

    def test_browse_says_what_to_install(self):
        self.expect_advice("browse")
        self.expect_advice("browse", "--once")
        self.expect_advice("browse", "--json", "--service", "acme.v1.Camera")

    def test_announce_says_what_to_install(self):
        self.expect_advice("announce", "--port", "4433", "--name", "camera")


class WrongUsage(Command):
    def expect(self, message, *arguments):
        code, output, errors = self.run_command(*arguments)
        self.assertEqual((code, output), (2, ""), errors)
        self.assertIn(message, errors)

    def test_of_browse(self):
        self.expect("'location' is not KEY=VALUE", "browse", "--property", "location")
        self.expect("--timeout", "browse", "--timeout", "soon")

    def test_of_announce(self):
        self.expect("--port is required", "announce")
        self.expect("--port", "announce", "--port", "0")
        self.expect("at most 63", "announce", "--port", "1", "--name", "x" * 64)
        self.expect("--fingerprint", "announce", "--port", "1", "--fingerprint", "4f")
        self.expect('"v"', "announce", "--port", "1", "--property", "v=2")

    def test_of_pair(self):
        self.expect("either --show, or the TARGET", "pair")
        self.expect("either --show, or the TARGET", "pair", "--show", "kitchen")
        self.expect("belong together", "pair", "--show", "--key", "key.pem")

    def test_of_peers(self):
        self.expect("command is missing", "peers")
        self.expect("FINGERPRINT", "peers", "add", "kitchen", "4f:2a")

    def test_every_help_explains(self):
        for command in (["browse"], ["announce"], ["pair"], ["peers"], ["peers", "list"]):
            code, output, errors = self.run_command(*command, "--help")
            self.assertEqual((code, errors), (0, ""))
            self.assertRegex(output, r"Examples?:\n  echostream " + command[0])


class Peers(Command):
    def expect(self, output, *arguments, **environment):
        self.assertEqual(self.run_command("peers", *arguments, **environment)[:2], (0, output))

    def test_are_added_listed_and_forgotten(self):
        self.assertIn("nobody is known", self.run_command("peers", "list")[2])
        self.assertFalse(os.path.exists(os.path.join(self.folder, "config")))
        self.expect("", "add", "camera at the door", FINGERPRINT)
        self.expect("", "add", "kitchen", OTHER)
        code, output, errors = self.run_command("peers", "list")
        self.assertEqual((code, errors), (0, ""))
        day = r"\d{4}-\d{2}-\d{2}"
        self.assertRegex(output, rf"\A{FINGERPRINT}  added +{day}  camera at the door\n"
                                 rf"{OTHER}  added +{day}  kitchen\n\Z")
        self.expect("", "forget", "kitchen")
        self.assertNotIn("kitchen", self.run_command("peers", "list")[1])
        code, _, errors = self.run_command("peers", "forget", "kitchen")
        self.assertEqual(code, 1)
        self.assertIn("kitchen", errors)

    def test_are_forgotten_as_list_shows_them(self):
        name = "back\\slash"
        self.expect("", "add", name, FINGERPRINT)
        shown = self.run_command("peers", "list")[1].rstrip("\n").split("  ")[-1]
        self.assertNotEqual(shown, name)
        self.expect("", "forget", shown)
        self.expect("", "add", name, OTHER)
        self.expect("", "forget", name)
        self.expect("", "list")

    def test_are_in_the_users_folder_and_nobody_elses(self):
        self.expect("", "add", "kitchen", FINGERPRINT)
        path = os.path.join(self.folder, "config", "echostream", "known_peers")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        self.assertEqual(os.stat(os.path.dirname(path)).st_mode & 0o777, 0o700)
        self.expect("", "add", "kitchen", FINGERPRINT, XDG_CONFIG_HOME="", HOME=self.folder)
        self.assertTrue(os.path.exists(os.path.join(self.folder, ".config", "echostream", "known_peers")))

    def test_a_name_stands_for_one_certificate(self):
        self.expect("", "add", "kitchen", FINGERPRINT, "--file", "mine")
        self.expect("", "add", "kitchen", FINGERPRINT, "--file", "mine")
        code, _, errors = self.run_command("peers", "add", "kitchen", OTHER, "--file", "mine")
        self.assertEqual(code, 1)
        self.assertIn("kitchen", errors)
        self.assertIn(FINGERPRINT, self.run_command("peers", "list", "--file", "mine")[1])

    def test_a_damaged_file_is_left_as_it_is(self):
        path = os.path.join(self.folder, "mine")
        with open(path, "w", encoding="utf-8") as file:
            file.write("garbage\n")
        os.chmod(path, 0o600)
        code, _, errors = self.run_command("peers", "add", "kitchen", OTHER, "--file", "mine")
        self.assertEqual(code, 2)
        self.assertIn("mine", errors)
        with open(path, encoding="utf-8") as file:
            self.assertEqual(file.read(), "garbage\n")


class Pairing(Command):
    def setUp(self):
        super().setUp()
        if "TARGET" not in self.run_command("pair", "--help")[1]:
            self.skipTest("NOT TESTED: built without pairing")

    def show(self, name):
        host = subprocess.Popen([PROGRAM, "pair", "--show", "--name", name, "--listen", "127.0.0.1:0", "--file", "host_peers"],
                                cwd=self.folder, env={**self.environment, "XDG_CONFIG_HOME": os.path.join(self.folder, "host")},
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(host.communicate)
        self.addCleanup(host.kill)
        code = re.fullmatch(r"code  (\d{3} \d{3})\n", host.stdout.readline())
        self.assertTrue(code)
        port = re.search(r"as '" + name + r"' on port (\d+)\n", host.stdout.readline())
        self.assertTrue(port)
        return host, code.group(1), "127.0.0.1:" + port.group(1)

    def test_two_devices_know_each_other_after_one_enters_what_the_other_shows(self):
        host, code, address = self.show("kitchen")
        exit_code, output, errors = self.run_command("pair", address, "--code", code, "--name", "door")
        self.assertEqual((exit_code, errors), (0, ""))
        self.assertRegex(output, r"\Apaired with 'kitchen', certificate ([0-9a-f]{2}:){31}[0-9a-f]{2}\n\Z")
        host_output, _ = host.communicate(timeout=30)
        self.assertEqual(host.returncode, 0)
        self.assertIn("paired with 'door'", host_output)
        self.assertRegex(self.run_command("peers", "list")[1], r"paired .*  kitchen\n")
        self.assertRegex(self.run_command("peers", "list", "--file", "host_peers")[1], r"paired .*  door\n")
        # Each has an identity now, which it will have the next time too.
        key = os.path.join(self.folder, "config", "echostream", "key.pem")
        self.assertEqual(os.stat(key).st_mode & 0o777, 0o600)

    def test_a_wrong_code_is_spent_and_another_one_shown(self):
        host, code, address = self.show("kitchen")
        wrong = f"{(int(code.replace(' ', '')) + 1) % 1_000_000:06}"
        exit_code, _, errors = self.run_command("pair", address, "--code", wrong, "--name", "door")
        self.assertEqual(exit_code, 1)
        self.assertNotEqual(errors, "")
        self.assertRegex(host.stdout.readline(), r"code  \d{3} \d{3}\n")
        self.assertNotIn("kitchen", self.run_command("peers", "list")[1])
        self.assertNotIn("door", self.run_command("peers", "list", "--file", "host_peers")[1])

    def test_ctrl_c_ends_the_wait_and_is_no_success(self):
        host, _, _ = self.show("kitchen")
        host.send_signal(2)
        _, errors = host.communicate(timeout=30)
        self.assertEqual(host.returncode, 1)
        self.assertIn("stopped before the pairing was complete", errors)


if __name__ == "__main__":
    PROGRAM = os.path.abspath(sys.argv[1])
    unittest.main(argv=sys.argv[:1])
