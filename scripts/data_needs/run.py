#!/usr/bin/env python3
"""How well learning curves foretell: from a fifth of the labels to all of them (figures in docs/adapt.md).

    python3 scripts/data_needs/run.py target/release/ordinate ../shared/data/tasks

For three sets: a run on all train items draws the real curve of n-grams and of a probe of the built-in encoder (its points in
verdict.json), and records the answers of a general candidate, a probe that is shown two fifths of the labels. Then runs on a fifth of the train
items, drawn several times, foretell each curve: the score with all labels, and with how many labels the general candidate is
overtaken. Standard library only.
"""

import json
import math
import os
import random
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

SETS = ("headlines_gold", "ag_news", "trec")
DRAWS = 3
PART = 0.2

TASK = """[task]
name = "curves"
kind = "classify"
[data]
train = "train.jsonl"
test = "test.jsonl"
input = "text"
target = "label"
[combine]
kinds = ["single"]
[data_needs]
{needs}
"""

LEARNERS = """[[candidate]]
name = "n-grams"
lineage = "vertical"
local = { model = "ngram-linear" }
[[candidate]]
name = "probe"
lineage = "transferred"
adapt = { from = "builtin", method = "probe" }
"""

RECORDED = """[[candidate]]
name = "general"
lineage = "general"
recorded = { path = "general.jsonl" }
"""


def run(binary, desk, task, cache):
    """The verdict of a task file."""
    (desk / "task.toml").write_text(task)
    command = [binary, "run", "task.toml", "--json", "--quiet", "--out", "run"]
    environment = {**os.environ, "ORDINATE_CACHE": str(cache)}
    return json.loads(subprocess.run(command, cwd=desk, env=environment, stdout=subprocess.PIPE, check=True).stdout)


def general(binary, desk, examples):
    """Records the answers of a probe that is shown so many labels."""
    first = json.loads((desk / "test.jsonl").read_text().splitlines()[0])
    (desk / "general.jsonl").write_text(json.dumps({"id": first["id"], "output": first["label"]}) + "\n")
    shown = f'[[candidate]]\nname = "shown"\nlineage = "transferred"\nadapt = {{ from = "builtin", method = "probe", examples = {examples} }}\n'
    run(binary, desk, TASK.format(needs='measure = "none"') + RECORDED + shown, desk / "general-cache")
    (answers,) = (desk / "general-cache" / "local").glob("*.jsonl")
    test = {json.loads(line)["id"] for line in (desk / "test.jsonl").read_text().splitlines()}
    kept = [line for line in answers.read_text().splitlines() if json.loads(line)["id"] in test]
    (desk / "general.jsonl").write_text("\n".join(kept) + "\n")


def at(points, labels):
    """A score between points, straight over the logarithm of the labels."""
    for (n0, s0), (n1, s1) in zip(points, points[1:]):
        if n0 <= labels <= n1:
            return s0 + (s1 - s0) * math.log(labels / n0) / math.log(n1 / n0)
    return points[-1][1]


def crossing(points, level):
    """The labels from which measured points reach a level; None where they do not."""
    if points[0][1] >= level:
        return points[0][0]
    for (n0, s0), (n1, s1) in zip(points, points[1:]):
        if s0 < level <= s1:
            return n0 * (n1 / n0) ** ((level - s0) / (s1 - s0))
    return None


def main():
    binary, data = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    sets = sys.argv[3:] or SETS
    errors, covered, cases, held = [], 0, 0, 0
    print("| set | draw | candidate | all labels: foretold | measured | overtakes: foretold | measured |")
    print("|---|---|---|---|---|---|---|")
    for name in sets:
        desk = Path(tempfile.mkdtemp())
        try:
            train = (data / name / "train.jsonl").read_text().splitlines()
            shutil.copy(data / name / "test.jsonl", desk)
            (desk / "train.jsonl").write_text("\n".join(train) + "\n")
            general(binary, desk, int(0.4 * len(train)))
            whole = run(binary, desk, TASK.format(needs="draws = 3\nmax_items = 1000000") + RECORDED + LEARNERS, desk / "cache")
            level = next(one["quality"]["mean"] for one in whole["candidates"] if one["name"] == "general")
            real = {one["candidate"]: one["points"] for one in whole["data_needs"]}
            for draw in range(DRAWS):
                part = random.Random(draw).sample(train, int(PART * len(train)))
                (desk / "train.jsonl").write_text("\n".join(part) + "\n")
                few = run(binary, desk, TASK.format(needs="draws = 3") + RECORDED + LEARNERS, desk / "cache")
                for need in few["data_needs"]:
                    points = real[need["candidate"]]
                    band = {key: at([(one["labels"], one[key]) for one in need["band"]], len(train)) for key in ("low", "mid", "high")}
                    score = points[-1][1]
                    errors.append(abs(band["mid"] - score))
                    held += band["low"] <= score <= band["high"]
                    there, over = crossing(points, level), need["overtakes"]
                    foretold = "none"
                    if over:
                        low, high = over["labels"]["low"], over["labels"]["high"]
                        foretold = f"{low} to {high}"
                    if there is not None:
                        cases += 1
                        # Ten times the labels at hand is as far as it looks.
                        covered += bool(over) and low <= there <= high
                    print(
                        f"| {name} | {draw} | {need['candidate']} | {band['mid']:.3f} [{band['low']:.3f}, {band['high']:.3f}] "
                        f"| {score:.3f} | {foretold} | {'none' if there is None else round(there)} |",
                        flush=True,
                    )
        finally:
            shutil.rmtree(desk)
    print()
    print(f"accuracy with all labels, from {PART:.0%}: mean error {100 * sum(errors) / len(errors):.2f} points over {len(errors)} cases")
    print(f"its interval covers it in {held} of {len(errors)}")
    print(f"the crossing interval covers the real one in {covered} of {cases}")


if __name__ == "__main__":
    main()
