#!/usr/bin/env python3
"""What a teacher adds to 200 labels: headlines about gold (figures in docs/adapt.md).

    python3 scripts/distill/run.py target/release/ordinate ../shared/data/tasks/headlines_gold

First n-grams learn from all train items (each of which is answered by a model that did not see it). Their answers are then the
recorded answers of a teacher: a probe on the built-in encoder that is shown 200 targets learns them for the other train items, and
is compared with the same probe on the same 200 targets alone, over several draws of the 200. Standard library only.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

DRAWS = 5
SHOWN = 200

TASK = """[task]
name = "headlines"
kind = "classify"
[data]
train = "{data}/train.jsonl"
test = "{data}/test.jsonl"
input = "text"
target = "label"
[combine]
kinds = ["single"]
[statistics]
seed = {seed}
"""

TEACHER = """[[candidate]]
name = "n-grams"
lineage = "vertical"
local = { model = "ngram-linear" }
[[candidate]]
name = "always none"
lineage = "general"
recorded = { path = "none.jsonl" }
"""

PUPILS = """[[candidate]]
name = "teacher"
lineage = "vertical"
recorded = {{ path = "teacher.jsonl" }}
[[candidate]]
name = "pupil"
lineage = "transferred"
adapt = {{ from = "builtin", method = "distill", teacher = "teacher", examples = {shown} }}
[[candidate]]
name = "alone"
lineage = "transferred"
adapt = {{ from = "builtin", method = "probe", examples = {shown} }}
"""


def run(binary, desk, task, cache):
    """The verdict of a task file."""
    (desk / "task.toml").write_text(task)
    command = [binary, "run", "task.toml", "--json", "--quiet", "--out", "run"]
    done = subprocess.run(command, cwd=desk, env={**os.environ, "ORDINATE_CACHE": str(cache)}, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def main():
    binary, data = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    desk = Path(tempfile.mkdtemp())
    ids = [json.loads(line)["id"] for part in ("train", "test") for line in (data / f"{part}.jsonl").read_text().splitlines()]
    (desk / "none.jsonl").write_text("".join(json.dumps({"id": id, "output": "none"}) + "\n" for id in ids))
    try:
        print("| draw | teacher | pupil | alone | pupil less alone |")
        print("|---|---|---|---|---|")
        for seed in range(DRAWS):
            cache = desk / f"cache-{seed}"
            run(binary, desk, TASK.format(data=data, seed=seed) + TEACHER, cache)
            # The one file of answers of models in this process.
            (answers,) = (cache / "local").glob("*.jsonl")
            shutil.copy(answers, desk / "teacher.jsonl")
            verdict = run(binary, desk, TASK.format(data=data, seed=seed) + PUPILS.format(shown=SHOWN), cache)
            of = {one["name"]: one["quality"] for one in verdict["candidates"]}
            level = lambda name: "{mean:.3f} [{low:.3f}, {high:.3f}]".format(**of[name])
            (pair,) = [one for one in verdict["comparisons"] if {one["a"], one["b"]} == {"pupil", "alone"}]
            low, mean, high = (pair["difference"][key] for key in ("low", "mean", "high"))
            if pair["a"] == "alone":
                low, mean, high = -high, -mean, -low
            print(f"| {seed} | {level('teacher')} | {level('pupil')} | {level('alone')} | {mean:+.3f} [{low:+.3f}, {high:+.3f}] |")
    finally:
        shutil.rmtree(desk)


if __name__ == "__main__":
    main()
