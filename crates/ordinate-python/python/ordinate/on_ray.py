"""Runs on a cluster of Ray: `ordinate.run(task, on="ray")`, and `python3 -m ordinate.on_ray TASK.toml` for the command line.

The work is cut into pieces whose key is what they hang on. What an encoder says of some texts is one piece: as many are made
at a time as there is room for, and candidates on the same encoder share them. What a model says of some items that is asked as it was published
is one too; of one that is trained long, cross-fitted, each training. Another candidate that is trained (on those vectors or on the items, cross-fitted,
with its learning curve) is one piece, which a worker makes as the command line would. What was made comes back, and the run here finds it as if it had been made here. Batches of
a candidate that is a callable are tasks of their own. APIs and commands are asked from here alone: one place, one budget, one rate.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import queue
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Callable, Iterable, Mapping, Optional

from . import Candidate, InputError, __version__, _ordinate
from . import _on_worker as worker
from ._hand_out import Piece, counted, hand_out, places

# What the files of a task are called in it.
DATA = ("evidence", "items", "train", "test")
# Whoever does not run in the process, or needs somebody who does not.
ELSEWHERE = ("columns", "recorded", "openai", "command", "custom")
NOBODY = "nobody"


def connect(on: str) -> Any:
    """Ray, joined to the cluster: that of `ray://HOST:PORT`, or for `ray` the one that is joined already, that runs here or that
    RAY_ADDRESS names; where there is none, one of this machine alone."""
    if on != "ray" and not on.startswith("ray://"):
        raise ValueError(f'on is "ray" or "ray://HOST:PORT", not {on!r}')
    try:
        import ray
    except ImportError as error:
        raise ImportError('to run on Ray, install it: pip install "ray>=2.9"') from error
    if not ray.is_initialized():
        quiet = {"log_to_driver": False, "logging_level": "ERROR"}
        if on.startswith("ray://"):
            ray.init(on, **quiet)
        else:
            try:
                ray.init(address="auto", **quiet)
            except ConnectionError:
                ray.init(**quiet, include_dashboard=False)
    return ray


def make_pieces(
    task: Mapping[str, Any],
    base: Path,
    cache: Path,
    on: str,
    resources: Optional[Mapping[str, Mapping[str, float]]] = None,
    told: Optional[Callable[[str], Any]] = None,
) -> None:
    """Has what runs in the process made on the cluster, and puts what was kept there into `cache`. What cannot be made there is left to
    the run here, which says why in its own words. `resources` are those of Ray by candidate: `num_cpus`, `num_gpus`, `memory`."""
    told = told or (lambda _: None)
    listed = pieces(task, base)
    path, text = str(base / "task.toml"), _ordinate.to_toml(json.dumps(task, default=os.fspath))
    parts = _ordinate.answer_pieces(path, text, [piece["name"] for piece in listed], cache)
    waiting = [piece for piece, part in zip(listed, parts) if part is None and not (cache / "ray" / f"{piece['key']}.json").is_file()]
    parted = [(piece, part) for piece, part in zip(listed, parts) if part and not all(is_kept for _, _, is_kept in part)]
    if not waiting and not parted:
        return
    ray = connect(on)
    vectors = make_vectors(ray, task, base, cache, [piece["name"] for piece in waiting], resources, told) if waiting else []
    everybody = [*waiting, *(piece for piece, _ in parted)]
    files = {file: ray.put((Path(file).name, Path(file).read_bytes())) for file in {file for piece in everybody for file in piece["files"].values()}}
    sent = lambda piece: (piece["task"], list(piece["files"]), [files[file] for file in piece["files"].values()])
    wholes = _wholes(ray, waiting, vectors, sent, cache, told)
    if wholes:
        told(f"{len(wholes)} candidates on {places(ray)}")
    hand_out(ray, [*wholes, *_answers(ray, parted, sent, path, cache, told)], resources)


def _wholes(ray: Any, waiting: list, vectors: list, sent: Callable[[dict], tuple], cache: Path, told: Callable[[str], Any]) -> list:
    """Of each of these candidates the one piece that it is."""
    kept = {key: ray.put(_ordinate.kept_vectors(cache, key)) for key in {key for keys in vectors for key in keys}}
    made, begun = ray.remote(worker.made), time.monotonic()

    def of(piece: dict, keys: list) -> Piece:
        name = piece["name"]

        def take(node: str, content: Mapping[str, bytes]) -> None:
            _put(content, cache)
            _write(cache / "ray" / f"{piece['key']}.json", json.dumps(sorted(content)).encode())
            told(f"{name}: made on {node} after {time.monotonic() - begun:.1f} s")

        lost = lambda why: told(f"{name}: not made on the cluster ({why}); it is made here")
        # References in lists are not fetched before the task starts, so that a piece holds no more than its own.
        return Piece(name, made, (*sent(piece), keys, [kept[key] for key in keys]), 3, take, lost)

    return [of(piece, keys) for piece, keys in zip(waiting, vectors)]


def _answers(ray: Any, parted: list, sent: Callable[[dict], tuple], path: str, cache: Path, told: Callable[[str], Any]) -> list:
    """The pieces of candidates that can be parted, but those that are kept. Who comes first answers for all that are the same."""
    answers, model = ray.remote(worker.answers), ray.remote(worker.model)
    keys = {key: is_kept for _, part in parted for key, _, is_kept in part}
    left = [key for key, is_kept in keys.items() if not is_kept]
    if left:
        told(f"{len(left)} pieces to answer, {len(keys) - len(left)} kept, on {places(ray)}")
    came, all_pieces = counted("answered", len(left), told), []

    def of(piece: dict, key: str, rows: list) -> Piece:
        name = piece["name"]

        def take(node: str, content: Any) -> None:
            if rows:
                _ordinate.keep_answers(cache, key, content)
            else:
                _put(content, cache)
            came(node)

        lost = lambda why: told(f"{name}: not answered on the cluster ({why}); it is answered here")
        takes = (piece["key"], name, path, *sent(piece))
        return Piece(name, answers if rows else model, (key, rows, *takes) if rows else takes, 3, take, lost)

    left = set(left)
    # Who is trained takes longest.
    for piece, part in sorted(parted, key=lambda one: all(rows for _, rows, _ in one[1])):
        for key, rows, _ in part:
            if key in left:
                left.remove(key)
                all_pieces.append(of(piece, key, rows))
    return all_pieces


def make_vectors(
    ray: Any,
    task: Mapping[str, Any],
    base: Path,
    cache: Path,
    names: list,
    resources: Optional[Mapping[str, Mapping[str, float]]] = None,
    told: Callable[[str], Any] = lambda _: None,
) -> list:
    """Has the texts read that these candidates want vectors of, and puts the vectors into `cache` as they come: for each candidate the keys of
    its pieces. Of who cannot have all of them there are none: the encoder reads those texts where the candidate is made."""
    text = _ordinate.to_toml(json.dumps(task, default=os.fspath))
    of_all = _ordinate.vector_pieces(str(base / "task.toml"), text, names, cache)
    # Who comes first pays for what others have in common with it.
    left: dict = {}
    for name, own in zip(names, of_all):
        for piece in own:
            if piece[3]:
                left.setdefault(piece[0], (name, piece))
    lacking = set(left)
    if left:
        told(f"{len(left)} pieces to embed, {len({piece[0] for own in of_all for piece in own}) - len(left)} kept, on {places(ray)}")
    made, came = ray.remote(worker.vectors), counted("embedded", len(left), told)

    def of(key: str, name: str, piece: tuple) -> Piece:
        def take(node: str, content: bytes) -> None:
            _ordinate.keep_vectors(cache, key, content)
            lacking.discard(key)
            came(node)

        lost = lambda why: told(f"{name}: not embedded on the cluster ({why}); it is embedded where it is made")
        return Piece(name, made, tuple(piece[1:]), -1, take, lost)

    hand_out(ray, [of(key, *one) for key, one in left.items()], resources)
    return [[] if any(piece[0] in lacking for piece in own) else [piece[0] for piece in own] for own in of_all]


def pieces(task: Mapping[str, Any], base: Path) -> list:
    """The candidates that run in the process, each as a task of its own with the files that it reads."""
    absolute = lambda text: str((base / text).resolve()) if (base / str(text)).exists() else text
    data, files, stay = dict(task.get("data") or {}), {}, {}
    sees = (task.get("task") or {}).get("kind") == "classify-image"
    for key in DATA:
        if isinstance(data.get(key), str):
            path = base / data[key]
            # A table names its pictures from where it lies.
            is_sent = path.is_file() and not (sees and path.suffix.lower() != ".npz")
            (files if is_sent else stay)[f"data.{key}"] = str(path)
            data[key] = data[key] if is_sent else absolute(data[key])
    listed = [entry for entry in task.get("candidate") or [] if isinstance(entry, Mapping)]
    made = []
    for entry in listed:
        adapt = dict(entry.get("adapt") or {})
        if any(key in entry for key in ELSEWHERE) or "teacher" in adapt or not (adapt or entry.get("local")):
            continue
        own, mine = dict(entry), dict(files)
        if adapt:
            if isinstance(adapt.get("texts"), str) and (base / adapt["texts"]).is_file():
                mine["adapt.texts"] = str(base / adapt["texts"])
            own["adapt"] = {**adapt, "from": absolute(adapt.get("from", ""))}
        if isinstance(entry.get("local"), Mapping):
            own["local"] = {**entry["local"], "model": absolute(entry["local"].get("model", ""))}
        # A run compares two: beside it stands one that costs nothing.
        nobody = {"name": NOBODY if entry.get("name") != NOBODY else NOBODY + "-else", "lineage": "general", "custom": {"kind": "python"}}
        alone = {**task, "data": data, "candidate": [own, nobody], "combine": {**(task.get("combine") or {}), "kinds": ["single"]}}
        alone.pop("needs", None)
        key = hashlib.sha256(json.dumps([__version__, alone], sort_keys=True, default=str).encode())
        for place, path in sorted({**mine, **{place: path for place, path in stay.items() if Path(path).is_file()}}.items()):
            key.update(f"{place} {_digest(path)}".encode())
        made.append({"name": entry.get("name"), "task": alone, "files": mine, "key": key.hexdigest()[:40]})
    return made


def _digest(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for part in iter(lambda: file.read(1 << 20), b""):
            digest.update(part)
    return digest.hexdigest()


def _put(kept: Mapping[str, bytes], cache: Path) -> None:
    """Puts what was kept on a worker into the cache."""
    for name, content in kept.items():
        _write(cache / name, content)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(prefix=".part-", dir=path.parent)
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    os.replace(part, path)


def spread(candidate: Candidate, on: str, wants: Optional[Mapping[str, float]] = None) -> Candidate:
    """The same candidate, whose batches are tasks on the cluster, as many at a time as there is room for. A class is made once for each
    of as many actors. What a node that died was answering is answered by another."""
    ray = connect(on)
    wants = {"num_cpus": 1, **(wants or {})}
    room = candidate.concurrency
    if room == 1 and wants["num_cpus"] > 0:
        room = max(1, int(ray.cluster_resources().get("CPU", 1) // wants["num_cpus"]))
    if isinstance(candidate.call, type):
        made = candidate.call
        actor = ray.remote(type("Actor", (), {"__init__": lambda self: setattr(self, "call", made()), "ask": lambda self, items: list(self.call(items))}))
        free: queue.Queue = queue.Queue()
        for one in [actor.options(max_restarts=-1, max_task_retries=-1, **wants).remote() for _ in range(room)]:
            free.put(one)

        def call(items: list) -> Iterable[Any]:
            one = free.get()
            try:
                return ray.get(one.ask.remote(items))
            except ray.exceptions.RayTaskError as error:
                raise error.cause or error
            finally:
                free.put(one)

    else:
        asked = candidate.call
        task = ray.remote(lambda items: list(asked(items)))

        def call(items: list) -> Iterable[Any]:
            try:
                return ray.get(task.options(max_retries=-1, **wants).remote(items))
            except ray.exceptions.RayTaskError as error:
                raise error.cause or error

    away = Candidate(call, version=candidate.version, batch=candidate.batch, timeout=candidate.timeout, concurrency=room)
    away.elsewhere = True
    return away


def cache_folder(cache: Optional[os.PathLike]) -> Path:
    """Where answers of models in the process are kept, as the run finds it."""
    for folder, below in [(cache, ""), (os.environ.get("ORDINATE_CACHE"), ""), (os.environ.get("XDG_CACHE_HOME"), "ordinate"), (os.environ.get("HOME"), ".cache/ordinate")]:
        if folder:
            return Path(folder) / below
    return Path(tempfile.gettempdir()) / "ordinate"


def main() -> int:
    """Makes the pieces of a task file; the command line runs the task then."""
    parser = argparse.ArgumentParser(prog="python3 -m ordinate.on_ray", description=main.__doc__)
    parser.add_argument("task", type=Path)
    parser.add_argument("--on", default="ray", help="ray, or ray://HOST:PORT")
    parser.add_argument("--quiet", action="store_true")
    arguments = parser.parse_args()
    try:
        task = json.loads(_ordinate.from_toml(arguments.task.read_text(encoding="utf-8")))
        told = lambda line: arguments.quiet or print(line, file=sys.stderr, flush=True)
        make_pieces(task, arguments.task.resolve().parent, cache_folder(None), arguments.on, told=told)
    except (OSError, ValueError, ImportError, InputError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
