#!/usr/bin/env python3
"""`ordinate serve` for an hour under load, with a model that fails in every way there is; ten minutes in the shorter form.

    cargo build --release --workspace --bins --examples
    scripts/serve/soak.py [--minutes 60] [--rate 200]

Two models of the mock stand behind a single policy, the second for the first where that fails: one request in fifty gets a
fault. Half of the requests are streamed. Fails where a request has no answer or two, where the counters of the server, its
record and the mock disagree on requests, tokens or money, and where memory grows by more than 10 % after the first tenth of the
time. Needs Linux (`/proc`).
"""

import argparse
import collections
import http.client
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

from load import ROOT, STORY, run_folder, start

FAULTS = ["500", "429", "cut", "cut-before-headers", "stall-headers", "stall", "broken-json", "broken-utf8", "html", "no-done", "finish-error"]
ENTRY = (
    '[[candidate]]\nname = "{0}"\nlineage = "general"\nopenai = {{ model = "{0}", base_url = "{1}", price = {{ input = 2.0, output = 8.0 }}, '
    "timeouts = {{ connect_s = 2.0, first_token_s = 1.0, idle_s = 1.0, total_s = 5.0 }} }}\n"
)


def resident(pid):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{pid}/status").read_text()).group(1)) / 1024


class Told:
    """What the clients saw."""

    def __init__(self):
        self.lock = threading.Lock()
        self.count = collections.Counter()
        self.ids = collections.Counter()
        self.wrong = []

    def add(self, kind, request=None, wrong=None):
        with self.lock:
            self.count[kind] += 1
            if request:
                self.ids[request] += 1
            if wrong:
                self.wrong.append(wrong)


def one(connection, number, told):
    """Asks once, and says what came: a whole answer, an error, or a stream that ends in an event that says it broke off."""
    streamed = number % 2 == 1
    body = {
        "model": "ordinate/load",
        "messages": [{"role": "system", "content": "Tell a story."}, {"role": "user", "content": f"go on, {number}"}],
        "stream": streamed,
    }
    connection.request("POST", "/v1/chat/completions", json.dumps(body), {"content-type": "application/json"})
    answer = connection.getresponse()
    text = answer.read().decode()
    request = answer.getheader("x-request-id")
    if answer.status != 200:
        error = json.loads(text)["error"]["code"]
        return told.add(f"error {answer.status} {error}", request)
    if not streamed:
        said = json.loads(text)["choices"][0]["message"]["content"]
        return told.add("whole", request, None if said == STORY else f"{number}: {said[:200]}")
    events = [line[6:] for line in text.split("\n\n") if line.startswith("data: ")]
    parts = [json.loads(event) for event in events if event != "[DONE]"]
    said = "".join(part["choices"][0]["delta"].get("content") or "" for part in parts if part.get("choices"))
    if events[-1] == "[DONE]":
        return told.add("streamed", request, None if said == STORY else f"{number}: {said[:200]}")
    is_error = "error" in parts[-1] and STORY.startswith(said)
    told.add("stream that broke off", request, None if is_error else f"{number}: no last event: {text[-200:]}")


def client(address, numbers, told):
    connection = None
    for number, due in numbers:
        time.sleep(max(0.0, due - time.monotonic()))
        try:
            connection = connection or http.client.HTTPConnection(address, timeout=30)
            one(connection, number, told)
        except (OSError, http.client.HTTPException) as error:
            connection = None
            told.add("no answer", wrong=f"{number}: {error!r}")


def metrics(address):
    with urllib.request.urlopen(f"http://{address}/metrics") as answer:
        lines = answer.read().decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line and line[0] != "#")}


def counts(base):
    with urllib.request.urlopen(base.removesuffix("/v1") + "/faults/counts") as answer:
        return json.load(answer)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--target", type=pathlib.Path, default=ROOT / "target/release")
    arguments = parser.parse_args()
    ordinate, faults = str(arguments.target / "ordinate"), str(arguments.target / "ordinate-faults")
    env = {**os.environ, "NO_PROXY": "127.0.0.1"}
    quiet = {"stdout": subprocess.PIPE, "env": env}
    told, started = Told(), []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        try:
            share = [word for name in FAULTS for word in ("--fault", f"{name}:{0.02 / len(FAULTS):.5f}")]
            says_up, up_base = start([faults, "--say", "up"], r"(http://\S+)", **quiet)
            first, first_base = start([faults, "--say", STORY, *share], r"(http://\S+)", **quiet)
            second, second_base = start([faults, "--say", STORY], r"(http://\S+)", **quiet)
            started += [says_up, first, second]
            run = run_folder(ordinate, folder, up_base)
            (folder / "upstreams.toml").write_text(ENTRY.format("one", first_base) + ENTRY.format("two", second_base))
            command = [ordinate, "serve", str(run), "--policy", "one", "--upstreams", str(folder / "upstreams.toml"), "--bind", "127.0.0.1:0"]
            server, address = start(command, r"listening on http://(\S+)", stderr=subprocess.PIPE, env=env)
            started.append(server)
            threading.Thread(target=lambda: collections.deque(server.stderr, maxlen=0), daemon=True).start()
            total = int(arguments.minutes * 60 * arguments.rate)
            begun = time.monotonic() + 0.5
            due = lambda number: begun + number / arguments.rate
            clients = [
                threading.Thread(target=client, args=(address, [(n, due(n)) for n in range(at, total, arguments.clients)], told))
                for at in range(arguments.clients)
            ]
            for thread in clients:
                thread.start()
            memory, tenth = [], arguments.minutes * 6
            while any(thread.is_alive() for thread in clients):
                memory.append((time.monotonic() - begun, resident(server.pid)))
                if len(memory) % 60 == 0:
                    print(f"{memory[-1][0]:6.0f} s  {memory[-1][1]:.1f} MB  {dict(told.count)}", file=sys.stderr)
                time.sleep(1)
            time.sleep(2)
            said, asked = metrics(address), {"one": counts(first_base), "two": counts(second_base)}
            record = [json.loads(line) for file in (run / "served").glob("*.jsonl") for line in file.read_text().splitlines()]
            record = [line for line in record if "asked" in line]
        finally:
            for process in started:
                process.kill()
    of = lambda name, who: said.get(f'ordinate_candidate_{name}_total{{task="load",candidate="{who}"}}', 0.0)
    problems = list(told.wrong)

    def same(what, one, other, within=0.0):
        print(f"{what}: {one:g} and {other:g}")
        if abs(one - other) > within * max(abs(one), abs(other)):
            problems.append(f"{what}: {one} and {other}")

    print(dict(told.count))
    same("requests sent, and answers to them", total, sum(told.count.values()))
    same("answers, and different ids of them", total, len(told.ids))
    same("answers, and lines of the record", total, len(record))
    same("and their different ids", total, len({line["id"] for line in record}))
    for who, mock in asked.items():
        requests = sum(asked["candidate"] == who for line in record for asked in line["asked"])
        same(f"{who}: requests counted, and on the record", of("requests", who), requests)
        # One more try is made where nothing was sent, or a short pause was asked for.
        same(f"{who}: requests counted, and that the mock got", of("requests", who), mock["asked"], 0.002)
        billed = sum(asked.get("cost_usd") or 0.0 for line in record for asked in line["asked"] if asked["candidate"] == who)
        same(f"{who}: USD counted, and on the record", of("cost_usd", who), billed, 1e-9)
        read, written = (mock[f"{kind}_tokens"] + mock[f"broken_{kind}_tokens"] for kind in ("input", "output"))
        usd = (2.0 * read + 8.0 * written) / 1e6
        same(f"{who}: USD counted, and by the mock's own tokens, streams that broke off included", of("cost_usd", who), usd, 0.001)
        print(f"{who}: {of('estimated', who):g} streams whose tokens are estimated, {of('unpriced', who):g} requests without a cost")
    settled = [size for at, size in memory if at > tenth]
    first, last = settled[: len(settled) // 10 + 1], settled[-(len(settled) // 10 + 1) :]
    mean = lambda sizes: sum(sizes) / len(sizes)
    print(f"memory: {mean(first):.1f} MB after a tenth of the time, {mean(last):.1f} MB at the end, {max(settled):.1f} MB at most")
    if mean(last) > 1.1 * mean(first):
        problems.append("memory grows")
    print("\n".join(["", *problems[:20], f"{len(problems)} problems"]))
    sys.exit(bool(problems))


if __name__ == "__main__":
    main()
