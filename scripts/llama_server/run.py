#!/usr/bin/env python3
"""Holds `ordinate run` to a real server: llama-cpp-python's, with a tiny model. See README.md."""
import argparse
import csv
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import venv

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


def task(folder, server, candidates, kind="classify"):
    """A task of 40 items, with these candidates behind the server and a recorded one beside them."""
    words = ["gold", "silver", "futures", "end", "the week", "higher", "lower", "flat", "in China", "on rate fears"]
    items = []
    for at in range(ITEMS):
        text = f"{words[at % 10]} {words[at * 7 // 10 % 10]} {words[at * 3 % 10]} {at}"
        items.append({"id": str(at), "text": text, "label": LABELS[at % 3] if kind == "classify" else f"perhaps {text}"})
    lines = [json.dumps(item) + "\n" for item in items]
    (folder / "items.jsonl").write_text("".join(lines))
    recorded = [json.dumps({"id": item["id"], "output": "down"}) + "\n" for item in items]
    (folder / "recorded.jsonl").write_text("".join(recorded))
    text = f'[task]\nname = "llama"\nkind = "{kind}"\n[data]\ntest = "items.jsonl"\ninput = "text"\ntarget = "label"\n'
    if kind == "generate":
        text += '[metric]\nname = "f1"\n'
    text += '[combine]\nkinds = ["single"]\n'
    for name, more in candidates.items():
        text += (f'[[candidate]]\nname = "{name}"\nlineage = "general"\n'
                 f'openai = {{ model = "tiny", base_url = "http://127.0.0.1:{server.port}/v1", '
                 f'price = {{ input = {PRICE["input"]}, output = {PRICE["output"]} }}{more} }}\n')
    text += '[[candidate]]\nname = "old"\nlineage = "vertical"\nrecorded = { path = "recorded.jsonl" }\n'
    (folder / "task.toml").write_text(text)


def ordinate(folder, *more):
    """`ordinate run`: exit status and what it said."""
    command = [ORDINATE, "run", "task.toml", "--out", "run", *more]
    start = time.monotonic()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300)
    print(f"    ordinate run: status {done.returncode}, {time.monotonic() - start:.1f} s", flush=True)
    (folder / "ordinate.log").write_text(done.stdout + done.stderr)
    return done.returncode, done.stdout + done.stderr


def verdict(folder):
    whole = json.loads((folder / "run/verdict.json").read_text())
    return whole, {one["name"]: one for one in whole["measured"]}


def evidence(folder):
    """Rows of the evidence by candidate."""
    path, = [path for path in (folder / "run").iterdir() if path.name.startswith("evidence")]
    rows = {}
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            rows.setdefault(row.get("candidate") or row.get("model"), []).append(row)
    return rows


if __name__ == "__main__":
    folder = pathlib.Path(tempfile.mkdtemp(prefix="llama-"))
    model = folder / "m.gguf"
    py = sys.executable
    subprocess.run([py, HERE / "make_model.py", model], check=True)
    opts = sys.argv[2:]
    with Server(py, model, folder, *opts) as s:
        for name, more in json.loads(sys.argv[1]).items():
            print("#####", name, more)
            sub = folder / name; sub.mkdir()
            kind = "generate" if name.startswith("gen") else "classify"
            task(sub, s, {name: more}, kind)
            n = s.requests(); u = s.usage()
            code, said = ordinate(sub)
            print(said[-2500:])
            print("requests", s.requests() - n, [b - a for a, b in zip(u, s.usage())])
            if code == 0:
                print(json.dumps(verdict(sub)[1], indent=None))
    print(folder)
