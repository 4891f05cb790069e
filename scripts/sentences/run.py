#!/usr/bin/env python3
"""Runs the real binary on summaries and questions, with candidates that pick sentences of the text itself.

    cargo build --release
    python3 scripts/sentences/run.py        # the tables in docs/models.md, printed

The data lie beside the checkout (../shared/data/tasks), under licences that keep them out of it: DialogSum, MeQSum, SQuAD (the part that XQuAD
translated), COVID-QA.
"""

import argparse
import json
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


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", default=str(ROOT / "target/release/ordinate"))
    args = parser.parse_args()
    for name, (kind, fields, metrics, models) in TASKS.items():
        figures = {}
        for metric in metrics:
            text = f'[task]\nname = "{name}"\nkind = "{kind}"\nmetric = "{metric}"\n[combine]\nkinds = ["single"]\n'
            text += f'[data]\nitems = "{DATA}/{name}/test.jsonl"\n{fields}\n'
            for model in models:
                text += f'[[candidate]]\nname = "{model}"\nlineage = "general"\nlocal = {{ model = "{model}" }}\n'
            with tempfile.TemporaryDirectory() as folder:
                task = Path(folder) / "task.toml"
                task.write_text(text)
                command = [args.binary, "run", task, "--json", "--quiet", "--out", Path(folder) / "run"]
                done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(done.stderr)
            verdict = json.loads(done.stdout)
            for one in verdict["candidates"]:
                quality = one["quality"]
                cell = f"{100 * quality['mean']:.1f} ({100 * quality['low']:.1f} to {100 * quality['high']:.1f})"
                figures.setdefault(one["name"], {})[metric] = cell
        print(f"\n### {name}: {verdict['basis']['items']} items\n")
        print("| who | " + " | ".join(metrics) + " |\n|" + "---|" * (len(metrics) + 1))
        for model in models:
            print(f"| `{model}` | " + " | ".join(figures[model][metric] for metric in metrics) + " |")


if __name__ == "__main__":
    main()
