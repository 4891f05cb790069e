"""Runs on a cluster of Ray: `ordinate.run(task, on="ray")`, and `python3 -m ordinate.on_ray TASK.toml` for the command line.

The work is cut into pieces whose key is what they hang on. What an encoder says of some hundred texts is one piece: as many are made
at a time as there is room for, and candidates on the same encoder share them. A candidate that runs in the process (trained on those
vectors or on the items, cross-fitted, with its learning curve) is one piece, which a worker makes as the command line would. What
was made comes back, and the run here finds it as if it had been made here. Batches of a candidate that is a callable are tasks
of their own. APIs and commands are asked from here alone: one place, one budget, one rate.
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

from . import Candidate, InputError, OrdinateError, __version__, _ordinate

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
    waiting = [piece for piece in pieces(task, base) if not (cache / "ray" / f"{piece['key']}.json").is_file()]
    if not waiting:
        return
    ray = connect(on)
    vectors = make_vectors(ray, task, base, cache, [piece["name"] for piece in waiting], resources, told)
    files = {path: ray.put((Path(path).name, Path(path).read_bytes())) for path in {path for piece in waiting for path in piece["files"].values()}}
    kept = {key: ray.put(_ordinate.kept_vectors(cache, key)) for key in {key for keys in vectors for key in keys}}
    made = ray.remote(_made)
    running = {}
    for piece, keys in zip(waiting, vectors):
        wants = {"num_cpus": 1, **(resources or {}).get(piece["name"], {})}
        # References in lists are not fetched before the task starts, so that a piece holds no more than its own.
        sent = list(piece["files"]), [files[path] for path in piece["files"].values()], keys, [kept[key] for key in keys]
        running[made.options(max_retries=3, **wants).remote(piece["task"], *sent, _threads(wants), __version__)] = (piece, time.monotonic())
    told(f"{len(running)} candidates on {_places(ray)}")
    try:
        while running:
            [done], _ = ray.wait(list(running))
            piece, begun = running.pop(done)
            try:
                node, content = ray.get(done)
            except ray.exceptions.RayError as error:
                told(f"{piece['name']}: not made on the cluster ({_last_line(error)}); it is made here")
                continue
            _put(content, cache, piece["key"])
            told(f"{piece['name']}: made on {node} after {time.monotonic() - begun:.1f} s")
    except BaseException:
        for reference in running:
            ray.cancel(reference, force=True)
        raise


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
    left = {piece[0]: (name, piece) for name, pieces in zip(reversed(names), reversed(of_all)) for piece in reversed(pieces) if piece[3]}
    lacking, count = set(left), len(left)
    if left:
        told(f"{count} pieces to embed, {len({piece[0] for pieces in of_all for piece in pieces}) - count} kept, on {_places(ray)}")
    make, running, nodes, begun = ray.remote(_vectors), {}, {}, time.monotonic()
    spoken, broken = begun, set()
    try:
        while left or running:
            # Texts are sent when there is nearly room for them, and not all at once.
            while left and len(running) < 4 + 2 * ray.cluster_resources().get("CPU", 1):
                key, (name, piece) = left.popitem()
                if name in broken:
                    continue
                wants = {"num_cpus": 1, **(resources or {}).get(name, {})}
                running[make.options(max_retries=-1, **wants).remote(*piece[1:], _threads(wants), __version__)] = (key, name)
            if not running:
                break
            [done], _ = ray.wait(list(running))
            key, name = running.pop(done)
            try:
                node, content = ray.get(done)
            except ray.exceptions.RayError as error:
                if name not in broken:
                    told(f"{name}: not embedded on the cluster ({_last_line(error)}); it is embedded where it is made")
                broken.add(name)
                continue
            _ordinate.keep_vectors(cache, key, content)
            lacking.discard(key)
            nodes[node] = nodes.get(node, 0) + 1
            if time.monotonic() - spoken > 1 or not (left or running):
                spoken = time.monotonic()
                by_node = ", ".join(f"{of} on {node}" for node, of in sorted(nodes.items()))
                told(f"embedded {count - len(lacking)} of {count} pieces after {spoken - begun:.1f} s ({by_node})")
    except BaseException:
        for reference in running:
            ray.cancel(reference, force=True)
        raise
    return [[] if any(piece[0] in lacking for piece in pieces) else [piece[0] for piece in pieces] for pieces in of_all]


def _vectors(encoder: str, identity: str, texts: list, threads: int, version: str) -> tuple:
    """On a worker: the name of its node, and what the encoder says of the texts."""
    _ready(threads, version)
    return _node(), _ordinate.make_vectors(encoder, identity, texts)


def _ready(threads: int, version: str) -> None:
    """Makes a worker ready for its first piece: later ones find its threads as they are."""
    if version != __version__:
        raise RuntimeError(f"this node has ordinate {__version__}, and the run {version}; install the same")
    os.environ.setdefault("RAYON_NUM_THREADS", str(threads))
    # What it answers comes back to whoever began the run, who puts it into the store.
    os.environ.pop("ORDINATE_STORE", None)


def _threads(wants: Mapping[str, float]) -> int:
    return max(1, int(wants["num_cpus"]))


def _node() -> str:
    import ray

    return ray.util.get_node_ip_address() + " " + ray.get_runtime_context().get_node_id()[:8]


def _last_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[-1]


def _places(ray: Any) -> str:
    alive = [node for node in ray.nodes() if node["Alive"]]
    cpus = sum(node["Resources"].get("CPU", 0) for node in alive)
    return f"{len(alive)} node{'s' if len(alive) > 1 else ''} with {cpus:.0f} CPUs"


def pieces(task: Mapping[str, Any], base: Path) -> list:
    """The candidates that run in the process, each as a task of its own with the files that it reads."""
    absolute = lambda text: str((base / text).resolve()) if (base / str(text)).exists() else text
    data, files = dict(task.get("data") or {}), {}
    for key in DATA:
        if isinstance(data.get(key), str):
            path = base / data[key]
            if path.is_file():
                files[f"data.{key}"] = str(path)
            else:
                data[key] = absolute(data[key])
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
        for place, path in sorted(mine.items()):
            key.update(f"{place} {_digest(path)}".encode())
        made.append({"name": entry.get("name"), "task": alone, "files": mine, "key": key.hexdigest()[:40]})
    return made


def _digest(path: str) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        for part in iter(lambda: file.read(1 << 20), b""):
            digest.update(part)
    return digest.hexdigest()


def _made(task: dict, places: list, files: list, keys: list, vectors: list, threads: int, version: str) -> tuple:
    """On a worker: the name of its node, and the files that were kept, by their paths in the cache."""
    import ray

    _ready(threads, version)
    with tempfile.TemporaryDirectory(prefix="ordinate-") as folder:
        task = json.loads(json.dumps(task))
        for place, reference in zip(places, files):
            name, content = ray.get(reference)
            path = Path(folder) / place / name
            path.parent.mkdir()
            path.write_bytes(content)
            section, key = place.split(".")
            (task["data"] if section == "data" else task["candidate"][0]["adapt"])[key] = str(path)
        nobody = task["candidate"][1]["name"]
        cache = Path(folder) / "cache"
        for key, reference in zip(keys, vectors):
            _ordinate.keep_vectors(cache, key, ray.get(reference))
        try:
            _run(task, nobody, Path(folder) / "run", cache)
        except OrdinateError:
            # The one that costs nothing may answer nothing that can be read; whether the other was made is what counts.
            if not list(cache.glob("local/*.jsonl")):
                raise
        made = {path.relative_to(cache).as_posix(): path for path in sorted(cache.rglob("*")) if path.is_file()}
        # The vectors came from there.
        kept = {name: path.read_bytes() for name, path in made.items() if not name.startswith("local/vectors/")}
    return _node(), kept


def _run(task: dict, nobody: str, out: Path, cache: Path) -> None:
    from . import run

    candidate = Candidate(lambda items: [_least(item) for item in items], batch=4096)
    # It is asked last: where nothing that it says can be read, the other is there.
    candidate.elsewhere = True
    # What hosting takes is measured where the run is judged.
    run(task, out=out, cache=cache, hosting=False, candidates={nobody: candidate})


def _least(item: Mapping[str, Any]) -> str:
    """The first answer that there is."""
    return (item.get("labels") or item.get("options") or ["0"])[0]


def _put(kept: Mapping[str, bytes], cache: Path, key: str) -> None:
    """Puts what a piece kept into the cache, and says last that it is whole."""
    for name, content in kept.items():
        _write(cache / name, content)
    _write(cache / "ray" / f"{key}.json", json.dumps(sorted(kept)).encode())


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
