"""A verdict on evidence larger than memory: `ordinate.sums.judge(task, parts, on="ray")`.

Each part of the evidence is reduced by itself, here or on a cluster, to sums by slice and block of items; sums are added up in any
order; and the judge of `ordinate.run` decides on means of items in blocks, by the same rules. What it can weigh
is what sees slices alone: candidates by themselves, the zero router, lookups by slice. Latencies are not reduced.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Any, Callable, Iterable, Mapping, Optional, Union

from . import Needs, Verdict, __version__, _ordinate, run

try:
    import resource
except ImportError:  # Windows has none.
    resource = None

# The policies that see slices alone.
KINDS = ["single", "zero-router", "by-slice"]


def reduce(
    task: Mapping[str, Any],
    parts: Iterable[Union[str, os.PathLike]],
    *,
    on: Optional[str] = None,
    progress: Optional[Callable[[str], Any]] = None,
) -> tuple:
    """The sums of these files, each an evidence table as `[data] evidence` of the task names one, and what was assumed. An item stands in one file
    alone. On a cluster every node finds the files at these paths."""
    told = progress or (lambda _: None)
    files = [os.path.abspath(part) for part in parts]
    if not files:
        raise ValueError("there are no parts")
    begun, most = time.monotonic(), 0

    def seen(done: int, memory: int) -> None:
        nonlocal most
        most = max(most, memory)
        told(f"{done} of {len(files)} parts reduced after {time.monotonic() - begun:.1f} s; at most {most / 1024:.0f} MiB a process")

    total, notes = None, []
    for done, (sums, said, memory) in enumerate(_on_ray(task, files, on) if on else (_part(task, file, __version__) for file in files)):
        total = sums if total is None else _ordinate.sums_add(total, sums)
        notes += [note for note in said if note not in notes]
        seen(done + 1, memory)
    return total, notes


def _on_ray(task: Mapping[str, Any], files: list, on: str) -> Iterable[tuple]:
    from . import on_ray

    ray = on_ray.connect(on)
    part, left, running = ray.remote(_part), files[::-1], []
    while left or running:
        while left and len(running) < 2 * max(1, ray.cluster_resources().get("CPU", 1)):
            running.append(part.options(num_cpus=1, max_retries=-1).remote(task, left.pop(), __version__, 1))
        [done], running = ray.wait(running)
        try:
            yield ray.get(done)
        except ray.exceptions.RayTaskError as error:
            raise error.cause or error


def _part(task: Mapping[str, Any], file: str, version: str, threads: Optional[int] = None) -> tuple:
    """The sums of a file, what was assumed, and the most memory that this process ever had, in KiB."""
    if threads is not None:
        from . import _on_worker

        _on_worker.ready(threads, version)
    data = {key: value for key, value in (task.get("data") or {}).items() if key in ("id", "slice", "group", "columns")}
    text = _ordinate.to_toml(json.dumps({**task, "data": {**data, "evidence": file}}, default=os.fspath))
    sums, notes = _ordinate.sums_of(os.path.join(os.getcwd(), "task.toml"), text)
    return sums, notes, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss if resource else 0


def judge(
    task: Mapping[str, Any],
    parts: Iterable[Union[str, os.PathLike]],
    needs: Optional[Needs] = None,
    *,
    out: Union[str, os.PathLike, None] = None,
    on: Optional[str] = None,
    progress: Optional[Callable[[str], Any]] = None,
) -> Verdict:
    """The verdict on all of the parts; the run folder holds the means as its evidence. `parts`, `on` and `progress` as in `reduce`.

    What is called an item there is the mean of some; a note says of how many. Where errors, left out, lead to another verdict
    than errors that count as 0, it stands in `errors_left_out`, as it does in that of `ordinate.run`."""
    sums, notes = reduce(task, parts, on=on, progress=progress)
    name = (task.get("task") or {}).get("name", "task")
    out = Path(f"{name}.ordinate" if out is None else out)
    verdict, reduced = _judged(task, sums, notes, needs, out, False)
    if reduced["errors"]:
        other, _ = _judged(task, sums, notes, needs, out.with_name(out.name + ".errors-left-out"), True)
        of = lambda verdict: {"outcome": verdict.outcome, "recommended": (verdict.dict.get("recommended") or {}).get("name")}
        if of(other) != of(verdict):
            verdict.dict["errors_left_out"] = {key: value for key, value in of(other).items() if value is not None}
    return verdict


def _judged(task: Mapping[str, Any], sums: bytes, notes: list, needs: Optional[Needs], out: Path, without_errors: bool) -> tuple:
    out.parent.mkdir(parents=True, exist_ok=True)
    rows = Path(os.path.abspath(out.with_name(out.name + ".sums.parquet")))
    reduced = json.loads(_ordinate.sums_write(sums, without_errors, rows))
    few = [name for name, share in reduced["asked"].items() if share <= 0.5]
    listed = [entry for entry in task.get("candidate") or [] if entry.get("name") not in few]
    said = [
        f"Judged from sums: {reduced['items']:,} items were put at random into {reduced['blocks']:,} blocks, which are the groups here. What is called an "
        f"item is the mean of some {reduced['items'] / max(1, reduced['rows']):,.0f} items of a block and slice; where items are counted (items_needed), it is these.",
        "Policies that read more of an item than its slice cannot be judged from sums, and latencies are not known.",
    ]
    if reduced["small_slices"]:
        said.append(f"{reduced['small_slices']} slices have fewer items than that and are judged as one.")
    said += [f"{name} answered {reduced['asked'][name]:.0%} of the items, which do not stand for all: it is left out." for name in few]
    plain = {"evidence": str(rows), "notes": [*((task.get("data") or {}).get("notes") or []), *notes, *said]}
    combine = {**(task.get("combine") or {}), "kinds": [kind for kind in (task.get("combine") or {}).get("kinds", KINDS) if kind in KINDS]}
    # What columns of a wide table are called is not for the rows.
    listed = [{key: value for key, value in entry.items() if key not in ("columns", "recorded")} for entry in listed]
    return run({**task, "data": plain, "candidate": listed, "combine": combine}, needs, out=out, hosting=False), reduced
