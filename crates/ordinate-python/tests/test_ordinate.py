"""The package as it is installed: python3 -m unittest discover crates/ordinate-python/tests (of the checkout), with the wheel and
scikit-learn installed. `.ci/run` builds the wheel and does that in a clean virtual environment."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from pathlib import Path

import ordinate

ROOT = Path(__file__).resolve().parents[3]
LABELS = ["bug", "billing"]


def items(count=120):
    words = {"bug": ["crash", "error", "freeze"], "billing": ["invoice", "refund", "charge"]}
    for at in range(count):
        label = LABELS[at % 2]
        yield {"id": str(at), "text": f"about the {words[label][at % 3]} number {at}", "label": label}


class Here(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "items.jsonl").write_text("\n".join(map(json.dumps, items())))
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)

    def task(self, *candidates):
        return {
            "task": {"name": "desk", "kind": "classify"},
            "data": {"items": "items.jsonl", "input": "text", "target": "label"},
            "combine": {"kinds": ["single"]},
            "candidate": list(candidates),
        }

    def run_task(self, task, **more):
        return ordinate.run(task, out=self.folder / "run", cache=self.folder / "cache", **more)


MINE = {"name": "mine", "lineage": "vertical"}
NGRAM = {"name": "ngram", "lineage": "vertical", "local": {"model": "ngram-linear"}}


def knows(batch):
    return ["bug" if any(word in item["input"] for word in ("crash", "error", "freeze")) else "billing" for item in batch]


class Runs(Here):
    def test_lawbench_is_the_verdict_of_the_command_line_to_the_byte(self):
        task = ROOT / "examples/lawbench/ordinate.toml"
        verdict = self.run_task(task)
        self.assertEqual((verdict.run / "verdict.json").read_text(), verdict.json)
        command = ordinate.find_command()
        self.assertIsNotNone(command)
        subprocess.run([command, "run", task, "--out", self.folder / "other", "--quiet"], check=True, stdout=subprocess.DEVNULL)
        self.assertEqual((self.folder / "other/verdict.json").read_text(), verdict.json)
        # Other needs, here and there.
        needs = {"max_cost_per_1k": 0.25}
        said = subprocess.run([command, "judge", self.folder / "other", "--json", "--need", "max_cost_per_1k=0.25"], check=True, capture_output=True, text=True)
        self.assertEqual(verdict.judge(needs).dict, json.loads(said.stdout))
        self.assertEqual(self.run_task(task, needs=needs).dict, json.loads(said.stdout))
        page = verdict._repr_html_()
        self.assertIn(verdict.recommended["name"], page)
        self.assertIn("<table>", page)
        with self.assertRaises(AttributeError):
            verdict.nothing

    def test_a_callable_beside_a_model_of_this_process(self):
        verdict = self.run_task(self.task(MINE, NGRAM), candidates={"mine": knows})
        quality = {one["name"]: one["quality"]["mean"] for one in verdict.candidates}
        self.assertEqual(quality["mine"], 1.0)
        self.assertGreater(quality["ngram"], 0.9)
        policy = ordinate.load(verdict.run, "ngram")
        self.assertEqual(policy.predict(["about the refund number 7", "about the freeze number 8"]), ["billing", "bug"])
        self.assertEqual(policy.ask("about the crash")["ask"], ["ngram"])
        decided = policy.ask_items(self.folder / "items.jsonl")
        self.assertEqual(len(decided), 120)

    def test_a_pipeline_of_scikit_learn(self):
        from sklearn.feature_extraction.text import TfidfVectorizer
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline

        train = list(items(60))
        pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression())
        pipeline.fit([item["text"] for item in train], [item["label"] for item in train])

        def ask(batch):
            texts = [item["input"] for item in batch]
            sure = pipeline.predict_proba(texts).max(axis=1)
            return [{"output": label, "confidence": float(p)} for label, p in zip(pipeline.predict(texts), sure)]

        # Arrays of numpy are lists of answers as well.
        plain = lambda batch: pipeline.predict([item["input"] for item in batch])
        other = {"name": "plain", "lineage": "vertical"}
        verdict = self.run_task(self.task(MINE, other), candidates={"mine": ask, "plain": plain})
        quality = {one["name"]: one["quality"]["mean"] for one in verdict.candidates}
        self.assertEqual(quality["mine"], quality["plain"])
        self.assertGreater(quality["mine"], 0.95)

    def test_a_callable_forecasts_with_quantiles(self):
        import numpy

        rows = [{"id": str(at), "past": [at + 1.0] * 9 + [at + 2.0], "next": [at + 2.0, at + 2.0]} for at in range(40)]
        (self.folder / "items.jsonl").write_text("\n".join(map(json.dumps, rows)))

        def ask(batch):
            asked = [json.loads(item["input"]) for item in batch]
            self.assertEqual(asked[0]["quantiles"], [0.1, 0.9])
            last = [numpy.full(one["horizon"], one["values"][-1]) for one in asked]
            return [{"values": values, "quantiles": {0.1: values - 1, 0.9: values + 1}} for values in last]

        other = {"name": "naive", "lineage": "general", "local": {"model": "naive"}}
        task = self.task(MINE, other)
        task["task"] = {"name": "series", "kind": "forecast"}
        task["data"] = {"items": "items.jsonl", "input": "past", "target": "next"}
        task["series"] = {"season": 1, "quantiles": [0.1, 0.9]}
        verdict = self.run_task(task, candidates={"mine": ask})
        self.assertEqual({one["quality"]["mean"] for one in verdict.candidates}, {1.0})
        self.assertIn("holds 100.0 % where it says 80 %", " ".join(verdict.assumed))

    def test_answers_of_a_version_are_kept(self):
        asked = []

        def counts(batch):
            asked.extend(item["id"] for item in batch)
            return knows(batch)

        for version, expected in [("1", 120), ("1", 120), ("2", 240), (None, 360), (None, 480)]:
            self.run_task(self.task(MINE, NGRAM), candidates={"mine": ordinate.Candidate(counts, version=version)})
            self.assertEqual(len(asked), expected, version)

    def test_needs_and_progress(self):
        lines = []
        needs = {"stay_local": True, "margin": 0.05}
        verdict = self.run_task(self.task(MINE, NGRAM), candidates={"mine": knows}, needs=needs, progress=lines.append)
        self.assertEqual(verdict.needs["margin"], 0.05)
        self.assertTrue(any(line.startswith("written to") for line in lines), lines)


class Failures(Here):
    def errors(self, call, **more):
        verdict = self.run_task(self.task(MINE, NGRAM), candidates={"mine": ordinate.Candidate(call, **more)})
        [measured] = [one for one in verdict.measured if one["name"] == "mine"]
        [row] = [one for one in verdict.candidates if one["name"] == "mine"]
        return measured, row

    def test_what_is_raised_is_an_error_of_the_items(self):
        def raises(batch):
            if any(int(item["id"]) >= 96 for item in batch):
                raise RuntimeError("out of luck")
            return knows(batch)

        measured, row = self.errors(raises)
        self.assertEqual(row["quality"]["mean"], 96 / 120)
        self.assertEqual(measured["errors"], {"reported": 24})

    def test_an_exception_for_one_item_is_of_that_item(self):
        single = lambda batch: [ValueError("odd") if item["id"] == "7" else answer for item, answer in zip(batch, knows(batch))]
        _, row = self.errors(single)
        self.assertEqual(row["quality"]["mean"], 119 / 120)

    def test_too_few_answers_are_none(self):
        with self.assertRaisesRegex(ordinate.RunError, "gave 23 answers to 24 items"):
            self.errors(lambda batch: knows(batch)[:-1], version="1")
        # Errors are asked again where that is said.
        mine = {"mine": ordinate.Candidate(knows, version="1")}
        verdict = self.run_task(self.task(MINE, NGRAM), candidates=mine, retry_errors=True)
        self.assertEqual({one["name"]: one["errors"] for one in verdict.candidates}["mine"], 0)

    def test_whoever_hangs_is_left_behind(self):
        def hangs(batch):
            if batch[0]["id"] != "0":
                time.sleep(3600)
            return knows(batch)

        begun = time.monotonic()
        _, row = self.errors(hangs, timeout=0.5, batch=20)
        self.assertEqual(row["quality"]["mean"], 20 / 120)
        self.assertLess(time.monotonic() - begun, 60)

    def test_errors_have_the_text_of_the_command_line(self):
        wrong = self.folder / "wrong.toml"
        wrong.write_text('[task]\nname = "x"\nkind = "classfy"\n')
        with self.assertRaises(ordinate.InputError) as raised:
            ordinate.run(wrong)
        said = subprocess.run([ordinate.find_command(), "run", wrong], capture_output=True, text=True)
        self.assertEqual(said.returncode, 2)
        self.assertIn(str(raised.exception), said.stderr.removeprefix("error: "))
        with self.assertRaises(ordinate.InputError):
            ordinate.load(self.folder / "nothing")
        with self.assertRaises(ordinate.InputError):
            self.run_task(self.task(MINE, NGRAM), candidates={"mine": knows}, needs={"max_cost": 1})
        with self.assertRaisesRegex(ValueError, "'yours'"):
            self.run_task(self.task(MINE), candidates={"yours": knows})
        with self.assertRaisesRegex(ordinate.InputError, "no callable"):
            self.run_task(self.task({**MINE, "custom": {"kind": "python"}}, NGRAM))

    def test_ctrl_c_stops_it_and_what_was_answered_is_kept(self):
        asked = []

        def slow(batch):
            asked.extend(item["id"] for item in batch)
            time.sleep(0.2)
            return knows(batch)

        # Where these tests run in the background of a script, nobody listens to Ctrl-C.
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        self.addCleanup(signal.signal, signal.SIGINT, before)
        mine = {"mine": ordinate.Candidate(slow, version="1", batch=10)}
        timer = threading.Timer(1.2, lambda: os.kill(os.getpid(), signal.SIGINT))
        timer.start()
        with self.assertRaises(KeyboardInterrupt):
            self.run_task(self.task(MINE, NGRAM), candidates=mine)
        timer.join()
        before = len(asked)
        self.assertTrue(0 < before < 120, before)
        self.run_task(self.task(MINE, NGRAM), candidates=mine)
        self.assertEqual(len(asked), 120, "what was answered is not asked again")


if __name__ == "__main__":
    sys.exit(unittest.main())
