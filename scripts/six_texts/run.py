"""Six public sets of texts, and what a general encoder, a better one and n-grams make of each.

    python3 scripts/six_texts/run.py --data ../shared/data/tasks --minilm FOLDER [--out results.json]
        [--sets NAME ...] [--only CANDIDATE ...] [--all-policies]

Runs `ordinate run` once for each set (`ORDINATE` names the binary), with the candidates below trained on its train part
and scored on its test part, and prints the table of docs/models.md. FOLDER holds config.json, tokenizer.json and
model.safetensors of all-MiniLM-L6-v2.
"""

import argparse
import json
import os
import pathlib
import subprocess
import tempfile
import time

SETS = ["sst2", "ag_news", "banking77", "twitter_financial_news", "medical_abstracts", "clinc150"]

CANDIDATES = """
[[candidate]]
name = "builtin named"
lineage = "general"
local = {{ model = "builtin" }}

[[candidate]]
name = "MiniLM named"
lineage = "general"
local = {{ model = "{minilm}" }}

[[candidate]]
name = "builtin probe"
lineage = "transferred"
adapt = {{ from = "builtin", method = "probe" }}

[[candidate]]
name = "MiniLM probe"
lineage = "transferred"
adapt = {{ from = "{minilm}", method = "probe" }}

[[candidate]]
name = "n-grams"
lineage = "vertical"
local = {{ model = "ngram-linear" }}
"""
NAMES = ["builtin named", "MiniLM named", "builtin probe", "MiniLM probe", "n-grams"]


def candidates(names: list[str], minilm: pathlib.Path) -> str:
    blocks = CANDIDATES.format(minilm=minilm).split("[[candidate]]")[1:]
    return "".join("[[candidate]]" + block for name, block in zip(NAMES, blocks) if name in names)


def measure(binary: str, name: str, data: pathlib.Path, blocks: str, combine: str) -> dict:
    folder = data / name
    with tempfile.TemporaryDirectory() as desk:
        task = pathlib.Path(desk, "ordinate.toml")
        task.write_text(
            f'[task]\nname = "{name}"\nkind = "classify"\n\n'
            f'[data]\ntrain = "{folder}/train.jsonl"\ntest = "{folder}/test.jsonl"\ninput = "text"\ntarget = "label"\n'
            + combine + blocks,
            encoding="utf-8",
        )
        start = time.monotonic()
        done = subprocess.run(
            [binary, "run", task, "--json", "--out", f"{desk}/run"],
            stdout=subprocess.PIPE, check=True, env=os.environ | {"ORDINATE_CACHE": f"{desk}/cache"},
        )
        verdict = json.loads(done.stdout)
        seconds = time.monotonic() - start
    return {"set": name, "seconds": seconds, "verdict": verdict}


def cell(row: dict) -> str:
    quality = row["quality"]
    return f"{quality['mean']:.3f} [{quality['low']:.3f}, {quality['high']:.3f}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--minilm", type=pathlib.Path, default=pathlib.Path("minilm"),
                        help="needed unless --only leaves it out")
    parser.add_argument("--sets", nargs="*", default=SETS)
    parser.add_argument("--only", nargs="*", default=NAMES, choices=NAMES, metavar="CANDIDATE")
    parser.add_argument("--all-policies", action="store_true", help="what learns whom to ask too, not votes alone")
    parser.add_argument("--out", type=pathlib.Path)
    asked = parser.parse_args()
    binary = os.environ.get("ORDINATE", "ordinate")
    combine = "" if asked.all_policies else '\n[combine]\nkinds = ["single", "vote"]\n'
    results = []
    print(f"| set | {' | '.join(asked.only)} | verdict | s |\n|{'---|' * (len(asked.only) + 3)}", flush=True)
    for name in asked.sets:
        result = measure(binary, name, asked.data.resolve(), candidates(asked.only, asked.minilm.resolve()), combine)
        results.append(result)
        verdict = result["verdict"]
        rows = {row["name"]: row for row in verdict["candidates"]}
        cells = " | ".join(cell(rows[one]) for one in asked.only)
        chosen = (verdict["recommended"] or {}).get("name", "none")
        print(f"| {name} | {cells} | {verdict['outcome']}: {chosen} | {result['seconds']:.0f} |", flush=True)
        if asked.out:
            asked.out.write_text(json.dumps(results, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
