"""Runs the house with its plugin linked and with its plugin loaded, and visits both.

Usage: demo_test.py HOUSE_LINKED HOUSE_LOADING PLUGIN GUEST
"""
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest

LINKED, LOADING, PLUGIN, GUEST = sys.argv[1:5]
PATIENCE = 30


class House:
    """A running house; `with` shuts it down, and leaves all that it printed in `lines`."""

    def __init__(self, *command):
        self.process = subprocess.Popen([*command, "--listen", "127.0.0.1:0"], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.lines = []
        self.fingerprint = self.wait_for("fingerprint ")
        self.address = self.wait_for("listening on ")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGINT)
        rest, errors = self.process.communicate(timeout=PATIENCE)
        self.lines += rest.splitlines()
        if self.process.returncode != 0:
            raise AssertionError(f"the house ended with {self.process.returncode}: {errors}")

    def wait_for(self, beginning):
        """The rest of the next line that begins so."""
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if line.startswith(beginning):
                return self.lines[-1][len(beginning):]
        raise AssertionError(f"no line '{beginning}...': {self.lines}, {self.process.stderr.read()}")

    def guest(self, *flags):
        return subprocess.Popen([GUEST, "--to", self.address, "--fingerprint", self.fingerprint, *flags],
                                text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


class Plugins(unittest.TestCase):
    def visit(self, *house_command):
        with House(*house_command, "--settings", '{"mostGuests": 2}') as house:
            staying = house.guest("--stay", "60s")
            self.assertEqual(staying.stdout.readline(), "present: 1, in all: 1\n")
            passing = house.guest()
            out, errors = passing.communicate(timeout=PATIENCE)
            self.assertEqual((passing.returncode, out), (0, "present: 2, in all: 2\n"), errors)
            house.wait_for("guest book: guest 2 left")
            second = house.guest("--stay", "60s")
            self.assertEqual(second.stdout.readline(), "present: 2, in all: 3\n")
            refused = house.guest()
            _, errors = refused.communicate(timeout=PATIENCE)
            self.assertEqual(refused.returncode, 1)
            self.assertIn("RESOURCE_EXHAUSTED", errors)
            self.assertIn("the house is full", errors)
            for guest in (staying, second):
                guest.kill()
                guest.communicate(timeout=PATIENCE)
        self.assertIn("guest book: 3 guests in all", house.lines)

    def test_a_plugin_that_is_linked(self):
        self.visit(LINKED)

    def test_a_plugin_that_is_loaded(self):
        self.visit(LOADING, "--plugin", PLUGIN)

    def fails_with(self, *command):
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        self.assertEqual(done.returncode, 1, done.stdout + done.stderr)
        return done.stderr

    def test_wrong_settings_say_what_is_allowed(self):
        said = self.fails_with(LINKED, "--settings", '{"mostGests": 2}')
        self.assertIn('guest_book takes {"mostGuests": <number>}', said)

    def test_a_plugin_that_anybody_may_write_is_not_loaded(self):
        with tempfile.TemporaryDirectory() as folder:
            copy = shutil.copy(PLUGIN, folder)
            os.chmod(folder, 0o777)
            said = self.fails_with(LOADING, "--plugin", copy)
        self.assertIn("PERMISSION_DENIED", said)
        self.assertIn(f"everybody may write the folder {os.path.realpath(folder)}", said)


unittest.main(argv=sys.argv[:1])
