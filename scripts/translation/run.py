#!/usr/bin/env python3
"""Translation on real data: the verdict on WMT24's systems by human scores, and translation memories against the number of pairs, beside
a small translator that is trained on all of them here.

    pip install sacrebleu==2.6.0
    cargo build --release
    python3 scripts/translation/run.py [wmt24] [multi30k] [tico19] [--marian FOLDER]

The data lies beside the checkout (../shared/data). BLEU, chrF and TER are those that Ordinate tells; beside them stands what sacrebleu says of the
same outputs, as `ordinate ask --items` writes them, and a difference ends the script. With --marian a published translator of English into
German is a candidate of multi30k too.
"""

import argparse
import json
import re
import subprocess
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = (ROOT / "../shared/data").resolve()
BINARY = ROOT / "target/release/ordinate"


def run(folder, text, further=()):
    """The verdict on a task, whose run is kept in folder/run."""
    task = Path(folder) / "task.toml"
    task.write_text(text, encoding="utf-8")
    command = [BINARY, "run", task, "--json", "--quiet", "--out", Path(folder) / "run", *further]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def estimate(figure, digits=3):
    return f"{figure['mean']:.{digits}f} ({figure['low']:.{digits}f} to {figure['high']:.{digits}f})"


def wmt24():
    folder = DATA / "evidence/wmt24-en-zh"
    candidates = [one for one in json.loads((folder / "candidates.json").read_text()) if one["name"] != "refA"]
    text = (
        f'[task]\nname = "wmt24"\nkind = "translate"\n[data]\nitems = "{folder}/items.jsonl.gz"\ninput = "input"\nslice = "task"\ngroup = "doc"\n'
        "[needs]\nmargin = 0.01\n"
    )
    for one in candidates:
        text += f'[[candidate]]\nname = "{one["name"]}"\nlineage = "{one["lineage"]}"\nrecorded = {{ path = "{folder}/{one["name"]}.jsonl.gz" }}\n'
    with tempfile.TemporaryDirectory() as place:
        verdict = run(place, text)
        strong = next(one for one in verdict["candidates"] if one["name"] == "GPT-4")
        budget = 0.1 * strong["cost_per_1k"]
        cheap = run(place, text.replace("margin = 0.01", f'margin = 0.01\ngoal = "quality"\nmax_cost_per_1k = {budget}'))
    print(f"## wmt24 en-zh, {len(candidates)} systems, human scores\n")
    for name, one in [("all", verdict), (f"at most ${budget:.4f} per 1,000 (a tenth of GPT-4)", cheap)]:
        basis, chosen = one["basis"], one["recommended"]
        print(f"{name}: `{one['outcome']}`, {chosen['name']}, {basis['items']} segments of {basis['groups']} documents")
        if one.get("undecided"):
            print(f"  smallest difference to be seen {one['undecided']['smallest_detectable']:.4f}, items needed {one['undecided']['items_needed']}")
        for reason in one["why"][:4]:
            print(f"- {reason}")
    for title, one in [("without a budget", verdict), ("at most a tenth of GPT-4's cost", cheap)]:
        print(f"\n{title}:\n\n| who | quality | per 1,000 | of GPT-4's cost |\n|---|---|---|---|")
        for row in one["policies"] + (one["candidates"] if one is verdict else []):
            share = row["cost_per_1k"] / strong["cost_per_1k"]
            print(f"| {row['name']} | {estimate(row['quality'])} | ${row['cost_per_1k']:.4f} | {100 * share:.1f} % |")
    print("\nCompared:\n")
    for row in verdict["comparisons"]:
        if "GPT-4" in (row["a"], row["b"]):
            print(f"- {row['a']} less {row['b']}: {estimate(row['difference'], 4)}")


def figures(verdict):
    """What Ordinate tells of each candidate: name to figure to value."""
    told = next(note for note in verdict["assumed"] if note.startswith("Figures of all outputs together"))
    told = told.split(": ", 1)[1].split(". Signatures")[0]
    return {part.split(" BLEU ")[0]: dict(re.findall(r"(BLEU|chrF2\+\+|chrF2|TER) ([\d.]+)", part)) for part in told.split("; ")}


def sacrebleu_of(outputs, targets):
    from sacrebleu.metrics import BLEU, CHRF, TER

    metrics = {"BLEU": BLEU(), "chrF2": CHRF(), "chrF2++": CHRF(word_order=2), "TER": TER()}
    return {name: f"{metric.corpus_score(outputs, [targets]).score:.2f}" for name, metric in metrics.items()}


def memories(name, source, target, counts, further=""):
    folder = DATA / "tasks" / name
    text = (
        f'[task]\nname = "{name}"\nkind = "translate"\n[data]\ntrain = "{folder}/train.jsonl"\ntest = "{folder}/test.jsonl"\n'
        f'input = "{source}"\ntarget = "{target}"\n[combine]\nkinds = ["single"]\n[data_needs]\nmeasure = "none"\n'
    )
    for count in counts:
        examples = f", examples = {count}" if count else ""
        text += f'[[candidate]]\nname = "memory-{count or "all"}"\nlineage = "vertical"\nlocal = {{ model = "translation-memory"{examples} }}\n'
    text += further
    rows = [json.loads(line) for line in (folder / "test.jsonl").read_text(encoding="utf-8").splitlines()]
    targets = [row[target] for row in rows]
    with tempfile.TemporaryDirectory() as place:
        verdict = run(place, text)
        print(f"\n## {name}, {source} to {target}, {len(rows)} test sentences\n")
        print("| who | chrF by sentence | BLEU | chrF2 | chrF2++ | TER | ms a sentence (p50, p95) | load ms | peak MB |\n|---|---|---|---|---|---|---|---|---|")
        ours = figures(verdict)
        for one in verdict["candidates"]:
            ask = [BINARY, "ask", Path(place) / "run", "--items", folder / "test.jsonl", "--policy", one["name"]]
            done = subprocess.run(ask, capture_output=True, text=True)
            if done.returncode:
                raise SystemExit(done.stderr)
            outputs = [json.loads(line)["answer"] for line in done.stdout.splitlines()]
            theirs = sacrebleu_of(outputs, targets)
            if ours[one["name"]] != theirs:
                raise SystemExit(f"{one['name']}: Ordinate tells {ours[one['name']]}, sacrebleu {theirs}")
            hosted = next(host for host in verdict["deployment"] if host["name"] == one["name"])
            row = [one["name"], estimate(one["quality"]), *theirs.values()]
            row += [f"{hosted['latency_ms']['p50']:.2f}, {hosted['latency_ms']['p95']:.2f}", f"{hosted['load_ms']:.0f}"]
            row.append(f"{hosted['peak_memory_bytes'] / 1e6:.0f}" if hosted.get("peak_memory_bytes") else "")
            print(f"| {' | '.join(row)} |")
    print("\nBLEU, chrF2, chrF2++ and TER are sacrebleu's on the same outputs, to two digits.")


def trained(minutes):
    """A small translator that learns from the task's pairs alone."""
    adapt = f'{{ from = "scratch", method = "seq2seq", max_minutes = {minutes:g} }}'
    return f'[[candidate]]\nname = "trained"\nlineage = "vertical"\nadapt = {adapt}\n' if minutes else ""


def main():
    global BINARY
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=["wmt24", "multi30k", "tico19"])
    parser.add_argument("--marian", help="the folder of a published translator of English into German")
    parser.add_argument("--minutes", type=float, default=10, help="that the small translator is trained for; 0 for none (default: 10)")
    parser.add_argument("--binary", default=str(BINARY))
    args = parser.parse_args()
    BINARY = Path(args.binary).resolve()
    if "wmt24" in args.sets:
        wmt24()
    if "multi30k" in args.sets:
        marian = f'[[candidate]]\nname = "marian"\nlineage = "vertical"\nlocal = {{ model = "{Path(args.marian).resolve()}" }}\n' if args.marian else ""
        memories("multi30k", "en", "de", [200, 1_000, 5_000, None], marian + trained(args.minutes))
    if "tico19" in args.sets:
        memories("tico19_en_fr", "en", "fr", [200, 800, None], trained(args.minutes))


if __name__ == "__main__":
    main()
