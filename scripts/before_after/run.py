#!/usr/bin/env python3
"""Time and memory of two builds of `ordinate`, in turns on one machine: is the new one worse than the old? See README.md."""
import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
SHARED = ROOT.parent / "shared/data"


def measured(command, cwd, env):
    """Wall and CPU seconds and the peak memory (MiB) of a command and the programs that it started."""
    start = time.monotonic()
    log = open(cwd / "log.txt", "w")
    process = subprocess.Popen([str(part) for part in command], cwd=cwd, env=env, stdout=log, stderr=log)
    _, status, used = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    if status != 0:
        sys.exit(f"{command} failed:\n" + (cwd / "log.txt").read_text()[-3000:])
    return {"wall_s": wall, "cpu_s": used.ru_utime + used.ru_stime, "peak_mib": used.ru_maxrss / 1024}


def lawbench(folder):
    """8,477 questions with texts and outputs, 16 candidates, all policies."""
    yield ["init", SHARED / "evidence/lawbench", "--out", folder / "task.toml"]
    yield ["run", folder / "task.toml", "--out", folder / "out", "--quiet"]


def million(folder):
    """1,000,000 items x 16 candidates from Parquet, by-slice."""
    big = HERE / "big.parquet"
    if not big.exists():
        subprocess.run(["cargo", "run", "--release", "-p", "ordinate-data", "--example", "make_evidence", "--",
                        "1000000", "16", big], cwd=ROOT, check=True)
    yield ["run", f"{big}.toml", "--out", folder / "out", "--quiet"]


def headlines(folder):
    """n-grams, probes and the built-in encoder on headlines about gold, with an empty cache."""
    yield ["run", ROOT / "scripts/headlines/trained.toml", "--out", folder / "out", "--quiet"]


def ngrams(folder):
    """n-grams on made texts of four classes (100,000, or BEFORE_AFTER_TEXTS of them), with an empty cache."""
    texts = int(os.environ.get("BEFORE_AFTER_TEXTS", "100000"))
    words = [f"word{number}" for number in range(4000)]
    with open(folder / "items.jsonl", "w") as file:
        state = 1
        for at in range(texts):
            label, text = at % 4, []
            for _ in range(12):
                state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
                place = (state >> 33) % 1000
                # A third of the words are those of the class.
                text.append(words[place + 1000 * label if (state >> 20) % 3 == 0 else (state >> 34) % 4000])
            file.write(json.dumps({"id": str(at), "text": " ".join(text), "label": f"class {label}"}) + "\n")
    (folder / "recorded.jsonl").write_text("".join(
        json.dumps({"id": str(at), "output": "class 0"}) + "\n" for at in range(texts)))
    (folder / "task.toml").write_text(
        '[task]\nname = "ngrams"\nkind = "classify"\n[data]\nitems = "items.jsonl"\ninput = "text"\ntarget = "label"\n'
        '[combine]\nkinds = ["single"]\n[[candidate]]\nname = "n-grams"\nlineage = "vertical"\n'
        'local = { model = "ngram-linear" }\n'
        '[[candidate]]\nname = "always"\nlineage = "general"\nrecorded = { path = "recorded.jsonl" }\n')
    yield ["run", folder / "task.toml", "--out", folder / "out", "--quiet"]


def mock(folder):
    """5,000 items asked of a mock API that takes 100 ms an answer, 256 at a time."""
    server = subprocess.Popen([ROOT / "target/release/ordinate-faults", "--latency-ms", "100", "--say", "up"],
                              stdout=subprocess.PIPE, text=True)
    try:
        url = server.stdout.readline().strip()
        (folder / "items.jsonl").write_text("".join(
            json.dumps({"id": str(at), "text": f"headline {at}: gold futures end the week {at % 7}.{at % 10} % higher",
                        "label": "up" if at % 3 else "down"}) + "\n" for at in range(5_000)))
        (folder / "recorded.jsonl").write_text("".join(
            json.dumps({"id": str(at), "output": "down"}) + "\n" for at in range(5_000)))
        (folder / "task.toml").write_text(
            '[task]\nname = "mock"\nkind = "classify"\n[data]\ntest = "items.jsonl"\ninput = "text"\ntarget = "label"\n'
            '[combine]\nkinds = ["single"]\n[measure]\nconcurrency = 256\n'
            '[[candidate]]\nname = "mock"\nlineage = "general"\n'
            f'openai = {{ model = "fault", base_url = "{url}", price = {{ input = 2.0, output = 8.0 }} }}\n'
            '[[candidate]]\nname = "old"\nlineage = "vertical"\nrecorded = { path = "recorded.jsonl" }\n')
        yield ["run", folder / "task.toml", "--out", folder / "out", "--quiet"]
    finally:
        server.kill()
        server.wait()


CASES = {"lawbench": lawbench, "million": million, "headlines": headlines, "ngrams": ngrams, "mock": mock}


def once(binary, case):
    """The last command of a case, from an empty cache; what comes before it is made ready."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="before-after-"))
    env = dict(os.environ, ORDINATE_CACHE=str(folder / "cache"))
    try:
        for command in CASES[case](folder):
            result = measured([binary, *command], folder, env)
        return result
    finally:
        shutil.rmtree(folder)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("old", type=pathlib.Path, help="the binary of before")
    parser.add_argument("new", type=pathlib.Path, help="the binary of now")
    parser.add_argument("--cases", default=",".join(CASES))
    parser.add_argument("--turns", type=int, default=3)
    arguments = parser.parse_args()
    old, new = arguments.old.resolve(), arguments.new.resolve()
    for case in arguments.cases.split(","):
        turns = [(once(old, case), once(new, case)) for _ in range(arguments.turns)]
        row = {"case": case, "turns": len(turns)}
        for figure in ("wall_s", "cpu_s", "peak_mib"):
            row[f"old_{figure}"] = round(statistics.median(turn[0][figure] for turn in turns), 2)
            row[f"new_{figure}"] = round(statistics.median(turn[1][figure] for turn in turns), 2)
            row[f"ratio_{figure}"] = round(statistics.median(turn[1][figure] / turn[0][figure] for turn in turns), 3)
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
