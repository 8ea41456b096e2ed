"""What run_bench.py makes of the values that the programs report."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from comparison.figures import FIGURES, ROWS, Figure, at_least, at_most
from comparison.measure import Outcome
from comparison.table import summarise, verdict


def summary_of(figures, values):
    return summarise(Outcome(figures, values, {}, {}, 3))


class Tables(unittest.TestCase):
    def test_each_figure_belongs_to_a_row_and_has_a_key_of_its_own(self):
        for figure in FIGURES:
            self.assertIn(figure.row, ROWS)
        keys = [figure.key for figure in FIGURES]
        self.assertEqual(sorted(set(keys)), sorted(keys))

    def test_each_row_has_a_figure(self):
        self.assertEqual(set(ROWS), {figure.row for figure in FIGURES})

    def test_a_target_of_another_figure_comes_after_it(self):
        seen = set()
        for figure in FIGURES:
            for target in figure.must + figure.aim:
                self.assertTrue(target.figure is None or target.figure in seen, figure.key)
            seen.add(figure.key)

    def test_a_metric_is_looked_for_under_the_peers_name_where_they_have_one_kind_only(self):
        figure = Figure("k", "r", "ours", "t", "u", peer_metric="theirs")
        self.assertEqual(figure.metric_of("echostream"), "ours")
        self.assertEqual(figure.metric_of("grpc"), "theirs")
        self.assertEqual(Figure("k", "r", "ours", "t", "u").metric_of("grpc"), "ours")


class Judgements(unittest.TestCase):
    def test_the_ratio_is_the_median_of_the_rounds_ratios(self):
        # The machine was three times slower in the second round, for both.
        entry = summary_of([Figure("f", "r", "m", "t", "us")], {"f": {"echostream": [2, 6, 3], "grpc": [4, 12, 3]}})["f"]
        self.assertEqual(entry["ratios"]["grpc"], {"median": 0.5, "least": 0.5, "most": 1.0})
        self.assertEqual(entry["medians"], {"echostream": 3, "grpc": 4})

    def judge(self, target, values, scale=1.0):
        figure = Figure("f", "r", "m", "t", "us", scale, must=(target,))
        return summary_of([figure], {"f": values})["f"]["must"][0]

    def test_at_most_is_met_at_the_limit_and_short_above_it(self):
        values = {"echostream": [45], "grpc": [100]}
        self.assertEqual(verdict(self.judge(at_most(0.45, "grpc"), values)), "met")
        self.assertEqual(verdict(self.judge(at_most(0.30, "grpc"), values)), "SHORT BY 50 %")

    def test_at_least_is_met_at_the_limit_and_short_below_it(self):
        values = {"echostream": [500], "grpc": [100]}
        self.assertEqual(verdict(self.judge(at_least(5, "grpc"), values)), "met")
        self.assertEqual(verdict(self.judge(at_least(10, "grpc"), values)), "SHORT BY 50 %")

    def test_a_plain_limit_is_in_the_unit_of_the_table(self):
        self.assertEqual(verdict(self.judge(at_most(3), {"echostream": [2900]}, 1e-3)), "met")
        self.assertEqual(verdict(self.judge(at_most(3), {"echostream": [6000]}, 1e-3)), "SHORT BY 100 %")

    def test_another_figure_of_ours_can_be_the_measure(self):
        p50 = Figure("p50", "r", "a", "t", "us")
        p99 = Figure("p99", "r", "b", "t", "us", must=(at_most(1.5, figure="p50"),))
        for ours, expected in ((14, "met"), (30, "SHORT BY 100 %")):
            values = {"p50": {"echostream": [10]}, "p99": {"echostream": [ours]}}
            self.assertEqual(verdict(summary_of([p50, p99], values)["p99"]["must"][0]), expected)

    def test_what_was_not_measured_is_neither_met_nor_short(self):
        for values in ({"echostream": [1], "grpc": []}, {"echostream": [], "grpc": [1]}, {"echostream": [1]}):
            self.assertEqual(verdict(self.judge(at_most(0.5, "grpc"), values)), "not measured")
        self.assertEqual(verdict(self.judge(at_most(0.5), {"echostream": []})), "not measured")


if __name__ == "__main__":
    unittest.main()
