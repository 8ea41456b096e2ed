"""Runs the short form of scripts/demo and looks at all that it leaves behind.

Usage: demo_test.py SCRIPT PROGRAMS OUT
"""
import csv
import pathlib
import re
import subprocess
import sys
import unittest
import wave

SCRIPT, PROGRAMS, OUT = sys.argv[1:4]
SECONDS = 4
FRAMES = 50 * SECONDS


class Demo(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.run_ = subprocess.run(
            [SCRIPT, "--programs", PROGRAMS, "--out", OUT, "--seconds", str(SECONDS), "--profile", "balanced"],
            capture_output=True, text=True, timeout=50, check=False)
        cls.out = pathlib.Path(OUT)

    def report(self):
        return (self.out / "report.txt").read_text(encoding="utf-8")

    def cells(self, title):
        for line in self.report().splitlines():
            if line.strip().startswith(title):
                return line.strip()[len(title):].split("  ")
        self.fail(f"the report has no line '{title}'")

    def test_ends_well(self):
        self.assertEqual(self.run_.returncode, 0, self.run_.stdout + self.run_.stderr)

    def test_accounts_for_every_frame(self):
        sent = [int(cell) for cell in self.cells("frames sent") if cell]
        self.assertEqual(sent[0], FRAMES)
        for name, count in zip(("door_to_kitchen", "kitchen_to_door"), sent):
            with open(self.out / f"{name}.csv", newline="", encoding="utf-8") as file:
                rows = [row for row in csv.DictReader(file) if row["fate"] != "concealed"]
            self.assertEqual([int(row["sequence"]) for row in rows], list(range(count)), name)
            played = [row for row in rows if row["fate"] == "played"]
            self.assertGreater(len(played), count / 2)
            for row in played:
                self.assertGreaterEqual(float(row["to_ear_ms"]), float(row["network_ms"]) - 0.01)

    def test_reports_everything(self):
        for title in ("frames received", "lost on the way", "late for their playout", "network, one way: least",
                      "known to within", "capture to ear: mean", "target, mean", "filled",
                      "interruptions, over 150 ms", "stretched by", "offset at the start", "wrong by at most",
                      "rate", "state"):
            cells = [cell for cell in self.cells(title) if cell]
            self.assertEqual(len(cells), 2, title)
            for cell in cells:
                self.assertNotIn("not known", cell, title)
        self.assertEqual(self.cells("jitter buffer: profile")[-1].strip(), "balanced")
        self.assertRegex(self.report(), r"Calls at kitchen: 1 answered, 1 refused\.")

    def test_both_print_the_clock_twice(self):
        for station in ("door", "kitchen"):
            for when in ("at the start", "at the end"):
                self.assertRegex(self.run_.stdout, rf"{station} .*clock {when}: offset [+-]\d")

    def test_the_clocks_true_error_is_within_its_bound(self):
        # Both processes read one clock: what they take for the offset is their error.
        lines = re.findall(r"offset ([+-]\d+\.\d+) ms, wrong by (\d+\.\d+) ms at most", self.run_.stdout)
        self.assertEqual(len(lines), 4)
        for offset, bound in lines:
            self.assertLessEqual(abs(float(offset)), float(bound) + 0.05)
        self.assertRegex(self.report(), r"the true offset is 0: error \d+\.\d+ ms \(kitchen\)")

    def test_writes_the_sound(self):
        for station in ("door", "kitchen"):
            with wave.open(str(self.out / f"{station}_heard.wav")) as sound:
                self.assertEqual((sound.getframerate(), sound.getnchannels(), sound.getsampwidth()), (48000, 1, 2))
                self.assertGreater(sound.getnframes(), 0.9 * SECONDS * 48000)

    def test_refuses_flags_that_it_cannot_use(self):
        for flags in (["--colour", "red"], ["--loss"], ["--loss", "-1"], ["--profile", "fast"],
                      ["--playout-delay", "80"], ["--programs", "/no/such"]):
            done = subprocess.run([SCRIPT, *flags], capture_output=True, text=True, timeout=10, check=False)
            self.assertEqual(done.returncode, 2, flags)
            self.assertIn("scripts/demo:", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
