"""Evidence in parts against the same evidence in one piece."""

import csv
import importlib.util
import random
import unittest
from pathlib import Path

import ordinate
from ordinate import sums
from test_ordinate import Here

TASK = {
    "task": {"name": "parts", "kind": "generate"},
    "data": {"evidence": "whole.csv"},
    "combine": {"kinds": ["single", "by-slice"]},
    "statistics": {"seed": 3},
    "candidate": [
        {"name": "general", "lineage": "general"},
        {"name": "vertical", "lineage": "vertical"},
        {"name": "seldom", "lineage": "vertical"},
    ],
}
RIGHT = {"general": {"law": 0.6, "taxes": 0.7, "rare": 0.5}, "vertical": {"law": 0.9, "taxes": 0.45, "rare": 0.5}}


def cells(count, seed=5):
    """Rows of evidence in which each lineage has a slice of its own, answers of an item are alike, and some are errors."""
    of = random.Random(seed)
    for at in range(count):
        slice, hard = of.choices(["law", "taxes", "rare"], [50, 49.9, 0.1])[0], of.random()
        for name in RIGHT:
            p = RIGHT[name][slice]
            row = {"id": f"item {at}", "slice": slice, "candidate": name, "score": int(0.5 * hard + 0.5 * of.random() < p), "cost_usd": 0.01, "error": ""}
            yield {**row, "score": "", "error": "away"} if name == "general" and of.random() < 0.02 else row
        if at % 5 == 0:
            yield {"id": f"item {at}", "slice": slice, "candidate": "seldom", "score": 1, "cost_usd": 0.0, "error": ""}


class InParts(Here):
    def setUp(self):
        super().setUp()
        rows = list(cells(24_000))
        # Who answered few of the items is left out.
        self.write("whole.csv", [row for row in rows if row["candidate"] != "seldom"])
        items = sorted({row["id"] for row in rows})
        of = {item: random.Random(item).randrange(5) for item in items}
        self.parts = [self.write(f"part {part}.csv", [row for row in rows if of[row["id"]] == part]) for part in range(5)]

    def write(self, name, rows):
        with open(name, "w", newline="") as file:
            table = csv.DictWriter(file, ["id", "slice", "candidate", "score", "cost_usd", "error"])
            table.writeheader()
            table.writerows(rows)
        return Path(name)

    def test_the_verdict_is_that_of_one_piece(self):
        whole = ordinate.run({**TASK, "candidate": TASK["candidate"][:2]}, out="one", hosting=False)
        lines = []
        parts = sums.judge(TASK, self.parts, out="many", progress=lines.append)
        self.assertEqual(len(lines), 5)
        self.assertIn("24,000 items were put at random into", " ".join(parts.assumed))
        self.assertIn("seldom answered 20% of the items", " ".join(parts.assumed))
        self.assertEqual(parts.outcome, "combined")
        self.assertEqual((parts.outcome, parts.recommended["name"]), (whole.outcome, whole.recommended["name"]))
        of = lambda verdict, name: next(row for row in [*verdict.candidates, *verdict.policies] if row["name"] == name)
        for name in ("general", "vertical", "by-slice"):
            one, other = of(whole, name)["quality"], of(parts, name)["quality"]
            error = (one["high"] - one["low"]) / 4
            # The mean is that of the items; of a policy, that of the items in other folds.
            self.assertAlmostEqual(one["mean"], other["mean"], delta=1e-9 if name != "by-slice" else error / 2)
            width = (other["high"] - other["low"]) / (one["high"] - one["low"])
            self.assertTrue(0.9 < width < 1.1, (name, width))
        gain = [of(verdict, "by-slice")["gain_over_best_single"] for verdict in (whole, parts)]
        self.assertAlmostEqual(gain[0]["mean"], gain[1]["mean"], delta=(gain[0]["high"] - gain[0]["low"]) / 8)

    def test_errors_left_out_may_say_another_thing(self):
        rows = []
        for at in range(4_000):
            half, third = at % 2, at % 3
            rows.append({"id": at, "candidate": "general", "score": "" if third == 0 else int(half or third == 1), "error": "away" if third == 0 else ""})
            rows.append({"id": at, "candidate": "vertical", "score": int(at % 10 < 6), "error": ""})
        parts = [self.write("a.csv", rows[:3_000]), self.write("b.csv", rows[3_000:])]
        task = {**TASK, "candidate": TASK["candidate"][:2]}
        verdict = sums.judge(task, parts, out="errors")
        self.assertEqual(verdict.outcome, "vertical")
        self.assertEqual(verdict.errors_left_out["outcome"], "general")

    def test_what_is_wrong_with_a_part_is_said(self):
        Path("part 3.csv").write_text("id,candidate,score\n1,general,7\n")
        with self.assertRaisesRegex(ordinate.InputError, "part 3.csv.*score"):
            sums.judge(TASK, self.parts)
        with self.assertRaisesRegex(ValueError, "no parts"):
            sums.judge(TASK, [])

    @unittest.skipIf(importlib.util.find_spec("ray") is None, "skipped: Ray is not installed")
    def test_on_ray(self):
        import ray

        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR", object_store_memory=200 << 20)
        self.addCleanup(ray.shutdown)
        there = sums.judge(TASK, self.parts, out="there", on="ray")
        here = sums.judge(TASK, self.parts, out="here")
        self.assertEqual((there.outcome, there.recommended["name"]), (here.outcome, here.recommended["name"]))
        for one, other in zip(there.candidates, here.candidates):
            self.assertAlmostEqual(one["quality"]["mean"], other["quality"]["mean"], delta=1e-12)


if __name__ == "__main__":
    unittest.main()
