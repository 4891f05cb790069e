#!/usr/bin/env python3
"""Measures tools that ask an OpenAI-compatible API, side by side against the mock server. See README.md."""
import argparse
import json
import os
import pathlib
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TARGET = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
# Where the other two tools are installed.
TOOLS = pathlib.Path(os.environ.get("BENCH_TOOLS", HERE)).resolve()
LM_EVAL = TOOLS / ".venv/bin/lm_eval"
PROMPTFOO = TOOLS / "node_modules/.bin/promptfoo"
ORDINATE = pathlib.Path(os.environ.get("ORDINATE", TARGET / "ordinate")).resolve()


def headline(at):
    """The same texts as `examples/throughput.rs` makes."""
    return f"headline {at}: gold futures end the week {at % 7}.{at % 10} % higher"


def prompt(at):
    return f"Labels:\n- up\n- down\n- neutral\n- none\n\nText: {headline(at)}\nLabel:"


class Server:
    """The mock server, a process of its own."""

    def __init__(self, latency_ms):
        command = [TARGET / "ordinate-faults", "--latency-ms", str(latency_ms), "--say", "up"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.base_url = self.process.stdout.readline().strip()

    def counts(self):
        with urllib.request.urlopen(self.base_url.replace("/v1", "/faults/counts")) as answer:
            return json.load(answer)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def measured(command, cwd, env):
    """Runs a command; wall and CPU seconds and peak memory (MiB) of it and its children, summed over the tree."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    log = open(pathlib.Path(cwd) / "log.txt", "w")
    process = subprocess.Popen([str(part) for part in command], cwd=cwd, env=env, stdout=log, stderr=log)
    peak = 0
    while process.poll() is None:
        peak = max(peak, tree_mib(process.pid))
        time.sleep(0.05)
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    log.close()
    if process.returncode != 0:
        sys.exit(f"{command[0]} failed:\n" + open(pathlib.Path(cwd) / "log.txt").read()[-3000:])
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall_s": round(wall, 3), "cpu_s": round(cpu, 3), "peak_mib": round(peak, 1)}


def tree_mib(pid):
    total, todo = 0, [pid]
    while todo:
        pid = todo.pop()
        try:
            status = open(f"/proc/{pid}/status").read()
            total += int(status.split("VmRSS:")[1].split()[0]) / 1024
            todo += [int(child) for child in open(f"/proc/{pid}/task/{pid}/children").read().split()]
        except (OSError, IndexError):
            pass
    return total


def asking(server, items, folder, concurrency):
    """The asking alone (`ordinate-measure`): items are made when they are asked about."""
    command = [TARGET / "examples/throughput", "--base-url", server.base_url, "--items", items,
               "--concurrency", concurrency, "--store", folder / "answers.sqlite"]
    return measured(command, folder, os.environ)


def ordinate_all(server, items, folder, concurrency):
    """`ordinate run` with the policies that it tries by default."""
    return ordinate(server, items, folder, concurrency, "")


# The others rank and do not combine.
def ordinate(server, items, folder, concurrency, combine='[combine]\nkinds = ["single"]\n'):
    """`ordinate run`, whole: data read, asked, stored, judged, evidence and page written. A task needs two candidates,
    so that recorded answers stand beside the one that is asked."""
    (folder / "items.jsonl").write_text("".join(
        json.dumps({"id": str(at), "text": headline(at), "label": "up" if at % 3 else "down"}) + "\n"
        for at in range(items)))
    (folder / "recorded.jsonl").write_text("".join(
        json.dumps({"id": str(at), "output": "down"}) + "\n" for at in range(items)))
    (folder / "task.toml").write_text(
        '[task]\nname = "bench"\nkind = "classify"\n'
        '[data]\ntest = "items.jsonl"\ninput = "text"\ntarget = "label"\n'
        f'{combine}'
        f'[measure]\nconcurrency = {concurrency}\n'
        '[[candidate]]\nname = "mock"\nlineage = "general"\n'
        f'openai = {{ model = "fault", base_url = "{server.base_url}", price = {{ input = 2.0, output = 8.0 }} }}\n'
        '[[candidate]]\nname = "old"\nlineage = "vertical"\nrecorded = { path = "recorded.jsonl" }\n')
    return measured([ORDINATE, "run", "task.toml", "--out", "run", "--quiet"], folder, os.environ)


def lm_eval(server, items, folder, concurrency):
    """The API backend with `num_concurrent` and without tokenising, as its guide of API models advises."""
    data = folder / "items.jsonl"
    data.write_text("".join(json.dumps({"prompt": prompt(at), "target": "up"}) + "\n" for at in range(items)))
    (folder / "mock.yaml").write_text(
        f"task: mock\ndataset_path: json\ndataset_kwargs:\n  data_files:\n    test: {data}\ntest_split: test\n"
        "output_type: generate_until\ndoc_to_text: '{{prompt}}'\ndoc_to_target: '{{target}}'\n"
        "generation_kwargs:\n  max_gen_toks: 64\n  until: []\n"
        "metric_list:\n  - metric: exact_match\n    aggregation: mean\n    higher_is_better: true\n")
    arguments = (f"model=fault,base_url={server.base_url}/chat/completions,num_concurrent={concurrency},"
                 "tokenized_requests=False,max_retries=3")
    command = [LM_EVAL, "--model", "local-chat-completions", "--model_args", arguments, "--tasks", "mock",
               "--include_path", folder, "--apply_chat_template", "--output_path", folder / "out"]
    environment = dict(os.environ, OPENAI_API_KEY="none", HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1",
                       HF_HOME=str(folder / "hf"), TOKENIZERS_PARALLELISM="false")
    result = measured(command, folder, environment)
    # The mean rate of its own progress bar: the requests alone, without the start of Python and building the task.
    rates = re.findall(r"%d/%d \[[^]]*?, *([0-9.]+)(it/s|s/it)\]" % (items, items), (folder / "log.txt").read_text())
    rates = [float(rate) if unit == "it/s" else 1 / float(rate) for rate, unit in rates]
    if rates:
        # The slowest of its bars is that of the requests; the others build the task.
        result["requests_s"] = round(items / min(rates), 2)
    return result


def promptfoo(server, items, folder, concurrency):
    """`eval` with caching, table, sharing and telemetry off and a high `--max-concurrency`."""
    tests = [{"vars": {"text": headline(at)}, "assert": [{"type": "equals", "value": "up"}]} for at in range(items)]
    config = {
        "prompts": ["Labels:\n- up\n- down\n- neutral\n- none\n\nText: {{text}}\nLabel:"],
        "providers": [{"id": "openai:chat:fault",
                       "config": {"apiBaseUrl": server.base_url, "apiKey": "none", "temperature": 0, "max_tokens": 64}}],
        "tests": tests,
    }
    (folder / "promptfooconfig.json").write_text(json.dumps(config))
    command = [PROMPTFOO, "eval", "-c", "promptfooconfig.json", "--max-concurrency", concurrency, "--no-cache",
               "--no-table", "--no-progress-bar", "--no-write", "--output", "out.json"]
    environment = dict(os.environ, PROMPTFOO_DISABLE_TELEMETRY="1", PROMPTFOO_DISABLE_UPDATE="1",
                       PROMPTFOO_CONFIG_DIR=str(folder / "config"), PROMPTFOO_DISABLE_REMOTE_GENERATION="1")
    result = measured(command, folder, environment)
    clock = re.search(r"Duration: *((?:\d+m)? ?\d+s)", (folder / "log.txt").read_text())
    if clock:
        minutes, seconds = re.match(r"(?:(\d+)m)? ?(\d+)s", clock.group(1)).groups()
        result["requests_s"] = 60 * int(minutes or 0) + int(seconds)
    return result


def bench(arguments):
    tools = {"ordinate": ordinate, "ordinate-all": ordinate_all, "asking": asking, "lm-eval": lm_eval, "promptfoo": promptfoo}
    results = []
    for name in arguments.tools.split(","):
        tool = tools[name]
        for concurrency in map(int, arguments.concurrency.split(",")):
            for _ in range(arguments.repeats):
                folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-remote-"))
                with Server(arguments.latency_ms) as server:
                    result = tool(server, arguments.items, folder, concurrency)
                    counts = server.counts()
                shutil.rmtree(folder)
                result |= {"tool": name, "concurrency": concurrency, "items": arguments.items,
                           "items_per_s": round(arguments.items / result["wall_s"], 1),
                           "cpu_ms_per_item": round(1e3 * result["cpu_s"] / arguments.items, 3),
                           "requests": counts["asked"], "completed": counts["completed"],
                           "most_open": counts["most_open"]}
                print(json.dumps(result), flush=True)
                results.append(result)
    return results


def memory(arguments):
    results = []
    for tool in (asking, ordinate):
        for items in (1_000, 10_000, 100_000):
            folder = pathlib.Path(tempfile.mkdtemp(prefix="bench-remote-"))
            with Server(arguments.latency_ms) as server:
                result = tool(server, items, folder, 256)
            shutil.rmtree(folder)
            results.append(result | {"tool": tool.__name__, "items": items})
            print(json.dumps(results[-1]), flush=True)
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=5_000)
    parser.add_argument("--latency-ms", type=int, default=100)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--tools", default="ordinate,ordinate-all,asking,lm-eval,promptfoo")
    parser.add_argument("--concurrency", default="256,1024", help="levels that each tool is tried at")
    parser.add_argument("--memory", action="store_true", help="memory over the number of items, Ordinate alone")
    parser.add_argument("--out")
    arguments = parser.parse_args()
    results = memory(arguments) if arguments.memory else bench(arguments)
    if arguments.out:
        pathlib.Path(arguments.out).write_text(json.dumps(results, indent=1) + "\n")


main()
