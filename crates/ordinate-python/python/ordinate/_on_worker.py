"""What a worker of Ray does: each gives the name of its node, and what was made."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any, Mapping

from . import Candidate, OrdinateError, __version__, _ordinate

# The folder of the candidate that is open.
KEPT: list = []


def vectors(encoder: str, identity: str, texts: list, threads: int, version: str) -> tuple:
    """What the encoder says of the texts."""
    ready(threads, version)
    return _node(), _ordinate.make_vectors(encoder, identity, texts)


def answers(key: str, rows: list, known_as: str, name: str, path: str, task: dict, where: list, files: list, threads: int, version: str) -> tuple:
    """What the candidate of this name says of the items in these rows. It stays open for the next piece."""
    ready(threads, version)
    if not _ordinate.has_candidate(known_as):
        # Where long training keeps its state.
        cache = tempfile.TemporaryDirectory(prefix="ordinate-")
        _open(known_as, name, path, task, where, files, Path(cache.name))
        KEPT[:] = [cache]
    return _node(), _ordinate.make_answers(known_as, key, rows)


def model(known_as: str, name: str, path: str, task: dict, where: list, files: list, threads: int, version: str) -> tuple:
    """The files of the model of all train items of the candidate of this name, by their paths in the cache."""
    ready(threads, version)
    known_as = f"{known_as} by itself"
    with tempfile.TemporaryDirectory(prefix="ordinate-") as cache:
        _open(known_as, name, path, task, where, files, Path(cache))
        _ordinate.put_candidate_away(known_as)
        return _node(), _kept(Path(cache))


def _open(known_as: str, name: str, path: str, task: dict, where: list, files: list, cache: Path) -> None:
    (cache / "local").mkdir()
    with tempfile.TemporaryDirectory(prefix="ordinate-") as folder:
        task = _with_files(task, where, files, Path(folder))
        _ordinate.open_candidate(known_as, path, _ordinate.to_toml(json.dumps(task)), name, cache)


def made(task: dict, where: list, files: list, keys: list, kept: list, threads: int, version: str) -> tuple:
    """The files that were kept of a candidate that is the first of a task, by their paths in the cache."""
    import ray

    ready(threads, version)
    with tempfile.TemporaryDirectory(prefix="ordinate-") as folder:
        task = _with_files(task, where, files, Path(folder))
        nobody = task["candidate"][1]["name"]
        cache = Path(folder) / "cache"
        for key, reference in zip(keys, kept):
            _ordinate.keep_vectors(cache, key, ray.get(reference))
        try:
            _run(task, nobody, Path(folder) / "run", cache)
        except OrdinateError:
            # The one that costs nothing may answer nothing that can be read; whether the other was made is what counts.
            if not list(cache.glob("local/*.jsonl")):
                raise
        return _node(), _kept(cache)


def _kept(cache: Path) -> dict:
    """The files of a cache, but those that were sent."""
    found = {path.relative_to(cache).as_posix(): path for path in sorted(cache.rglob("*")) if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if not name.startswith("local/vectors/")}


def _with_files(task: dict, where: list, files: list, folder: Path) -> dict:
    """The task with the files that were sent, which are put into the folder."""
    import ray

    task = json.loads(json.dumps(task, default=os.fspath))
    for place, reference in zip(where, files):
        name, content = ray.get(reference)
        path = folder / place / name
        path.parent.mkdir()
        path.write_bytes(content)
        section, key = place.split(".")
        (task["data"] if section == "data" else task["candidate"][0]["adapt"])[key] = str(path)
    return task


def ready(threads: int, version: str) -> None:
    """Makes a worker ready for its first piece: later ones find its threads as they are."""
    if version != __version__:
        raise RuntimeError(f"this node has ordinate {__version__}, and the run {version}; install the same")
    os.environ.setdefault("RAYON_NUM_THREADS", str(threads))
    # What it answers comes back to whoever began the run, who puts it into the store.
    os.environ.pop("ORDINATE_STORE", None)


def _node() -> str:
    import ray

    return ray.util.get_node_ip_address() + " " + ray.get_runtime_context().get_node_id()[:8]


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
