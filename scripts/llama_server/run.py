#!/usr/bin/env python3
"""Holds `ordinate run` to a real server: llama-cpp-python's, with a tiny model. See README.md."""
import argparse
import json
import math
import os
import pathlib
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import venv
from collections import Counter
from random import Random

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
ORDINATE = pathlib.Path(os.environ.get("ORDINATE", ROOT / "target/debug/ordinate")).resolve()
LABELS = ["up", "down", "égal"]
ITEMS = 40
PRICE = {"input": 2.0, "output": 8.0}  # USD per million tokens


class Server:
    """llama-cpp-python's server in a process of its own, on a free port or on `port`."""

    def __init__(self, python, model, folder, *options, delay=0.0, port=None):
        self.log, self.ledger = folder / "server.log", folder / "ledger.jsonl"
        self.log.write_text("")
        self.ledger.write_text("")
        self.port = port or free_port()
        command = [python, HERE / "serve.py", self.ledger, delay, "--model", model, "--model_alias", "tiny", "--n_ctx", 2048,
                   "--n_threads", 1, "--port", self.port, *options]
        self.out = open(self.log, "a")
        self.process = subprocess.Popen([str(part) for part in command], stdout=self.out, stderr=self.out)
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/v1/models", timeout=1).read()
                return
            except urllib.error.HTTPError:
                return  # it wants a key
            except OSError:
                if self.process.poll() is not None:
                    break
                time.sleep(0.1)
        self.kill()
        sys.exit(f"the server did not start:\n{self.log.read_text()[-2000:]}")

    def requests(self):
        """Chat requests that it has logged."""
        return self.log.read_text().count('"POST /v1/chat/completions')

    def usage(self):
        lines = [json.loads(line) for line in self.ledger.read_text().splitlines()]
        return sum(line["prompt_tokens"] for line in lines), sum(line["completion_tokens"] for line in lines)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.out.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.kill()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def task(folder, server, candidates, kind="classify", long=False):
    """A task of 40 items, with these candidates behind the server and a recorded one beside them. `long` makes the first
    item longer than the model's window."""
    folder.mkdir()
    words = ["gold", "silver", "futures", "end", "the week", "higher", "lower", "flat", "in China", "on rate fears"]
    random, items = Random(1), []
    for at in range(ITEMS):
        text = " ".join(random.sample(words, 4))
        text += " lower" * 500 * (long and at == 0)
        items.append({"id": str(at), "text": text, "label": LABELS[at % 3] if kind == "classify" else f"perhaps {text}"})
    lines = [json.dumps(item) + "\n" for item in items]
    (folder / "items.jsonl").write_text("".join(lines))
    recorded = [json.dumps({"id": item["id"], "output": "down"}) + "\n" for item in items]
    (folder / "recorded.jsonl").write_text("".join(recorded))
    text = f'[task]\nname = "llama"\nkind = "{kind}"\n[data]\ntest = "items.jsonl"\ninput = "text"\ntarget = "label"\n'
    text += '[combine]\nkinds = ["single"]\n'
    for name, more in candidates.items():
        text += (f'[[candidate]]\nname = "{name}"\nlineage = "general"\n'
                 f'openai = {{ model = "tiny", base_url = "http://127.0.0.1:{server.port}/v1", '
                 f'price = {{ input = {PRICE["input"]}, output = {PRICE["output"]} }}{more} }}\n')
    text += '[[candidate]]\nname = "old"\nlineage = "vertical"\nrecorded = { path = "recorded.jsonl" }\n'
    (folder / "task.toml").write_text(text)


def start(folder, *more):
    """`ordinate run`, started."""
    command = [ORDINATE, "run", "task.toml", "--out", "run", *more]
    return subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def ordinate(folder, *more):
    """`ordinate run`: exit status and what it said, lines joined."""
    begun = time.monotonic()
    process = start(folder, *more)
    out, errors = process.communicate(timeout=300)
    print(f"    status {process.returncode} after {time.monotonic() - begun:.1f} s", flush=True)
    return process.returncode, " ".join((errors + out).split())


def measured(folder):
    """What verdict.json says of the candidates that were asked."""
    return {one["name"]: one for one in json.loads((folder / "run/verdict.json").read_text())["measured"]}


def evidence(folder):
    """Rows of the evidence by candidate and item."""
    import pyarrow.parquet

    rows = {}
    for row in pyarrow.parquet.read_table(folder / "run/evidence.parquet").to_pylist():
        rows.setdefault(row["candidate"], {})[row["id"]] = row
    return rows


def kept(folder):
    """Answers in the store, without those that are only an error of connecting, which are asked for again."""
    with sqlite3.connect(folder / "run/answers.sqlite") as store:
        store.row_factory = sqlite3.Row
        return [dict(row) for row in store.execute("SELECT * FROM answer WHERE error_kind IS NULL OR error_kind != 'connect'")]


def check(what, good):
    """Says how a check went; the first that fails ends the program."""
    print(f"    {'ok  ' if good else 'FAIL'} {what}", flush=True)
    if not good:
        sys.exit(1)


def told_apart(rows):
    """Whether every item has either a score or an error."""
    return len(rows) == ITEMS and all((row["score"] is None) != (row["error"] is None) for row in rows.values())


def errors_of(rows):
    kinds = [row["error"].split(":")[0] for row in rows.values() if row["error"]]
    return {kind: kinds.count(kind) for kind in sorted(set(kinds))}


def whole_and_streamed(server, folder):
    """Tokens, money, times, confidence; and a second run that asks nothing."""
    task(folder, server, {"whole": ", logprobs = true", "single": ", concurrency = 1",
                          "streamed": ", stream = true, concurrency = 1"})
    code, said = ordinate(folder)
    check("it ends well", code == 0)
    rows, of = evidence(folder), measured(folder)
    for name in ("whole", "single", "streamed"):
        check(f"{name}: every item has an answer or an error: {errors_of(rows[name])}", told_apart(rows[name]))
        check(f"{name}: the same answers", all(rows[name][at]["output"] == rows["whole"][at]["output"] for at in rows["whole"]))
    read, written = server.usage()
    ours = [of["whole"][key] + of["single"][key] for key in ("input_tokens", "output_tokens")]
    check(f"tokens are the server's: {ours}", ours == [read, written])
    cost = (of["whole"]["input_tokens"] * PRICE["input"] + of["whole"]["output_tokens"] * PRICE["output"]) / 1e6
    check(f"cost is tokens by price: ${cost:.6f}", math.isclose(of["whole"]["cost_usd"], cost, rel_tol=1e-9))
    answered = [row for row in rows["whole"].values() if row["error"] is None]
    check(f"{len(answered)} answers have a confidence", all(0 < (row["confidence"] or 0) <= 1 for row in answered))
    sums = {row["item"]: math.exp(sum(pair[1] for pair in json.loads(row["logprobs"])))
            for row in kept(folder) if row["candidate"] == "whole"}
    split = [row for row in answered if row["output"] == "égal"]
    print(f"    labels: {dict(Counter(row['output'] for row in answered))}")
    check(f"{len(split)} of them of all three tokens of `égal`",
          split and all(math.isclose(row["confidence"] or 0, sums[row["id"]], rel_tol=1e-6) for row in split))
    check("latencies", all(row["latency_ms"] > 0 for name in ("whole", "streamed") for row in rows[name].values()))
    times = of["streamed"]
    check(f"time to the first token: p50 {times['first_token_ms']['p50']:.1f} of {times['latency_ms']['p50']:.1f} ms",
          0 < times["first_token_ms"]["p50"] <= times["latency_ms"]["p50"] and of["whole"]["first_token_ms"] is None)
    check("streamed: no counts, no cost, and it is said", times["cost_usd"] is None and "sent no token counts" in said)
    print(f"    p50 {of['whole']['latency_ms']['p50']:.1f} ms with as many in flight as Ordinate likes, "
          f"{of['single']['latency_ms']['p50']:.1f} ms with one")
    check("requests are the server's", sum(one["requests"] for one in of.values()) == server.requests())
    before = server.requests()
    check("a second run ends well", ordinate(folder, "--resume")[0] == 0)
    check("and asks nothing", server.requests() == before and evidence(folder) == rows)


def generate(server, folder):
    """Longer answers, cut at the most tokens; and streams that the server gives up when another request comes."""
    task(folder, server, {"whole": ", logprobs = true, max_tokens = 12", "streamed": ", stream = true, max_tokens = 12"},
         "generate")
    check("it ends well", ordinate(folder)[0] == 0)
    rows, of = evidence(folder), measured(folder)
    check("every item has an answer or an error", told_apart(rows["whole"]) and told_apart(rows["streamed"]))
    check(f"{sum(row['cut_short'] for row in kept(folder))} answers were cut at max_tokens",
          any(row["cut_short"] for row in kept(folder)))
    check("confidence", all(0 < (row["confidence"] or 0) <= 1 for row in rows["whole"].values()))
    print(f"    streamed: {of['streamed']['requests']} requests for {ITEMS} items, errors {of['streamed']['errors']}")
    same = [row["output"] == rows["whole"][at]["output"] for at, row in rows["streamed"].items() if row["error"] is None]
    check(f"{len(same)} streamed answers are as whole as the whole ones", same and all(same))


def too_long(server, folder):
    """An item longer than the window: an error of its own, and the others are answered."""
    task(folder, server, {"whole": ""}, long=True)
    check("it ends well", ordinate(folder)[0] == 0)
    rows = evidence(folder)["whole"]
    check(f"the long item: {rows['0']['error']}", "rejected" in rows["0"]["error"] and "maximum context length" in rows["0"]["error"])
    check("the others are answered", sum(row["error"] is None or "unreadable" in row["error"] for row in rows.values()) == ITEMS - 1)


def refused(server, folder, more, needle):
    """What the server cannot do for any item: the run stops, and says what the server said."""
    task(folder, server, {"tiny": more})
    code, said = ordinate(folder)
    check(f"it says: {said[said.find('error:'):]}", code == 1 and needle in said)


def killed(python, model, folder):
    """The server is killed in the middle of a run, and started again."""
    folder.mkdir()
    server = Server(python, model, folder, delay=0.1)
    task(folder / "task", server, {"tiny": ""})
    process, begun = start(folder / "task"), time.monotonic()
    while server.requests() < 12 and time.monotonic() - begun < 60:
        time.sleep(0.02)
    server.kill()
    before, (out, said) = time.monotonic(), process.communicate(timeout=300)
    print(f"    status {process.returncode}, {time.monotonic() - before:.1f} s after the server was killed")
    said = " ".join(said.split())
    check(f"it says: {said[said.find('error:'):][:700]}",
          process.returncode == 1 and "no connection to" in said and "run the same command again" in said)
    before = len(kept(folder / "task"))
    check(f"{before} answers are kept", 12 <= before < ITEMS)
    with Server(python, model, folder, port=server.port) as again:
        check("the same command goes on", ordinate(folder / "task")[0] == 0)
        check(f"and asks for the other {ITEMS - before}", again.requests() == ITEMS - before)
    check("every item has an answer or an error", told_apart(evidence(folder / "task")["tiny"]))


def installed(folder):
    """The Python of a virtual environment with what requirements.txt names."""
    python = folder / "bin/python"
    if not python.exists():
        venv.create(folder, with_pip=True)
    environment = {"CMAKE_BUILD_PARALLEL_LEVEL": "1", **os.environ, "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}
    needs = (HERE / "requirements.txt").read_text().split()
    tools = [need for need in needs if need.startswith(("cmake==", "ninja=="))]
    # The tools first: they build the server.
    for what in (tools, ["-r", HERE / "requirements.txt"]):
        subprocess.run([python, "-m", "pip", "install", "--quiet", *what], check=True, env=environment)
    return python


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--venv", type=pathlib.Path, default=HERE / ".venv")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="llama-server-"))
    python = installed(parser.parse_args().venv.resolve())
    if pathlib.Path(sys.prefix) != python.parent.parent:
        os.execv(python, [python, *sys.argv])  # pyarrow is there
    model = folder / "tiny.gguf"
    subprocess.run([python, HERE / "make_model.py", model], check=True)
    with Server(python, model, folder) as server:
        for what in (whole_and_streamed, generate, too_long):
            print(what.__doc__.splitlines()[0], flush=True)
            what(server, folder / what.__name__)
        print("JSON of a schema, which this server does not know.", flush=True)
        refused(server, folder / "structured", ", structured = true", "json_object")
    with Server(python, model, folder, "--logits_all", "false") as server:
        print("Log-probabilities of a server that keeps none.", flush=True)
        refused(server, folder / "no_logits", ", logprobs = true", "logits_all=False")
        port = server.port
    with Server(python, model, folder, port=port) as server:
        print("The same server, started again with all logits.", flush=True)
        check("--retry-errors ends well", ordinate(folder / "no_logits", "--retry-errors")[0] == 0)
        check("every item has an answer or an error of its own",
              set(errors_of(evidence(folder / "no_logits")["tiny"])) <= {"unreadable"})
    with Server(python, model, folder, "--api_key", "secret") as server:
        print("A server that wants a key.", flush=True)
        refused(server, folder / "no_key", "", "key_env")
    print(killed.__doc__, flush=True)
    killed(python, model, folder / "killed")
    print(f"All checks passed; the run folders are in {folder}.")


main()
