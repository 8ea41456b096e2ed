"""Runs the short form of scripts/demo-lipsync and looks at all that it leaves behind.

Usage: demo_test.py SCRIPT PROGRAMS OUT
"""
import csv
import pathlib
import re
import subprocess
import sys
import unittest

SCRIPT, PROGRAMS, OUT = sys.argv[1:4]
SECONDS = 3
# Not a measure of performance: tests may share a slow machine with others.
MOST_SKEW_MS = 40


class Demo(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.run_ = subprocess.run(
            [SCRIPT, "--programs", PROGRAMS, "--out", OUT, "--seconds", str(SECONDS)],
            capture_output=True, text=True, timeout=80, check=False)
        cls.out = pathlib.Path(OUT)

    def frames(self, name):
        with open(self.out / f"{name}.csv", newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def test_ends_well(self):
        self.assertEqual(self.run_.returncode, 0, self.run_.stdout + self.run_.stderr)

    def test_plays_both_tracks_in_both_viewings(self):
        for viewing in ("together", "alone"):
            self.assertGreater(len(self.frames(f"{viewing}_voice")), 0.7 * 50 * SECONDS)
            self.assertGreater(len(self.frames(f"{viewing}_video")), 0.7 * 30 * SECONDS)
            for track in ("voice", "video"):
                last = -1
                for frame in self.frames(f"{viewing}_{track}"):
                    self.assertGreater(int(frame["sequence"]), last)
                    last = int(frame["sequence"])
                    self.assertGreaterEqual(float(frame["playout_ms"]), float(frame["arrived_ms"]) - 1)

    def test_keeps_the_picture_with_the_sound(self):
        skews = sorted(abs(float(frame["skew_ms"])) for frame in self.frames("together_video")
                       if frame["skew_ms"])
        self.assertGreater(len(skews), 0.5 * 30 * SECONDS)
        self.assertLess(skews[int(0.75 * len(skews))], MOST_SKEW_MS)

    def test_reports_everything(self):
        report = (self.out / "report.txt").read_text(encoding="utf-8")
        number = r"\s+(\+- )?[+-]?\d[^\n]*\d"
        for row in ("voice: frames played", "pictures: frames played", "one-way latency, median",
                    "bound of its error", "jitter buffer's target, mean", "common delay",
                    "skew of pictures as shown, median", "p95", "p99", "most",
                    r"seen and heard \(lip sync\)"):
            self.assertRegex(report, row + number)
        self.assertIsNotNone(re.search(r"clock [+-]\d+\.\d+ ms \(within \d+\.\d\)", report), report)

    def test_writes_the_sound(self):
        for viewing in ("together", "alone"):
            sound = (self.out / f"{viewing}_heard.wav").read_bytes()
            self.assertEqual(sound[:4], b"RIFF")
            self.assertGreater(len(sound), 0.9 * SECONDS * 48000 * 2)

    def test_refuses_flags_that_it_does_not_know(self):
        for flags in (["--colour", "red"], ["--loss"], ["--loss", "-1"], ["--programs", "/no/such"]):
            done = subprocess.run([SCRIPT, *flags], capture_output=True, text=True, timeout=10,
                                  check=False)
            self.assertEqual(done.returncode, 2, flags)
            self.assertIn("scripts/demo-lipsync:", done.stderr)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
