#!/usr/bin/env python3
"""Ordinate's server beside other gateways: one mock upstream, one client, one machine, one after the other in one run.

    cargo build --release --workspace --bins --examples
    python3 -m venv DIR/lite && DIR/lite/bin/pip install 'litellm[proxy]==1.108.7'
    npm install --prefix DIR @portkey-ai/gateway@1.15.2
    scripts/serve/gateways.py DIR [--rate 100] [--seconds 10]

Prints, at a rate that all of them bear, what each adds to the latency and how much of the processor it takes; how many
requests a second it answers before they queue up (its share of two cores, which the client and the mock take their part
of); its memory, and the time until it answers at all. Bifrost (npm) fetches its program from its maker's site when it
starts, and LiteLLM's and Portkey's are as they come: no database, no plugins. Needs Linux (`/proc`).
"""

import argparse
import json
import os
import pathlib
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

from load import ROOT, STORY, memory, run_folder, start

CONVERSATION = {"messages": [{"role": "system", "content": "Tell a story."}, {"role": "user", "content": "go on " * 50}]}
ENTRY = '[[candidate]]\nname = "{0}"\nlineage = "general"\nopenai = {{ model = "{0}", base_url = "{1}", price = {{ input = 2.0, output = 8.0 }} }}\n'


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def children(pid):
    """The process and those that it started."""
    found = [pid]
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found += children(int(child))
    return found


def ticks(pids):
    spent = 0
    for pid in pids:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        spent += int(fields[11]) + int(fields[12])
    return spent / os.sysconf("SC_CLK_TCK")


def until_it_answers(process, url, body, headers, seconds=90):
    begun = time.monotonic()
    while time.monotonic() - begun < seconds and process.poll() is None:
        request = urllib.request.Request(url, body, {"content-type": "application/json", **headers})
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return time.monotonic() - begun, json.load(answer)
        except (urllib.error.URLError, ConnectionError, OSError):
            time.sleep(0.02)
    raise SystemExit(f"{url} does not answer")


def load(program, url, body, headers, rate, seconds):
    command = [program, url, "--body", str(body), "--rate", str(rate), "--seconds", str(seconds)]
    for name, value in headers.items():
        command += ["--header", f"{name}: {value}"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def measure(program, url, body, headers, process, rate, seconds):
    def spend(rate, seconds):
        before = ticks(children(process.pid))
        said = load(program, url, body, headers, rate, seconds)
        return said, 1e3 * (ticks(children(process.pid)) - before) / said["sent"]

    spend(rate, 2)
    at, cpu_ms = spend(rate, seconds)
    held, held_cpu_ms, step = 0, None, rate
    while step <= 20_000:
        tried, cost = spend(step, 3)
        if tried["good"] < tried["sent"] or tried["ms"]["p50"] > 50:
            break
        held, held_cpu_ms, step = step, cost, int(step * 1.5)
    return {
        "at": at,
        "cpu_ms": cpu_ms,
        "held": held,
        "held_cpu_ms": held_cpu_ms or cpu_ms,
        "memory_mb": sum(memory(pid) for pid in children(process.pid)),
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path, help="where the others are installed")
    parser.add_argument("--rate", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--target", type=pathlib.Path, default=ROOT / "target/release")
    arguments = parser.parse_args()
    ordinate, program = str(arguments.target / "ordinate"), str(arguments.target / "examples/load")
    env = {**os.environ, "NO_PROXY": "127.0.0.1", "LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    # None of them looks at keys here: on loopback Ordinate wants none, and LiteLLM has to be told so.
    env["LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY"] = "true"
    rows = {}
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        faults = str(arguments.target / "ordinate-faults")
        mock, base = start([faults, "--say", STORY], r"(http://\S+)", stdout=subprocess.PIPE, env=env)
        says_up, up_base = start([faults, "--say", "up"], r"(http://\S+)", stdout=subprocess.PIPE, env=env)
        run = run_folder(ordinate, folder, up_base)
        (folder / "upstreams.toml").write_text(ENTRY.format("one", base) + ENTRY.format("two", base))
        (folder / "litellm.yaml").write_text(
            f"model_list:\n  - model_name: one\n    litellm_params:\n      model: openai/one\n      api_base: {base}\n      api_key: none\n"
        )
        serve = lambda policy: [ordinate, "serve", str(run), "--policy", policy, "--upstreams", str(folder / "upstreams.toml"), "--no-record"]
        node = arguments.folder / "node_modules/@portkey-ai/gateway/build/start-server.js"
        ways = [
            ("direct", None, "one", {}),
            ("Ordinate, single policy", lambda port: serve("one") + ["--bind", f"127.0.0.1:{port}"], "ordinate/load", {}),
            ("Ordinate, learned route", lambda port: serve("route") + ["--bind", f"127.0.0.1:{port}"], "ordinate/load", {}),
            (
                "Portkey",
                lambda port: ["node", str(node), f"--port={port}", "--headless"],
                "one",
                {"x-portkey-provider": "openai", "x-portkey-custom-host": base, "authorization": "Bearer none"},
            ),
            (
                "LiteLLM",
                lambda port: [str(arguments.folder / "lite/bin/litellm"), "--config", str(folder / "litellm.yaml"), "--host", "127.0.0.1", "--port", str(port)],
                "one",
                {},
            ),
        ]
        try:
            for name, command, model, headers in ways:
                body = folder / "body.json"
                body.write_text(json.dumps({"model": model, **CONVERSATION}))
                port = free_port()
                url = f"http://127.0.0.1:{port}/v1/chat/completions" if command else f"{base}/chat/completions"
                process = mock
                if command:
                    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
                    process = subprocess.Popen(command(port), cwd=folder, env=env, **quiet)
                try:
                    ready, answer = until_it_answers(process, url, body.read_bytes(), headers)
                    assert answer["choices"][0]["message"]["content"] == STORY, answer
                    rows[name] = {"ready_s": ready, **measure(program, url, body, headers, process, arguments.rate, arguments.seconds)}
                finally:
                    if command:
                        process.terminate()
                        process.wait()
        finally:
            mock.kill()
            says_up.kill()
    direct = rows.pop("direct")["at"]["ms"]
    print(
        f"| at {arguments.rate} requests/s | p50 added, ms | p99 added, ms | CPU ms/request | the most it held, requests/s | CPU ms/request then | "
        "memory, MB | ready after, s |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name, row in rows.items():
        ms = row["at"]["ms"]
        print(
            f"| {name} | {ms['p50'] - direct['p50']:.2f} | {ms['p99'] - direct['p99']:.2f} | {row['cpu_ms']:.3f} | "
            f"{row['held']} | {row['held_cpu_ms']:.3f} | {row['memory_mb']:.0f} | {row['ready_s']:.2f} |"
        )


if __name__ == "__main__":
    main()
