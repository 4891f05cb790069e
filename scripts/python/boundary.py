#!/usr/bin/env python3
"""What it costs to cross from Rust to Python and back: items through a callable, and evidence from a data frame.

    scripts/wheel && pip install target/wheels/ordinate-*.whl pandas pyarrow
    python3 scripts/python/boundary.py [--items 100000] [--rows 1000000]

The same n-gram model answers each item twice: within Rust, as a candidate of the run, and as a callable that asks a policy of an earlier run.
Beside them a callable that does nothing. The evidence is the same rows as a frame and as a Parquet file.
"""

import argparse
import random
import tempfile
import time
from pathlib import Path

import ordinate

WORDS = {"bug": ["crash", "error", "freeze"], "billing": ["invoice", "refund", "charge"]}


def items(count):
    for at in range(count):
        label = "bug" if at % 2 else "billing"
        yield {"id": str(at), "text": f"about the {WORDS[label][at % 3]} number {at}", "label": label}


def timed(title, call):
    begun, used = time.monotonic(), time.process_time()
    given = call()
    print(f"| {title} | {time.monotonic() - begun:.1f} | {time.process_time() - used:.1f} |", flush=True)
    return given


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--rows", type=int, default=1_000_000)
    arguments = parser.parse_args()
    import pandas

    print("| what | s | s of CPU |\n|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        few = {"name": "few", "lineage": "vertical", "local": {"model": "ngram-linear", "examples": 1000}}
        mine = {"name": "mine", "lineage": "vertical"}
        rows = pandas.DataFrame(list(items(arguments.items)))
        task = lambda *listed: {
            "task": {"name": "desk", "kind": "classify"},
            "data": {"items": rows, "input": "text", "target": "label"},
            "combine": {"kinds": ["single"]},
            "data_needs": {"measure": "none"},
            "candidate": list(listed),
        }

        def run(listed, name, **more):
            return ordinate.run(task(*listed), out=folder / name, cache=folder / (name + "-cache"), hosting=False, **more)

        nothing = lambda batch: ["bug"] * len(batch)
        wide = lambda call: {"mine": ordinate.Candidate(call, batch=4096)}
        two = {"name": "other", "lineage": "general"}
        timed(f"{arguments.items:,} items, two callables that do nothing", lambda: run([mine, two], "nothing", candidates={**wide(nothing), "other": ordinate.Candidate(nothing, batch=4096)}))
        verdict = timed("the same, one of them and n-grams in Rust (five trainings on 1,000)", lambda: run([mine, few], "rust", candidates=wide(nothing)))
        policy = ordinate.load(verdict.run, "few")
        asks = lambda batch: [one["answer"] for one in policy.ask_items([{"id": item["id"], "text": item["input"]} for item in batch])]
        timed("n-grams asked from a callable, and a callable that does nothing", lambda: run([mine, two], "python", candidates={**wide(asks), "other": ordinate.Candidate(nothing, batch=4096)}))

        random.seed(0)
        names = ["a", "b"]
        frame = pandas.DataFrame(
            {
                "id": [str(at // 2) for at in range(arguments.rows)],
                "candidate": [names[at % 2] for at in range(arguments.rows)],
                "score": [float(random.random() < (0.7, 0.72)[at % 2]) for at in range(arguments.rows)],
                "cost_usd": 0.001,
            }
        )
        frame.to_parquet(folder / "evidence.parquet", index=False)
        both = [{"name": "a", "lineage": "general"}, {"name": "b", "lineage": "vertical"}]
        judged = lambda evidence: {"task": {"name": "scores", "kind": "scored"}, "data": {"evidence": evidence}, "candidate": both}
        timed(f"evidence of {arguments.rows:,} rows from a frame of pandas", lambda: ordinate.run(judged(frame), out=folder / "frame"))
        verdict = timed("the same from a Parquet file", lambda: ordinate.run(judged(folder / "evidence.parquet"), out=folder / "file"))
        timed("and back as a frame", lambda: verdict.evidence("pandas"))


if __name__ == "__main__":
    main()
