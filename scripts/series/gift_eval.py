#!/usr/bin/env python3
"""The verdict on the public result tables of GIFT-Eval: 97 forecasting tasks, 94 forecasters, by domain.

    cargo build --release
    python3 scripts/series/gift_eval.py              # without forecasters that may have seen the test data, as their authors say
    python3 scripts/series/gift_eval.py --leakage    # with them

A score is 0.5 - 0.5 ln(r) / ln(20), r the weighted quantile loss over that of the seasonal naive forecast, so that 0.5 is the seasonal naive
one. The table lies beside the checkout (../shared/data/evidence/gift-eval).
"""

import argparse
import json
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = (ROOT / "../shared/data/evidence/gift-eval").resolve()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--leakage", action="store_true", help="with forecasters that may have seen the test data")
    parser.add_argument("--binary", default=str(ROOT / "target/release/ordinate"))
    args = parser.parse_args()
    candidates = json.loads((DATA / "candidates.json").read_text())
    kept = [one for one in candidates if args.leakage or one["testdata_leakage"] == "no"]
    text = f'[task]\nname = "gift-eval"\nkind = "scored"\n[data]\nevidence = "{DATA}/scores.csv.gz"\n'
    for one in kept:
        text += f'[[candidate]]\nname = {json.dumps(one["name"])}\nlineage = "{one["lineage"]}"\n'
    with tempfile.TemporaryDirectory() as folder:
        task = Path(folder) / "task.toml"
        task.write_text(text)
        command = [args.binary, "run", task, "--json", "--quiet", "--out", Path(folder) / "run"]
        done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    verdict = json.loads(done.stdout)
    basis = verdict["basis"]
    print(f"{len(kept)} of {len(candidates)} forecasters, {basis['items']} tasks of {basis['groups']} data sets\n")
    print(f"Verdict: `{verdict['outcome']}`, {verdict['recommended']['name']}\n")
    for reason in verdict["why"][:6]:
        print(f"- {reason}")

    def best(lineage, of):
        some = [one for one in verdict["candidates"] if one["lineage"] == lineage and of(one)]
        one = max(some, key=lambda one: of(one)["mean"])
        figure = of(one)
        return f"{one['name']} {figure['mean']:.3f} ({figure['low']:.3f} to {figure['high']:.3f})"

    print("\n| domain | tasks | best general | best vertical | best transferred |\n|---|---|---|---|---|")
    lineages = ["general", "vertical", "transferred"]
    row = " | ".join(best(lineage, lambda one: one["quality"]) for lineage in lineages)
    print(f"| all | {basis['items']} | {row} |")
    for domain in sorted({name for one in verdict["candidates"] for name in one["slices"]}):
        tasks = max(one["slices"][domain]["items"] for one in verdict["candidates"] if domain in one["slices"])
        row = " | ".join(best(lineage, lambda one: one["slices"].get(domain)) for lineage in lineages)
        print(f"| {domain} | {tasks} | {row} |")


if __name__ == "__main__":
    main()
