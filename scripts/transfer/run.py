"""Ten public sets of texts, a general encoder trained on each, and the published specialist or peer.

    python3 scripts/transfer/run.py --data ../shared/data/tasks --minilm FOLDER [--sets NAME ...] [--methods full ...]
        [--few N --draws N] [--test N] [--minutes 10] [--precision int8] [--out results.jsonl]

Runs `ordinate run` once for each set (`ORDINATE` names the binary) with n-grams, a probe and the methods of training on the set's own
train part, scored on its own test part, and prints a table. With --few, each draw is so many train items of each label (`mlm`
reads the texts of all besides), no learning curves are measured, and the mean over draws is printed. With --precision int8 the probe is
there once more, on vectors of layers in eight bits. FOLDER holds config.json, tokenizer.json and model.safetensors of all-MiniLM-L6-v2. Peers are figures of the
cards in ../shared/data/tasks.
"""

import argparse
import collections
import json
import os
import pathlib
import random
import statistics
import subprocess
import tempfile
import time

# The peer, its figure, the metric.
PEERS = {
    "financial_phrasebank": ("FinBERT", 0.86, "accuracy"),
    "banking77": ("DistilBERT", 0.925, "accuracy"),
    "ag_news": ("SetFit, 64 a label", 0.880, "accuracy"),
    "overruling": ("Legal-BERT, F1", 0.963, "f1_macro"),
    "unfair_tos": ("LexGLUE BERT, macro F1", 0.813, "f1_macro"),
    "headlines_gold": ("FrugalGPT", 0.875, "accuracy"),
    "customer_reviews": ("SetFit, 64 a label", 0.904, "accuracy"),
    "emotion": ("SetFit, 64 a label", 0.762, "accuracy"),
    "ade_corpus": ("SetFit, 64 a label", 0.757, "accuracy"),
    "clinc150": ("BERT, in scope", 0.969, "accuracy"),
}
# MiniLM by SetFit, 8 items a label.
FEW = {"ag_news": 0.831, "customer_reviews": 0.716, "emotion": 0.391, "sst5": 0.298}


def rows(path: pathlib.Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write(path: pathlib.Path, items: list[dict]) -> None:
    path.write_text("".join(json.dumps(item) + "\n" for item in items), encoding="utf-8")


def drawn(items: list[dict], each: int, seed: int) -> list[dict]:
    """So many items of each label."""
    order = items[:]
    random.Random(seed).shuffle(order)
    seen: collections.Counter[str] = collections.Counter()
    kept = []
    for item in order:
        if seen[item["label"]] < each:
            seen[item["label"]] += 1
            kept.append(item)
    return kept


def measure(binary: str, name: str, asked: argparse.Namespace, draw: int) -> dict:
    folder = asked.data.resolve() / name
    with tempfile.TemporaryDirectory() as desk:
        train, test = rows(folder / "train.jsonl"), rows(folder / "test.jsonl")
        if name == "clinc150":
            train, test = ([item for item in part if item["label"] != "oos"] for part in (train, test))
        if asked.few:
            write(pathlib.Path(desk, "texts.jsonl"), [{"text": item["text"]} for item in train])
            train = drawn(train, asked.few, draw)
        if asked.test:
            random.Random(0).shuffle(test)
            test = test[:asked.test]
        write(pathlib.Path(desk, "train.jsonl"), train)
        write(pathlib.Path(desk, "test.jsonl"), test)
        metric = PEERS.get(name, ("", 0, "accuracy"))[2]
        text = (f'[task]\nname = "{name}"\nkind = "classify"\n\n[data]\ntrain = "train.jsonl"\ntest = "test.jsonl"\n'
                f'input = "text"\ntarget = "label"\n\n[statistics]\nseed = {draw}\n'
                # The draws are the curve.
                + ('\n[data_needs]\nmeasure = "none"\n' if asked.few else "") +
                '\n[[candidate]]\nname = "n-grams"\nlineage = "vertical"\nlocal = { model = "ngram-linear" }\n'
                f'\n[[candidate]]\nname = "probe"\nlineage = "transferred"\nadapt = {{ from = "{asked.minilm.resolve()}", method = "probe" }}\n')
        if asked.precision:
            text += (f'\n[[candidate]]\nname = "probe {asked.precision}"\nlineage = "transferred"\n'
                     f'adapt = {{ from = "{asked.minilm.resolve()}", method = "probe", precision = "{asked.precision}" }}\n')
        for method in asked.methods:
            unlabelled = ', texts = "texts.jsonl"' if method == "mlm" and asked.few else ""
            limit = "" if method in ("means", "probe") else f", max_minutes = {asked.minutes}"
            text += (f'\n[[candidate]]\nname = "{method}"\nlineage = "transferred"\n'
                     f'adapt = {{ from = "{asked.minilm.resolve()}", method = "{method}"{limit}{unlabelled} }}\n')
        task = pathlib.Path(desk, "ordinate.toml")
        task.write_text(text, encoding="utf-8")
        start = time.monotonic()
        done = subprocess.run([binary, "run", task, "--json", "--quiet", "--out", f"{desk}/run"], stdout=subprocess.PIPE,
                              check=True, env=os.environ | {"ORDINATE_CACHE": f"{desk}/cache"})
        seconds = time.monotonic() - start
        verdict = json.loads(done.stdout)
        evidence = said(binary, pathlib.Path(desk), verdict, test, metric)
        reports = {}
        for method in asked.methods:
            report = pathlib.Path(desk, "run/models", method, "training.json")
            if report.is_file():
                reports[method] = json.loads(report.read_text())
    return {"set": name, "draw": draw, "seconds": seconds, "train": len(train), "verdict": verdict, "training": reports,
            "f1_macro": evidence}


def said(binary: str, desk: pathlib.Path, verdict: dict, test: list[dict], metric: str) -> dict:
    """Macro F1 of each candidate, where the peer's figure is one: from the answers in the store."""
    if metric != "f1_macro":
        return {}
    import sqlite3
    targets = {item["id"]: item["label"] for item in test}
    store = sqlite3.connect(desk / "run/answers.sqlite")
    found: dict[str, dict] = collections.defaultdict(dict)
    for candidate, item, text in store.execute("SELECT candidate, item, text FROM answer"):
        if item in targets:
            found[candidate][item] = text
    labels = sorted(set(targets.values()))
    scores = {}
    for candidate, answers in found.items():
        each = []
        for label in labels:
            hit = sum(answers.get(item) == label == target for item, target in targets.items())
            named = sum(answer == label for answer in answers.values())
            there = sum(target == label for target in targets.values())
            each.append(2 * hit / max(named + there, 1))
        scores[candidate] = sum(each) / len(each)
    return scores


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=pathlib.Path, required=True)
    parser.add_argument("--minilm", type=pathlib.Path, required=True)
    parser.add_argument("--sets", nargs="*")
    parser.add_argument("--methods", nargs="*", default=["full"])
    parser.add_argument("--few", type=int)
    parser.add_argument("--draws", type=int, default=1)
    parser.add_argument("--test", type=int, help="score on so many test items, drawn at random")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--precision", choices=["int8"])
    parser.add_argument("--out", type=pathlib.Path)
    asked = parser.parse_args()
    binary = os.environ.get("ORDINATE", "ordinate")
    small = [f"probe {asked.precision}"] if asked.precision else []
    names = ["n-grams", "probe", *small, *asked.methods]
    print(f"| set | train | {' | '.join(names)} | peer | verdict | training, s |\n|{'---|' * (len(names) + 5)}", flush=True)
    for name in asked.sets or (FEW if asked.few else PEERS):
        results = []
        for draw in range(asked.draws):
            results.append(measure(binary, name, asked, draw))
            if asked.out:
                with asked.out.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(results[-1]) + "\n")
        cells = []
        for one in names:
            found = [row for result in results for row in result["verdict"]["candidates"] if row["name"] == one]
            if asked.draws > 1:
                means = [row["quality"]["mean"] for row in found]
                cells.append(f"{statistics.mean(means):.3f} (sd {statistics.stdev(means):.3f})")
                continue
            quality = found[0]["quality"]
            macro = results[0]["f1_macro"].get(one)
            cells.append(f"{quality['mean']:.3f} [{quality['low']:.3f}, {quality['high']:.3f}]"
                         + (f", F1 {macro:.3f}" if macro is not None else ""))
        peer = f"SetFit MiniLM {FEW[name]}" if asked.few and name in FEW else "{0} {1}".format(*PEERS.get(name, ("", "")))
        took = [report["seconds"] for result in results for report in result["training"].values()]
        verdict = results[-1]["verdict"]
        chosen = (verdict["recommended"] or {}).get("name", "none")
        print(f"| {name} | {results[0]['train']} | {' | '.join(cells)} | {peer} | {verdict['outcome']}: {chosen} | "
              f"{statistics.mean(took) if took else 0:.0f} |", flush=True)


if __name__ == "__main__":
    main()
