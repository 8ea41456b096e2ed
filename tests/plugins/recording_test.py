"""Recordings of the intercom demo, as others see them: `echostream recording`, and Foxglove's library from npm.

  recording_test.py <echostream> <folder "examples" of the build> <folder for what npm installs>
"""

import collections
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = EXAMPLES = NPM_FOLDER = ""
HERE = pathlib.Path(__file__).resolve().parent
VOICES = pathlib.Path("/usr/share/sounds/alsa")
NPM_PACKAGES = ["@mcap/core@2", "fzstd@0.1", "protobufjs@7"]
SECONDS = 3


def run(*command, code=0, **how):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=60, check=False, **how)
    if code is not None and done.returncode != code:
        raise AssertionError(f"{command}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done


class Recordings(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not VOICES.is_dir():
            raise unittest.SkipTest(f"SKIPPED: there is no {VOICES}; on Debian, install alsa-utils")
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="echostream-recording-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        contact = cls.folder / "contact"
        intercom = pathlib.Path(EXAMPLES) / "intercom"
        kitchen = subprocess.Popen(
            [intercom / "intercom-answer", "--name", "kitchen", "--contact", contact, "--voice",
             VOICES / "Front_Left.wav", "--recording", cls.folder / "kitchen.mcap"],
            stdout=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 20
            while not (contact.is_file() and contact.read_text(encoding="utf-8").count("\n") >= 2):
                if time.monotonic() > deadline:
                    raise AssertionError("the kitchen did not come up")
                time.sleep(0.05)
            run(intercom / "intercom-call", "--name", "door", "--contact", contact, "--seconds", SECONDS, "--voice",
                VOICES / "Front_Center.wav", "--recording", cls.folder / "door.mcap")
            kitchen.wait(timeout=30)
        finally:
            kitchen.kill()
            kitchen.wait()
        cls.door = cls.folder / "door.mcap"
        cls.kitchen = cls.folder / "kitchen.mcap"

    def messages(self, file, code=0):
        done = run(PROGRAM, "recording", "cat", file, "--json", code=code)
        return [json.loads(line) for line in done.stdout.splitlines()]

    def test_info_says_what_is_in_it(self):
        text = run(PROGRAM, "recording", "info", self.door).stdout
        self.assertRegex(text, r"written by +echostream recorder")
        self.assertRegex(text, r"missing +nothing")
        self.assertRegex(text, r"echostream\.session +session=1 +peer=127\.0\.0\.1:\d+ +peer_fingerprint=")
        self.assertRegex(text, r"/intercom\.v1\.Intercom/Voice/request +150 +intercom\.v1\.VoiceFrame, side caller")

    def test_cat_prints_each_message(self):
        messages = self.messages(self.door)
        rings = [m for m in messages if m["topic"] == "/intercom.v1.Intercom/Ring/request"]
        self.assertEqual(len(rings), 1)
        self.assertEqual(rings[0]["data"]["from"], "door")
        voice = [m for m in messages if m["topic"] == "/intercom.v1.Intercom/Voice/request"]
        self.assertEqual([m["sequence"] for m in voice], list(range(50 * SECONDS)))
        for message in messages:
            self.assertRegex(message["log_time"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$")
        one = run(PROGRAM, "recording", "cat", self.door, "--topic", "/intercom.v1.Intercom/Ring/request").stdout
        self.assertRegex(one, r'^\S+Z /intercom\.v1\.Intercom/Ring/request #0 \{"from":"door".*\}\n$')

    def test_both_ends_recorded_the_same(self):
        def replies(file):
            return [m["data"] for m in self.messages(file) if m["topic"].endswith("/HangUp/response")]

        self.assertEqual(len(replies(self.door)), 1)
        self.assertEqual(replies(self.door), replies(self.kitchen))

    def test_a_file_that_was_cut_is_read_as_far_as_it_goes(self):
        cut = self.folder / "cut.mcap"
        data = self.door.read_bytes()
        cut.write_bytes(data[:len(data) - 3000])
        self.assertRegex(run(PROGRAM, "recording", "info", cut).stdout, r"missing +the file is cut.*not finished")
        *messages, damage = self.messages(cut, code=1)
        self.assertEqual(messages, self.messages(self.door))
        self.assertEqual(damage["status"], "DATA_LOSS")
        cut.write_bytes(data[:5000])
        self.messages(cut, code=1)

    def test_refuses_what_is_no_recording(self):
        done = run(PROGRAM, "recording", "info", __file__, code=2)
        self.assertIn("this is no MCAP file", done.stderr)
        done = run(PROGRAM, "recording", "cat", "/no/such", code=1)
        self.assertIn("/no/such: No such file", done.stderr)
        done = run(PROGRAM, "recording", code=2)
        self.assertIn("a command is missing", done.stderr)
        for command in ("info", "cat", "serve"):
            run(PROGRAM, "recording", command, code=2)
            self.assertIn("Example:", run(PROGRAM, "recording", command, "--help").stdout)

    def test_serves_it_to_a_client(self):
        served = subprocess.Popen([PROGRAM, "recording", "serve", self.kitchen], stdout=subprocess.PIPE, text=True)
        try:
            first = served.stdout.readline()
            address = re.search(r"^serves \d+ calls, \d+ messages on (\S+)$", first).group(1)
            fingerprint = served.stdout.readline().split()[1]
            trace = self.folder / "trace.csv"
            # The kitchen's states are what it published to the door.
            run(PROGRAM, "timing", "record", "--to", address, "--fingerprint", fingerprint, "--method",
                "intercom.v1.Intercom/StateChanged", "--delivery", "reliable", "--seconds", 5, "--output", trace)
            rows = trace.read_text(encoding="utf-8").splitlines()[1:]
            states = [m for m in self.messages(self.kitchen)
                      if m["topic"] == "/intercom.v1.Intercom/StateChanged/response"]
            self.assertGreaterEqual(len(rows), 3)
            self.assertLessEqual(len(rows), len(states))
        finally:
            served.send_signal(signal.SIGINT)
            served.communicate(timeout=20)
        self.assertEqual(served.returncode, 0)


class Foxglove(unittest.TestCase):
    """@mcap/core reads the files as Foxglove does."""

    @classmethod
    def setUpClass(cls):
        npm, node = shutil.which("npm"), shutil.which("node")
        if npm is None or node is None:
            raise unittest.SkipTest("SKIPPED: without npm and node nobody but ourselves reads our recordings")
        folder = pathlib.Path(NPM_FOLDER)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "package.json").write_text('{"private": true, "type": "module"}\n', encoding="utf-8")
        done = run(npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", *NPM_PACKAGES, cwd=folder, code=None)
        if done.returncode != 0:
            raise unittest.SkipTest(f"SKIPPED: npm cannot install {NPM_PACKAGES}: {done.stderr[-500:]}")
        for script in ("read_recording.mjs", "write_recording.mjs"):
            shutil.copy(HERE / script, folder)
        cls.reader = [node, folder / "read_recording.mjs"]
        cls.writer = [node, folder / "write_recording.mjs"]
        Recordings.setUpClass()
        cls.addClassCleanup(Recordings.doClassCleanups)

    def test_reads_all_that_the_demo_recorded(self):
        for file in (Recordings.door, Recordings.kitchen):
            read = json.loads(run(*self.reader, file).stdout)
            ours = [json.loads(line) for line in run(PROGRAM, "recording", "cat", file, "--json").stdout.splitlines()]
            self.assertTrue(read["library"].startswith("echostream"))
            self.assertTrue(read["done"])
            self.assertEqual(read["statistics"]["messages"], len(ours))
            self.assertEqual(read["counts"], dict(collections.Counter(m["topic"] for m in ours)))
            self.assertEqual(len(read["indexed"]), len(ours))
            self.assertEqual(read["records"]["MetadataIndex"], read["statistics"]["metadata"])
            self.assertRegex(read["metadata"][0]["peer"], r"^127\.0\.0\.1:\d+$")
            ring = [m for m in read["indexed"] if m["topic"] == "/intercom.v1.Intercom/Ring/request"]
            self.assertEqual(ring[0]["data"]["from"], "door")
            self.assertEqual(ring[0]["data"]["codec"]["sample_rate"], 48000)
            voice = [m for m in read["indexed"] if m["topic"] == "/intercom.v1.Intercom/Voice/request"]
            self.assertGreater(len(voice), 100)
            self.assertEqual({m["type"] for m in voice}, {"intercom.v1.VoiceFrame"})

    def test_writes_what_we_read(self):
        for how in ("chunks", "plain"):
            file = Recordings.folder / f"{how}.mcap"
            run(*self.writer, file, how)
            text = run(PROGRAM, "recording", "info", file).stdout
            self.assertRegex(text, r"written by +somebody else")
            self.assertRegex(text, r"missing +nothing")
            self.assertRegex(text, r"\nabout +who=somebody\n")
            done = run(PROGRAM, "recording", "cat", file, "--json")
            messages = [json.loads(line) for line in done.stdout.splitlines()]
            self.assertEqual([m["data"]["i"] for m in messages], list(range(100)))
            self.assertEqual({m["topic"] for m in messages[::2]}, {"/a"})


if __name__ == "__main__":
    PROGRAM, EXAMPLES, NPM_FOLDER = (os.path.abspath(path) for path in sys.argv[1:4])
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[4:]])
