"""Evidence of many cells, judged through Ray: python3 scripts/ray/cells.py FOLDER [--cells N] [--parts N] [--sample N]

Makes the evidence in FOLDER where it is not there yet (numpy, pyarrow), has it reduced and judged with one process for each core, and holds
the verdict on the first parts of it against that of one process over all of their items. Needs the wheel and Ray."""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

from ordinate import sums

CANDIDATES = 16
SLICES = 10


def candidate(at):
    return f"{'general' if at % 2 else 'vertical'}-{at}"


TASK = {
    "task": {"name": "cells", "kind": "generate"},
    "combine": {"kinds": ["single", "by-slice"]},
    "candidate": [{"name": candidate(at), "lineage": "general" if at % 2 else "vertical"} for at in range(CANDIDATES)],
}


def make(path, part, items):
    """A part: slices of different sizes, each candidate with a quality of its own in each, and items that are hard for all."""
    import numpy
    import pyarrow
    import pyarrow.parquet

    if path.exists():
        return
    of = numpy.random.default_rng(part)
    qualities = numpy.random.default_rng(7).normal(0.6, 0.06, (SLICES, CANDIDATES)) + numpy.linspace(0, 0.04, CANDIDATES)
    shares = numpy.arange(1, SLICES + 1) / sum(range(1, SLICES + 1))
    slices, hard = of.choice(SLICES, items, p=shares), of.random(items)
    right = (0.5 * hard[:, None] + 0.5 * of.random((items, CANDIDATES))) < qualities[slices]
    cost = of.gamma(4.0, 0.0002, (items, CANDIDATES)) * (1 + numpy.arange(CANDIDATES))
    cells = items * CANDIDATES
    coded = lambda codes, names: pyarrow.DictionaryArray.from_arrays(pyarrow.array(codes, pyarrow.int32()), pyarrow.array(names))
    ids = [f"{part}-{at}" for at in range(items)]
    table = {
        "id": coded(numpy.repeat(numpy.arange(items), CANDIDATES), ids),
        "slice": coded(numpy.repeat(slices, CANDIDATES), [f"slice {at}" for at in range(SLICES)]),
        "candidate": coded(numpy.tile(numpy.arange(CANDIDATES), items), [candidate(at) for at in range(CANDIDATES)]),
        "score": right.reshape(cells).astype(numpy.float64),
        "cost_usd": cost.reshape(cells).round(7),
    }
    pyarrow.parquet.write_table(pyarrow.table(table), path.with_suffix(".part"), compression="zstd")
    os.replace(path.with_suffix(".part"), path)


def mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def figures(verdict):
    rows = {row["name"]: row["quality"] for row in [*verdict.candidates, *verdict.policies]}
    gains = {row["name"]: row["gain_over_best_single"] for row in verdict.policies}
    return {"outcome": verdict.outcome, "recommended": (verdict.recommended or {}).get("name"), "quality": rows, "gain": gains}


def whole(files):
    """The verdict of one process over all items of these parts, in this process."""
    import ordinate
    import pyarrow
    import pyarrow.parquet

    path = files[0].with_name("sample.parquet")
    pyarrow.parquet.write_table(pyarrow.concat_tables(pyarrow.parquet.read_table(file) for file in files).unify_dictionaries(), path, compression="zstd")
    begun = time.monotonic()
    verdict = ordinate.run({**TASK, "data": {"evidence": str(path)}}, out=path.with_name("sample-whole"), hosting=False)
    print(json.dumps({**figures(verdict), "seconds": time.monotonic() - begun, "mib": mib()}))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cells", type=int, default=100_000_000)
    parser.add_argument("--parts", type=int, default=100)
    parser.add_argument("--sample", type=int, default=4, help="parts that are judged in one process too")
    parser.add_argument("--whole", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    folder = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    items = arguments.cells // arguments.parts // CANDIDATES
    files = [folder / f"part-{part:04}.parquet" for part in range(arguments.parts)]
    if arguments.whole:
        return whole(files[: arguments.sample])

    import ray

    ray.init(num_cpus=os.cpu_count(), include_dashboard=False, log_to_driver=False, logging_level="ERROR", object_store_memory=1 << 30)
    begun = time.monotonic()
    ray.get([ray.remote(make).remote(file, part, items) for part, file in enumerate(files)])
    size = sum(file.stat().st_size for file in files)
    print(f"{len(files)} parts with {items * CANDIDATES * len(files):,} cells, {size / 1e9:.2f} GB, made or there after {time.monotonic() - begun:.0f} s", flush=True)
    # Workers that made the parts are not those that reduce them: their memory would count.
    ray.shutdown()
    ray.init(num_cpus=os.cpu_count(), include_dashboard=False, log_to_driver=False, logging_level="ERROR", object_store_memory=1 << 30)

    begun, told = time.monotonic(), []
    verdict = sums.judge(TASK, files, out=folder / "all", on="ray", progress=told.append)
    print(told[-1])
    print(f"verdict after {time.monotonic() - begun:.1f} s: {verdict.outcome}, {(verdict.recommended or {}).get('name')}; this process had at most {mib():.0f} MiB")
    of_all = figures(verdict)
    for name, gain in of_all["gain"].items():
        print(f"  {name}: quality {of_all['quality'][name]}, gain {gain}")

    begun = time.monotonic()
    parts = figures(sums.judge(TASK, files[: arguments.sample], out=folder / "sample-parts", on="ray"))
    took = time.monotonic() - begun
    ray.shutdown()
    command = [sys.executable, __file__, str(folder), "--whole", "--cells", str(arguments.cells), "--parts", str(arguments.parts), "--sample", str(arguments.sample)]
    one = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    print(f"the first {arguments.sample} parts ({arguments.sample * items:,} items): {took:.1f} s in parts; {one['seconds']:.1f} s and at most {one['mib']:.0f} MiB in one process")
    print(f"outcomes: {parts['outcome']}, {parts['recommended']} in parts; {one['outcome']}, {one['recommended']} in one process")
    for what in ("quality", "gain"):
        both = [(one[what][name], parts[what][name]) for name in one[what] if name in parts[what]]
        width = lambda interval: interval["high"] - interval["low"]
        off = [abs(a["mean"] - b["mean"]) / (width(a) / 3.92) for a, b in both if width(a)]
        widths = [width(b) / width(a) for a, b in both if width(a)]
        print(f"  {what} of {len(both)}: means differ by at most {max(off):.2f} standard errors; widths of intervals {min(widths):.3f} to {max(widths):.3f} times")


if __name__ == "__main__":
    main()
