"""Runs `echostream timing` from end to end on streams and exchanges made here.

  timing_command_test.py <the program> <a server of lab.v1.Lab>
"""

import csv
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

PROGRAM = ""
SERVER = ""
TRACE_HEADER = "seq,send_us,arrival_us\n"
EXCHANGE_HEADER = "t1_us,t2_us,t3_us,t4_us\n"


def trace(seed=1, frames=1500, interval_us=20_000, base_us=30_000, jitter_us=6_000, loss=0.01):
    """A stream over a network with exponential jitter, in order of arrival, that loses some packets."""
    chance = random.Random(seed)
    last = 0
    rows = []
    for seq in range(frames):
        sent = seq * interval_us
        last = max(last, sent + base_us + int(chance.expovariate(1 / jitter_us)))
        rows.append(f"{seq},{sent},{'' if chance.random() < loss else last}\n")
    return TRACE_HEADER + "".join(rows)


def exchanges(seed=1, count=300, offset_us=250_000.0, skew_ppm=20.0, base_us=400.0, jitter_us=60.0):
    """Exchanges every 100 ms over a symmetric path with a remote clock that runs faster. And the truth:
    the offset at a local time."""
    chance = random.Random(seed)

    def offset(local_us):
        return offset_us + local_us * skew_ppm * 1e-6

    rows = []
    for i in range(count):
        t1 = 5e6 + i * 100_000
        arrived = t1 + base_us + chance.expovariate(1 / jitter_us)
        t4 = arrived + 30 + base_us + chance.expovariate(1 / jitter_us)
        rows.append(f"{t1:.3f},{arrived + offset(arrived):.3f},{arrived + 30 + offset(arrived + 30):.3f},{t4:.3f}\n")
    return EXCHANGE_HEADER + "".join(rows), offset


class Command(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="echostream-timing-")
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8", newline="") as file:
            file.write(text)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def table(self, name):
        with open(self.path(name), encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def run_program(self, *arguments, code=0, environment=None):
        """Returns (stdout, stderr). Relative names are files in the test's folder."""
        done = subprocess.run([PROGRAM, *arguments], cwd=self.folder, capture_output=True, text=True, timeout=60,
                              env=environment)
        self.assertEqual(done.returncode, code, f"{arguments}: {done.stdout}{done.stderr}")
        return done.stdout, done.stderr

    def jitter(self, *more, **how):
        return self.run_program("timing", "jitter", "--input", "in.csv", "--output", "out.csv", *more, **how)

    def clock(self, **how):
        return self.run_program("timing", "clock", "--input", "in.csv", "--output", "out.csv", **how)

    def files(self):
        return sorted(os.listdir(self.folder))


class Usage(Command):
    def test_help_and_version(self):
        self.assertRegex(self.run_program("--version")[0], r"^echostream \d+\.\d+\.\d+\n$")
        self.assertIn("timing", self.run_program("--help")[0])
        overview = self.run_program("timing", "--help")[0]
        for command in ["jitter", "clock", "plot"]:
            self.assertIn(command, overview)
            explained, errors = self.run_program("timing", command, "--help")
            self.assertIn("Example:", explained)
            self.assertIn("--output", explained)
            self.assertEqual(errors, "")

    def test_wrong_usage_is_named_and_has_code_2(self):
        for arguments, message in [
                ([], "echostream: a command is missing\nTry 'echostream --help'.\n"),
                (["talk"], "echostream: there is no command 'talk'\nTry 'echostream --help'.\n"),
                (["timing"], "echostream timing: a command is missing\nTry 'echostream timing --help'.\n"),
                (["timing", "guess"], "echostream timing: there is no command 'guess'\n"),
                (["timing", "jitter", "--output", "b"], "echostream timing jitter: --input is required\n"),
                (["timing", "jitter", "--input", "a", "--output", "b", "--quickly"],
                 "echostream timing jitter: The following argument was not expected: --quickly\n"),
                (["timing", "plot", "--trace", "a", "--output", "b.svg"],
                 "echostream timing plot: --trace requires --decisions\n"),
                (["timing", "plot", "--output", "b.svg"],
                 "echostream timing plot: there is nothing to draw: give --trace and --decisions, or --estimates\n"),
                (["timing", "plot", "--estimates", "a", "--output", "b.jpg"],
                 "echostream timing plot: --output: 'b.jpg' ends neither in .svg nor in .png\n")]:
            output, errors = self.run_program(*arguments, code=2)
            self.assertEqual(output, "")
            self.assertTrue(errors.startswith(message), errors)

    def test_values_out_of_range_are_refused(self):
        self.write("in.csv", trace(frames=10))
        for arguments, message in [
                (["--profile", "fast"], "--profile: 'fast' is not one of low-latency|balanced|strict"),
                (["--late-policy", "no"], "--late-policy: 'no' is not one of auto|skip|wait"),
                (["--min-delay", "-1"], "--min-delay: '-1' is not a number of milliseconds from 0 to 3600000"),
                (["--max-delay", "0"], "--max-delay: '0' is not a number of milliseconds from 0.001 to 3600000"),
                (["--initial-delay", "nan"], "--initial-delay: 'nan' is not a number of milliseconds"),
                (["--max-late-share", "5"], "--max-late-share: '5' is not a share of more than 0 and at most 1"),
                (["--max-stretch", "1e-1x"], "--max-stretch: '1e-1x' is not a share of more than 0 and at most 0.5"),
                (["--min-delay", "50", "--max-delay", "20"], "--min-delay is more than --max-delay"),
                (["--stats", "out.csv"], "--stats and --output name the same file")]:
            _, errors = self.jitter(*arguments, code=2)
            self.assertIn("echostream timing jitter: " + message, errors)
            self.assertEqual(self.files(), ["in.csv"])


class Jitter(Command):
    def decisions_of(self, text, *options):
        self.write("in.csv", text)
        self.jitter(*options)
        return self.table("out.csv")

    def test_each_frame_has_one_row_and_is_played_in_order_and_not_before_it_came(self):
        for options in [[], ["--profile", "low-latency"], ["--profile", "strict"], ["--late-policy", "skip"],
                        ["--late-policy", "wait"]]:
            # Waiting is for streams that lose nothing: what does not come would be waited for.
            text = trace(seed=len(options) + 5, loss=0 if "wait" in options else 0.01)
            rows = self.decisions_of(text, *options)
            packets = [row.split(",") for row in text.splitlines()[1:]]
            arrivals = {int(seq): int(arrival) if arrival else None for seq, _, arrival in packets}
            fates = [row for row in rows if row["state"] != "concealed"]
            self.assertEqual([int(row["seq"]) for row in fates], sorted(arrivals))
            last = 0
            for row in fates:
                arrival = arrivals[int(row["seq"])]
                self.assertEqual(row["state"] == "lost", arrival is None, row)
                if row["state"] == "played":
                    self.assertGreaterEqual(int(row["playout_us"]), arrival)
                    self.assertGreaterEqual(int(row["playout_us"]), last)
                    last = int(row["playout_us"])
            played = sum(row["state"] == "played" for row in fates)
            self.assertGreater(played, 0.95 * len(fates), options)

    def test_the_summary_counts_what_the_file_says(self):
        self.write("in.csv", trace(seed=3))
        output, errors = self.jitter("--stats", "stats.json")
        self.assertEqual(errors, "")
        states = [row["state"] for row in self.table("out.csv")]
        count = states.count
        self.assertEqual(output.splitlines()[0],
                         f"1500 frames: {count('played')} played, {count('late')} late, {count('lost')} lost, "
                         f"{count('dropped')} dropped")
        stats = json.loads(self.read("stats.json"))
        self.assertEqual(stats["framesPlayed"], count("played"))
        self.assertEqual(stats["jitterBufferEmittedCount"], count("played"))
        self.assertAlmostEqual(stats["jitterBufferDelay"] / count("played") * 1000, self.mean_wait_ms(), delta=0.5)

    def mean_wait_ms(self):
        arrivals = {row["seq"]: int(row["arrival_us"]) for row in self.table("in.csv") if row["arrival_us"]}
        waits = [int(row["playout_us"]) - arrivals[row["seq"]] for row in self.table("out.csv")
                 if row["state"] == "played"]
        return sum(waits) / len(waits) / 1000

    def test_statistics_go_to_standard_output_alone(self):
        self.write("in.csv", trace(frames=50))
        self.assertEqual(json.loads(self.jitter("--stats", "-")[0])["frames"], 50)
        self.assertEqual(self.files(), ["in.csv", "out.csv"])

    def test_options_reach_the_buffer(self):
        self.write("in.csv", trace(seed=9, jitter_us=3_000, loss=0))
        def mean_delay(*options):
            return json.loads(self.jitter("--stats", "-", *options)[0])["meanDelayMs"]
        usual = mean_delay()
        self.assertGreater(mean_delay("--min-delay", "200"), 190)
        self.assertLess(mean_delay("--max-delay", "2"), usual)
        self.assertGreater(mean_delay("--profile", "strict"), mean_delay("--profile", "low-latency"))
        self.jitter("--initial-delay", "150")
        first = self.table("out.csv")[0]
        self.assertGreater(int(first["playout_us"]), 150_000)

    def test_packets_of_one_send_time_are_one_frame(self):
        rows = []
        for frame in range(200):
            for packet in range(3):
                sent = frame * 33_333
                rows.append(f"{frame * 3 + packet},{sent},{sent + 20_000 + packet * 900}\n")
        decisions = self.decisions_of(TRACE_HEADER + "".join(rows))
        self.assertEqual([int(row["seq"]) for row in decisions], [frame * 3 for frame in range(200)])
        self.assertEqual({row["state"] for row in decisions}, {"played"})

    def test_same_input_same_output(self):
        self.write("in.csv", trace(seed=4))
        self.jitter()
        first = self.read("out.csv")
        self.jitter()
        self.assertEqual(self.read("out.csv"), first)

    def test_malformed_traces_are_refused_with_line_and_reason(self):
        header = "the first line must be 'seq,send_us,arrival_us'"
        time = "expected microseconds between -4000000000000000 and 4000000000000000, such as 1520 or 1520.250"
        for text, message in [
                ("", f"in.csv:1: the file is empty; {header}"),
                (TRACE_HEADER, "in.csv:2: there are no rows; expected one for each packet"),
                ("0,0,20\n", f"in.csv:1: the header is missing: here is '0,0,20'; {header}"),
                (TRACE_HEADER + "0,0\n", "in.csv:2: there are 2 columns; expected 3: seq,send_us,arrival_us"),
                (TRACE_HEADER + "0,0,1\n1,2,3,4\n",
                 "in.csv:3: there are 4 columns; expected 3: seq,send_us,arrival_us"),
                (TRACE_HEADER + "0,0,1\none,2,3\n",
                 "in.csv:3: seq is 'one'; expected a whole number from 0 to 18446744073709551615"),
                (TRACE_HEADER + "0,,1\n", f"in.csv:2: send_us is ''; {time}"),
                (TRACE_HEADER + "0,0,soon\n", f"in.csv:2: arrival_us is 'soon'; {time}"),
                (TRACE_HEADER + "0,0,nan\n", f"in.csv:2: arrival_us is 'nan'; {time}"),
                (TRACE_HEADER + "0,99999999999999999999,1\n",
                 f"in.csv:2: send_us is '99999999999999999999'; {time}"),
                (TRACE_HEADER + "0,0,1\n\n1,20000,3\n",
                 "in.csv:3: the line is empty, but rows follow it; expected seq,send_us,arrival_us"),
                (TRACE_HEADER + "7,0,1\n7,20000,3\n",
                 "in.csv:3: seq 7 was sent at another time in line 2; copies of a packet have its send_us"),
                (TRACE_HEADER + "0,0," + "1" * 2000 + "\n",
                 "in.csv:2: the line is longer than 1000 bytes; expected a table with the columns "
                 "seq,send_us,arrival_us")]:
            self.write("in.csv", text)
            output, errors = self.jitter(code=2)
            self.assertEqual(errors, f"echostream timing jitter: {message}\n")
            self.assertEqual(output, "")
            self.assertEqual(self.files(), ["in.csv"], "something half-written is left")

    def test_other_programs_ways_of_writing_are_understood(self):
        plain = trace(frames=100)
        expected = self.decisions_of(plain)
        for text in [plain.replace("\n", "\r\n"), "\ufeff" + plain, plain + "\n\r\n\n", plain.rstrip("\n"),
                     plain.replace(",", ", ")]:
            self.assertEqual(self.decisions_of(text), expected)

    def test_files_that_cannot_be_read_or_written_have_code_1(self):
        _, errors = self.jitter(code=1)
        self.assertEqual(errors, "echostream timing jitter: cannot read in.csv: No such file or directory\n")
        os.mkdir(self.path("folder"))
        self.write("in.csv", trace(frames=10))
        for source, target, message in [
                ("folder", "out.csv", "cannot read folder: it is a folder"),
                ("in.csv", "folder", "cannot write folder: it is a folder"),
                ("in.csv", "missing/out.csv", "cannot write missing/out.csv: there is no folder ")]:
            _, errors = self.run_program("timing", "jitter", "--input", source, "--output", target, code=1)
            self.assertTrue(errors.startswith(f"echostream timing jitter: {message}"), errors)
        _, errors = self.jitter("--stats", "missing/stats.json", code=1)
        self.assertIn("cannot write missing/stats.json: there is no folder ", errors)
        self.assertEqual(self.files(), ["folder", "in.csv"])

    def test_the_input_is_never_overwritten(self):
        text = trace(frames=10)
        self.write("in.csv", text)
        for arguments in [["--output", "./in.csv"], ["--output", "out.csv", "--stats", "in.csv"]]:
            _, errors = self.run_program("timing", "jitter", "--input", "in.csv", *arguments, code=2)
            self.assertIn("in.csv is the input; name another file to write to", errors)
        self.assertEqual(self.read("in.csv"), text)
        self.assertEqual(self.files(), ["in.csv"])

    def test_stamps_that_make_no_sense_do_no_harm(self):
        chance = random.Random(11)
        for kind in range(6):
            rows = []
            for seq in range(400):
                sent, arrival = seq * 20_000, seq * 20_000 + 30_000
                if kind == 0:
                    sent = seq * 20_000 + (3 * 10**15 if seq > 200 else 0)
                elif kind == 1:
                    arrival += 15 * 10**14 if seq > 200 else -15 * 10**14
                elif kind == 2:
                    sent = -sent - 1
                elif kind == 3:
                    sent = chance.randrange(-4 * 10**15, 4 * 10**15)
                elif kind == 4:
                    arrival = chance.randrange(-15 * 10**14, 15 * 10**14)
                else:
                    arrival = 0
                rows.append(f"{seq},{sent},{arrival}\n")
            decisions = self.decisions_of(TRACE_HEADER + "".join(rows))
            fates = [row for row in decisions if row["state"] != "concealed"]
            self.assertEqual(len(fates), 400)
            self.assertEqual(len({row["seq"] for row in fates}), 400)


class Clock(Command):
    def test_estimates_are_within_their_bound_and_follow_the_drift(self):
        text, offset = exchanges()
        self.write("in.csv", text)
        output, errors = self.clock()
        self.assertEqual(errors, "")
        self.assertIn("300 exchanges", output)
        rows = self.table("out.csv")
        self.assertEqual(list(rows[0]), ["t_us", "offset_us", "bound_us", "estimated_error_us"])
        first_reply = float(text.splitlines()[1].split(",")[3])
        for i, row in enumerate(rows):
            at = float(row["t_us"])
            self.assertAlmostEqual(at, first_reply + i * 100_000, places=2)
            error = abs(float(row["offset_us"]) - offset(at))
            self.assertLessEqual(error, float(row["bound_us"]))
            if i > 50:
                self.assertLess(error, 60)

    def test_replies_that_overtake_each_other_are_put_in_order(self):
        text, _ = exchanges(count=60)
        rows = text.splitlines(keepends=True)
        self.write("in.csv", text)
        self.clock()
        expected = self.read("out.csv")
        # Each request leaves before the one below, but the file is in the order of the requests.
        late = rows[10].split(",")
        late[3] = f"{float(late[3]) + 250_000:.3f}\n"
        in_order_of_requests = rows[:10] + [",".join(late)] + rows[11:]
        in_order_of_replies = rows[:10] + rows[11:13] + [",".join(late)] + rows[13:]
        results = []
        for order in [in_order_of_requests, in_order_of_replies]:
            self.write("in.csv", "".join(order))
            self.clock()
            results.append(self.read("out.csv"))
        self.assertEqual(results[0], results[1])
        self.assertNotEqual(results[0], expected)

    def test_malformed_exchanges_are_refused_with_line_and_reason(self):
        header = "the first line must be 't1_us,t2_us,t3_us,t4_us'"
        for text, message in [
                ("", f"in.csv:1: the file is empty; {header}"),
                (EXCHANGE_HEADER, "in.csv:2: there are no rows; expected one for each exchange"),
                ("t1,t2,t3,t4\n0,1,2,3\n",
                 f"in.csv:1: the header is missing: here is 't1,t2,t3,t4'; {header}"),
                (EXCHANGE_HEADER + "0,1,2\n",
                 "in.csv:2: there are 3 columns; expected 4: t1_us,t2_us,t3_us,t4_us"),
                (EXCHANGE_HEADER + "0,1,2,3\n0,1,,3\n",
                 "in.csv:3: t3_us is ''; expected microseconds between -4000000000000000 and "
                 "4000000000000000, such as 1520 or 1520.250"),
                (EXCHANGE_HEADER + "5,1,2,3\n",
                 "in.csv:2: t4_us is before t1_us; both are of clock A, and a reply comes later"),
                (EXCHANGE_HEADER + "0,1,2,3\n10,11,12,13\n20,21,22,23\n1,1,2,4\n",
                 "in.csv:5: t4_us is before that of a row further up; expected rows in the order of t4_us or of "
                 "t1_us"),
                (EXCHANGE_HEADER + "0,1,2,3\n3000000000000000,1,2,3000000000000000\n",
                 "in.csv:3: t4_us is more than a day after the one before it; expected exchanges of one session")]:
            self.write("in.csv", text)
            output, errors = self.clock(code=2)
            self.assertEqual(errors, f"echostream timing clock: {message}\n")
            self.assertEqual(output, "")
            self.assertEqual(self.files(), ["in.csv"], "something half-written is left")

    def test_a_peer_that_lies_does_no_harm(self):
        chance = random.Random(5)
        rows = []
        for i in range(300):
            t1 = i * 200_000
            t2, t3 = (chance.randrange(-4 * 10**15, 4 * 10**15) for _ in range(2))
            rows.append(f"{t1},{t2},{t3},{t1 + 2_000}\n")
        self.write("in.csv", EXCHANGE_HEADER + "".join(rows))
        self.clock()
        rows = self.table("out.csv")
        times = [float(row["t_us"]) + float(row["offset_us"]) for row in rows]
        self.assertEqual(len(times), 599)
        for earlier, later in zip(times, times[1:]):
            self.assertGreaterEqual(later, earlier - 1)  # a double holds no more


class Plot(Command):
    def draw_delay(self, output, *more, **how):
        return self.run_program("timing", "plot", "--trace", "in.csv", "--decisions", "out.csv", "--output", output,
                                *more, **how)

    def test_delay_picture_is_an_svg_with_all_that_it_should_show(self):
        # Some frames come half a second late: not all of them can be played.
        text = trace(seed=2).splitlines(keepends=True)
        for row in range(500, 510):
            seq, sent, _ = text[row].split(",")
            text[row] = f"{seq},{sent},{int(sent) + 530_000}\n"
        self.write("in.csv", "".join(text))
        self.jitter("--late-policy", "skip")
        self.draw_delay("delay.svg", "--title", "Wi-Fi <5 GHz> & more")
        picture = xml.etree.ElementTree.parse(self.path("delay.svg")).getroot()
        words = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
        for expected in ["Wi-Fi <5 GHz> & more", "network delay", "playout delay", "late", "lost",
                         "concealed before a frame", "captured at [s]", "delay above the least [ms]", "concealed [ms]"]:
            self.assertIn(expected, words)
        self.assertNotIn("nan", self.read("delay.svg"))

    def test_clock_picture_shows_bound_and_exchanges(self):
        self.write("in.csv", exchanges()[0])
        self.clock()
        for more, expected in [([], ["offset", "hard bound", "estimated error"]),
                               (["--exchanges", "in.csv"], ["request: received - sent", "reply: sent - received"])]:
            self.run_program("timing", "plot", "--estimates", "out.csv", *more, "--output", "clock.svg")
            picture = xml.etree.ElementTree.parse(self.path("clock.svg")).getroot()
            words = [element.text for element in picture.iter("{http://www.w3.org/2000/svg}text")]
            for word in expected + ["offset less a steady drift [µs]"]:
                self.assertIn(word, words)

    def test_pictures_stay_small_for_long_streams(self):
        self.write("in.csv", trace(seed=6, frames=60_000))
        self.jitter()
        self.draw_delay("delay.svg")
        self.assertLess(os.path.getsize(self.path("delay.svg")), 1_500_000)

    def test_png_needs_gnuplot_and_says_so(self):
        self.write("in.csv", trace(frames=200))
        self.jitter()
        _, errors = self.draw_delay("it's.png", code=1, environment={"PATH": self.folder})
        self.assertIn("a PNG needs gnuplot, which is not installed", errors)
        self.assertEqual(self.files(), ["in.csv", "out.csv"])

    @unittest.skipIf(shutil.which("gnuplot") is None, "gnuplot is not installed")
    def test_png_is_drawn_by_gnuplot(self):
        self.write("in.csv", trace(frames=300, loss=0.05))
        self.jitter()
        _, errors = self.draw_delay("it's.png", "--title", "it's `date`")
        self.assertEqual(errors, "")
        with open(self.path("it's.png"), "rb") as file:
            head = file.read(24)
        self.assertEqual(head[:8], b"\x89PNG\r\n\x1a\n")
        self.assertEqual((int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")), (1000, 600))
        self.assertEqual(self.files(), ["in.csv", "it's.png", "out.csv"])

    def test_decisions_of_another_trace_are_refused(self):
        self.write("in.csv", trace(frames=100))
        self.jitter()
        self.write("in.csv", trace(frames=50))
        _, errors = self.draw_delay("delay.svg", code=2)
        self.assertRegex(errors, r"out\.csv:\d+: seq \d+ is not the first packet of a frame of the trace\n")
        self.assertEqual(self.files(), ["in.csv", "out.csv"])

    def test_a_picture_of_next_to_nothing_is_a_picture(self):
        for text in [TRACE_HEADER + "0,0,5\n", TRACE_HEADER + "0,0,\n", TRACE_HEADER + "0,0,\n1,20,40\n"]:
            self.write("in.csv", text)
            self.jitter()
            self.draw_delay("delay.svg")
            xml.etree.ElementTree.parse(self.path("delay.svg"))
        self.write("in.csv", EXCHANGE_HEADER + "0,5,6,10\n")
        self.clock()
        self.run_program("timing", "plot", "--estimates", "out.csv", "--exchanges", "in.csv", "--output", "clock.svg")
        self.assertNotIn("nan", self.read("clock.svg"))


class Record(Command):
    """A live stream of another process, on loopback."""

    def setUp(self):
        super().setUp()
        self.server = subprocess.Popen([SERVER, "127.0.0.1:0", "10000"], stdout=subprocess.PIPE, text=True)
        self.addCleanup(self.stop)
        _, self.address, self.fingerprint = self.server.stdout.readline().split()

    def stop(self):
        self.server.terminate()
        self.server.wait(timeout=30)
        self.server.stdout.close()

    def record(self, *more, **how):
        return self.run_program("timing", "record", "--to", self.address, "--fingerprint", self.fingerprint,
                                "--output", "trace.csv", *more, **how)

    def test_a_recorded_stream_can_be_replayed(self):
        with open(self.path("request"), "wb") as file:
            file.write(b"\x08\x28")  # lab.v1.Count { count: 40 }
        output, _ = self.record("--method", "lab.v1.Lab/Datagrams", "--delivery", "datagram", "--request", "request")
        self.assertRegex(output, r"^\d+ frames recorded, \d+ lost\n$")
        rows = self.read("trace.csv").splitlines()
        self.assertEqual(rows[0] + "\n", TRACE_HEADER)
        arrived = [row for row in rows[1:] if not row.endswith(",")]
        self.assertGreaterEqual(len(arrived), 30)
        self.run_program("timing", "jitter", "--input", "trace.csv", "--output", "decisions.csv")

    def test_a_recording_can_be_cut_off(self):
        with open(self.path("request"), "wb") as file:
            file.write(b"\x08\x90\x4e")  # ten thousand frames of 20 ms
        self.record("--method", "lab.v1.Lab/Expiring", "--delivery", "expiring", "--request", "request",
                    "--seconds", "1")
        self.assertGreater(len(self.read("trace.csv").splitlines()), 10)

    def test_what_cannot_be_recorded_is_said(self):
        _, errors = self.record("--method", "lab.v1.Lab/NoSuch", code=1)
        self.assertIn("serves no method", errors)
        _, errors = self.run_program("timing", "record", "--to", self.address, "--method", "a.B/C", "--output",
                                     "trace.csv", code=2)
        self.assertIn("--fingerprint", errors)
        self.assertEqual(self.files(), [])


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: timing_command_test.py <the program echostream> <a server of lab.v1.Lab>")
    PROGRAM = os.path.abspath(sys.argv.pop(1))
    SERVER = os.path.abspath(sys.argv.pop(1))
    unittest.main()
