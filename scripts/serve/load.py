#!/usr/bin/env python3
"""What `ordinate serve` costs: the same mock upstream asked directly and through it, in one run, at fixed rates.

    cargo build --release --workspace --bins --examples
    scripts/serve/load.py [--rates 500,1000] [--seconds 10] [--threads 1] [--json FILE]

Prints added latency (the difference of percentiles), processor time per request, and memory, as a Markdown table. Needs
Linux (`/proc`). Everything runs on this machine: client, mock and server share its cores.
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
STORY = "It was a dark and stormy night; the rain fell in torrents, except at occasional intervals. " * 2


def start(command, line, **more):
    """Starts a program, and waits for the line that says where it listens."""
    process = subprocess.Popen(command, text=True, **more)
    stream = process.stdout or process.stderr
    for text in stream:
        found = re.search(line, text)
        if found:
            return process, found.group(1)
    raise SystemExit(f"{command[0]} ended: {process.wait()}")


def run_folder(ordinate, folder, base):
    """A run over two models of the mock, which are asked alike, and one policy over them that looks at the text."""
    items = [
        {"id": f"i{at}", "text": f"item {at}: gold {['rises', 'falls'][at % 2]} in week {at // 4}", "label": ["up", "down"][at % 2]}
        for at in range(200)
    ]
    (folder / "items.jsonl").write_text("\n".join(map(json.dumps, items)))
    candidate = """
[[candidate]]
name = "{0}"
lineage = "general"
openai = {{ model = "{0}", base_url = "{1}", price = {{ input = 2.0, output = 8.0 }} }}
"""
    task = '[task]\nname = "load"\nkind = "classify"\n[data]\nitems = "items.jsonl"\ninput = "text"\ntarget = "label"\n'
    (folder / "task.toml").write_text(task + candidate.format("one", base) + candidate.format("two", base))
    subprocess.run([ordinate, "run", "task.toml", "--quiet", "--out", "run"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return folder / "run"


def memory(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+)", text).group(1)) / 1024


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rates", default="500,1000")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--target", default=str(ROOT / "target/release"))
    parser.add_argument("--threads", help="of the server; default: its own")
    parser.add_argument("--json")
    arguments = parser.parse_args()
    target = pathlib.Path(arguments.target)
    ordinate, load = str(target / "ordinate"), str(target / "examples/load")
    env = {**os.environ, "NO_PROXY": "127.0.0.1"}
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        mock, base = start([str(target / "ordinate-faults"), "--say", STORY], r"(http://\S+)", stdout=subprocess.PIPE, env=env)
        says_up, up_base = start([str(target / "ordinate-faults"), "--say", "up"], r"(http://\S+)", stdout=subprocess.PIPE, env=env)
        try:
            run = run_folder(ordinate, folder, up_base)
            upstreams = folder / "upstreams.toml"
            entry = '[[candidate]]\nname = "{0}"\nlineage = "general"\nopenai = {{ model = "{0}", base_url = "{1}", price = {{ input = 2.0, output = 8.0 }} }}\n'
            upstreams.write_text(entry.format("one", base) + entry.format("two", base))
            conversation = {"messages": [{"role": "system", "content": "Tell a story."}, {"role": "user", "content": "go on " * 50}]}
            cases = [
                ("single policy", "one", {}),
                ("learned route", "route", {}),
                ("single policy, streamed", "one", {"stream": True}),
            ]
            for name, policy, more in cases:
                if not (run / f"policies/{policy}.json").exists():
                    print(f"{name}: the run has no policy {policy}")
                    continue
                command = [ordinate, "serve", str(run), "--policy", policy, "--upstreams", str(upstreams), "--bind", "127.0.0.1:0", "--no-record"]
                command += ["--threads", arguments.threads] if arguments.threads else []
                server, address = start(command, r"listening on (http://\S+)", stderr=subprocess.PIPE, env=env, cwd=folder)
                try:
                    for rate in arguments.rates.split(","):
                        row = {"case": name, "rate": int(rate)}
                        for way, url, model, pid in [
                            ("direct", f"{base}/chat/completions", "one", mock.pid),
                            ("served", f"{address}/v1/chat/completions", "ordinate/load", server.pid),
                        ]:
                            body = folder / "body.json"
                            body.write_text(json.dumps({"model": model, **conversation, **more}))
                            said = subprocess.run(
                                [load, url, "--body", str(body), "--rate", rate, "--seconds", str(arguments.seconds), "--pid", str(pid)],
                                check=True, capture_output=True, text=True,
                            ).stdout
                            row[way] = json.loads(said)
                        row["memory_mb"] = memory(server.pid)
                        rows.append(row)
                finally:
                    server.kill()
        finally:
            mock.kill()
            says_up.kill()
    print("| what | requests/s | p50 direct, ms | p50 added | p99 added | first byte p99 added | CPU ms/request | peak memory, MB | failed |")
    print("|---|---|---|---|---|---|---|---|---|")
    for row in rows:
        direct, served = row["direct"], row["served"]
        added = lambda of, at: served[of][at] - direct[of][at]
        print(
            f"| {row['case']} | {row['rate']} | {direct['ms']['p50']:.2f} | {added('ms', 'p50'):.2f} | {added('ms', 'p99'):.2f} | "
            f"{added('first_byte_ms', 'p99'):.2f} | {served['cpu_ms_per_request']:.3f} | {row['memory_mb']:.0f} | "
            f"{served['sent'] - served['good']} of {served['sent']} |"
        )
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
