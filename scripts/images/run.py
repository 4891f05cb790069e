#!/usr/bin/env python3
"""Runs the real binary on real images (and one table of a medical field), and prints the tables in docs/images.md.

    cargo build --release
    python3 scripts/images/run.py                        # all of it
    python3 scripts/images/run.py pneumonia --epochs 2   # a short look at one

The data lie beside the checkout (../shared/data/tasks), under licences that keep them out of it: PneumoniaMNIST (MedMNIST v2, Yang et
al. 2023), blood cells (BCCD), CIFAR-10 in grey, digits of MNIST, Wisconsin breast cancer.
"""

import argparse
import json
import re
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = (ROOT / "../shared/data/tasks").resolve()
CIFAR = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


def npz(name, labels, train="train"):
    file = DATA / name / f"{name}.npz"
    names = ", ".join(f'{at} = "{label}"' for at, label in enumerate(labels))
    return f'train = "{file}#{train}"\ntest = "{file}"\nlabels = {{ {names} }}\n'


def scratch(**keys):
    return "vertical", adapt("scratch", "full", **keys)


def adapt(source, method, **keys):
    further = "".join(f", {key} = {json.dumps(value)}" for key, value in keys.items())
    return f'adapt = {{ from = "{source}", method = "{method}"{further} }}'


def task_text(name, kind, data, candidates, more=""):
    text = f'[task]\nname = "{name}"\nkind = "{kind}"\n[data]\n{data}{more}'
    for candidate, (lineage, source) in candidates.items():
        text += f'[[candidate]]\nname = "{candidate}"\nlineage = "{lineage}"\n{source}\n'
    return text


class Bench:
    def __init__(self, binary, folder, epochs):
        self.binary, self.folder, self.epochs = binary, Path(folder), epochs

    def limit(self, candidates):
        """The same with fewer passes, for a short look."""
        if not self.epochs:
            return candidates
        short = lambda source: source.replace(" }", f", epochs = {self.epochs} }}") if '"full"' in source else source
        return {name: (lineage, short(source)) for name, (lineage, source) in candidates.items()}

    def run(self, name, data, candidates, kind="classify-image", more=""):
        task = self.folder / f"{name}.toml"
        task.write_text(task_text(name, kind, data, self.limit(candidates), more))
        started = time.monotonic()
        out = self.folder / f"{name}.ordinate"
        done = subprocess.run([self.binary, "run", task, "--out", out, "--json", "--quiet"], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(done.stderr)
        verdict = json.loads(done.stdout)
        show(name, verdict, time.monotonic() - started)
        return out


def figures(verdict):
    """What the field reports, by candidate: from what the verdict says of it."""
    text = " ".join(verdict["assumed"])
    found = re.findall(r"(?:: |; )(\S+) balanced accuracy ([\d.]+\d)(?:, AUROC ([\d.]+\d))?(, sensitivity [^;]*?\))?(?=[;.])", text)
    return {name: (balanced, area or "", told.removeprefix(", sensitivity ") if told else "") for name, balanced, area, told in found}


def show(name, verdict, seconds):
    print(f"\n### {name}: {verdict['basis']['items']} items, {seconds:.0f} s\n")
    print("| who | accuracy [95 %] | balanced | AUROC | sensitivity at 95 % | seconds to train |\n|---|---|---|---|---|---|")
    trained = dict(re.findall(r"(\S+) was trained \(.*?\) on .*? passes in (\d+) s", " ".join(verdict["assumed"])))
    of = figures(verdict)
    for row in verdict["candidates"] + verdict["policies"]:
        if row.get("kind") == "single":
            continue
        quality, (balanced, area, told) = row["quality"], of.get(row["name"], ("", "", ""))
        interval = f"{quality['mean']:.3f} [{quality['low']:.3f}, {quality['high']:.3f}]"
        print(f"| `{row['name']}` | {interval} | {balanced} | {area} | {told} | {trained.get(row['name'], '')} |")
    recommended = verdict["recommended"]
    print(f"\nOutcome: {verdict['outcome']}, {recommended['name'] if recommended else 'nobody'}.", flush=True)
    for why in verdict["why"][:3]:
        print(f"- {why}")


def general(bench):
    """A general network of images: ten kinds of things, in grey."""
    out = bench.folder / "cifar10_gray28.ordinate"
    if not out.is_dir():
        candidates = {"general": scratch(), "hundred": scratch(examples=1000)}
        bench.run("cifar10_gray28", npz("cifar10_gray28", CIFAR), candidates)
    return out / "models/general"


def pneumonia(bench):
    source = general(bench)
    candidates = {
        "scratch": scratch(),
        "scratch-balanced": scratch(class_weights="balanced"),
        "general-probe": ("transferred", adapt(source, "probe")),
        "general-tuned": ("transferred", adapt(source, "full")),
        "general-tuned-balanced": ("transferred", adapt(source, "full", class_weights="balanced")),
    }
    bench.run("pneumoniamnist", npz("pneumoniamnist", ["normal", "pneumonia"]), candidates)


def cells(bench):
    source = general(bench)
    candidates = {
        "scratch": scratch(),
        "general-probe": ("transferred", adapt(source, "probe")),
        "general-tuned": ("transferred", adapt(source, "full")),
    }
    bench.run("bccd_cells", npz("bccd_cells", ["red", "white", "platelet"]), candidates)


def digits(bench):
    source = general(bench)
    candidates = {"scratch": scratch(), "general-probe": ("transferred", adapt(source, "probe"))}
    bench.run("mnist10k", npz("mnist10k", list("0123456789")), candidates)


def wdbc(bench):
    data = f'items = "{DATA}/wdbc/t*.csv"\nfeatures = "all"\ntarget = "diagnosis"\n'
    header = (DATA / "wdbc/train.csv").read_text().splitlines()[0].split(",")
    target = next(name for name in header if name in ("diagnosis", "label", "target"))
    candidates = {
        "linear": ("vertical", 'local = { model = "field-linear" }'),
        "boosted": ("vertical", 'local = { model = "gradient-boosting" }'),
        "ngram": ("vertical", 'local = { model = "ngram-linear" }'),
    }
    bench.run("wdbc", data.replace('"diagnosis"', f'"{target}"'), candidates, kind="classify", more="[combine]\nfolds = 10\n")


TASKS = {"pneumonia": pneumonia, "cells": cells, "digits": digits, "wdbc": wdbc}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tasks", nargs="*", help="of " + ", ".join(TASKS))
    parser.add_argument("--binary", default=str(ROOT / "target/release/ordinate"))
    parser.add_argument("--epochs", type=int, help="passes of every network, for a short look")
    parser.add_argument("--folder", help="where runs are kept; a new one by default")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(given.binary, given.folder or folder, given.epochs)
        bench.folder.mkdir(parents=True, exist_ok=True)
        for name in given.tasks or TASKS:
            TASKS[name](bench)


if __name__ == "__main__":
    main()
