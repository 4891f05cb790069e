"""General model, vertical model, or both? Ordinate measures it, with error bars, and runs the answer.

    import ordinate

    verdict = ordinate.run("task.toml", needs={"max_cost_per_1k": 0.5})
    verdict.outcome, verdict.recommended["name"], verdict.recommended["quality"]
    verdict.judge({"goal": "cost"})

    policy = ordinate.load(verdict.run)
    policy.ask("the app crashes since the update")

A candidate may be a callable that takes a list of items and gives a list of answers:

    ordinate.run("task.toml", candidates={"mine": lambda items: [model(item["input"]) for item in items]})

Wherever a task that is a dict has the path of a file, a data frame may stand:

    ordinate.run({"task": {"name": "desk", "kind": "classify"}, "data": {"items": frame, ...}, ...}).evidence()
"""

from __future__ import annotations

import html
import json
import os
import sys
import sysconfig
import tempfile
import threading
import uuid
from pathlib import Path
from typing import Any, Callable, Iterable, Mapping, Optional, Sequence, Union

from . import _frames, _ordinate
from ._ordinate import InputError, OrdinateError, RunError, __version__

__all__ = [
    "Candidate",
    "InputError",
    "OrdinateError",
    "Policy",
    "RunError",
    "Verdict",
    "__version__",
    "find_command",
    "judge",
    "load",
    "run",
]

Needs = Union[Mapping[str, Any], Sequence[str]]


class Candidate:
    """A candidate that is a callable: a list of items in, a list of answers out.

    Items are dicts with `id`, `input`, and `slice`, `context`, `options`, `fields`, and the task's `labels`, where they have them. An answer is a text (which is
    read as a reply of any model is), a number, a list of labels or of numbers, an exception for its item alone, or a dict with
    `output` and, if known, `confidence` in [0, 1] and `cost_usd`. What the callable raises is an error of every item of its batch.

    `version` says what its answers hang on: those of an earlier run with the same one are taken again. Without one it is asked
    anew in every run. `batch` is the most items of one call, `timeout` the seconds that one may take, `concurrency` the calls
    side by side. A class is made when it is first asked, and what is made of it is called: on Ray one on each of its places.
    """

    # Whether its calls take other machines than this one.
    elsewhere = False

    def __init__(
        self,
        call: Callable[[list], Iterable[Any]],
        *,
        version: Optional[str] = None,
        batch: int = 32,
        timeout: float = 600.0,
        concurrency: int = 1,
    ) -> None:
        if not callable(call):
            raise TypeError(f"a candidate is a callable, not {type(call).__name__}")
        if batch < 1 or concurrency < 1 or not timeout > 0:
            raise ValueError("batch and concurrency are at least 1, and timeout more than 0 seconds")
        self.call, self.version, self.batch, self.timeout, self.concurrency = call, version, batch, timeout, concurrency

    def _settings(self) -> tuple:
        call = _Made(self.call) if isinstance(self.call, type) else self.call
        alone = not self.elsewhere and self.concurrency == 1
        return (call, self.version or uuid.uuid4().hex, self.batch, float(self.timeout), self.concurrency, alone)


class _Made:
    """What a class makes when it is first called."""

    def __init__(self, made: type) -> None:
        self.made, self.lock, self.one = made, threading.Lock(), None

    def __call__(self, items: list) -> Iterable[Any]:
        with self.lock:
            if self.one is None:
                self.one = self.made()
        return self.one(items)


class Verdict:
    """What a run says. Everything that stands in `verdict.json` is an attribute; `dict` is all of it."""

    def __init__(self, text: str, run: Path) -> None:
        self.json = text
        """`verdict.json`, to the byte."""
        self.run = run
        """The run folder."""
        self.dict: dict = json.loads(text)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["dict"][name]
        except KeyError:
            raise AttributeError(f"a verdict has no {name!r}; it has {', '.join(self.__dict__.get('dict', ()))}") from None

    def __dir__(self) -> list:
        return [*super().__dir__(), *self.dict]

    def judge(self, needs: Needs) -> "Verdict":
        """The verdict of the same run under other needs; nothing is asked again."""
        return judge(self.run, needs)

    def evidence(self, library: Optional[str] = None) -> Any:
        """What everybody answered: a row for each item and candidate, with score, cost, latency and output, as a frame of `library`
        (`"polars"`, `"pandas"` or `"pyarrow"`; default: the first that is installed)."""
        return _frames.of_parquet(self.run / "evidence.parquet", library)

    def frame(self, table: str = "candidates", library: Optional[str] = None) -> Any:
        """A table of the verdict (`candidates`, `policies`, `comparisons`, `frontier`, ...) as a frame, with a column
        `quality.low` for what stands in a field of a field; or `slices`, a row for each candidate and slice."""
        if table == "slices":
            rows = [
                {"name": one["name"], "slice": name, **said}
                for one in self.dict.get("candidates", ())
                for name, said in one.get("slices", {}).items()
            ]
            return _frames.of_rows(rows, library)
        rows = self.dict.get(table)
        if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
            known = [key for key, rows in self.dict.items() if isinstance(rows, list) and rows and isinstance(rows[0], Mapping)]
            raise ValueError(f"a verdict has no table {table!r}; this one has {', '.join([*known, 'slices'])}")
        rows = [{key: value for key, value in row.items() if key != "slices"} for row in rows]
        return _frames.of_rows(rows, library)

    def policy(self, name: Optional[str] = None) -> "Policy":
        """The recommended policy, or another one of the run."""
        return Policy(self.run, name)

    def __repr__(self) -> str:
        name = (self.dict.get("recommended") or {}).get("name")
        return f"<Verdict {self.dict['outcome']}: {name}>"

    def _repr_html_(self) -> str:
        def row(one: Mapping[str, Any]) -> str:
            quality, cost = one["quality"], one.get("cost_per_1k")
            cost = cost.get("mean") if isinstance(cost, Mapping) else cost
            cells = [
                html.escape(str(one["name"])),
                html.escape(str(one.get("lineage") or one.get("kind") or "")),
                f"{quality['mean']:.3f} [{quality['low']:.3f}, {quality['high']:.3f}]",
                "" if cost is None else f"{cost:.4f}",
            ]
            return "<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>"

        rows = [*self.dict.get("candidates", ())[:8], *self.dict.get("policies", ())[:8]]
        why = self.dict.get("why") or []
        first = html.escape(why[0] if isinstance(why, list) and why else str(why or ""))
        head = "".join(f"<th>{name}</th>" for name in ("who", "what", "quality", "USD per 1,000"))
        return (
            f"<p><b>{html.escape(self.dict['outcome'])}</b> {first}</p>"
            f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(map(row, rows))}</tbody></table>"
        )


class Policy:
    """A policy of a run: what it would do with an input, and its answer where whom it asks runs in this process."""

    def __init__(self, run: Union[str, os.PathLike], name: Optional[str] = None) -> None:
        self.run, self.name = Path(run), name

    def ask(self, text: str, slice: Optional[str] = None) -> dict:
        """Whom it asks about this input, what it expects of each, and its answer."""
        return json.loads(_ordinate.ask(self.run, [(text, slice)], self.name)[0])

    def ask_items(self, items: Any) -> list:
        """The same of every item of a file, a frame or a list of dicts with the fields of the run's task."""
        if not _frames.is_table(items):
            return [] if items == [] else [json.loads(line) for line in _ordinate.ask_items(self.run, Path(items), self.name)]
        with tempfile.TemporaryDirectory() as folder:
            return self.ask_items(_frames.put(items, Path(folder)))

    def predict(self, texts: Iterable[str]) -> list:
        """Its answers: a label, a number or a text for each; None where nobody answers in this process."""
        answers = _ordinate.ask(self.run, [(text, None) for text in texts], self.name)
        return [json.loads(answer)["answer"] for answer in answers]

    def __repr__(self) -> str:
        return f"<Policy {self.name or 'recommended'} of {self.run}>"


def find_command() -> Optional[Path]:
    """The `ordinate` command that came with this package; None where it is not there."""
    name = "ordinate" + (".exe" if sys.platform == "win32" else "")
    schemes = [sysconfig.get_path("scripts")]
    if "user" in (user := sysconfig.get_preferred_scheme("user") if hasattr(sysconfig, "get_preferred_scheme") else ""):
        schemes.append(sysconfig.get_path("scripts", scheme=user))
    # `pip install --target`.
    schemes.append(str(Path(__file__).resolve().parent.parent / "bin"))
    for folder in schemes:
        path = Path(folder) / name
        if path.is_file():
            return path
    return None


def _assignments(needs: Optional[Needs]) -> list:
    if needs is None:
        return []
    if isinstance(needs, str):
        raise TypeError('needs is a dict, or a list of "key=value"')
    if not isinstance(needs, Mapping):
        return list(needs)
    shown = lambda value: str(value).lower() if isinstance(value, bool) else str(value)
    return [f"{key}={shown(value)}" for key, value in needs.items()]


def _task(task: Union[str, os.PathLike, Mapping[str, Any]], candidates: Mapping[str, Any], out: Union[str, os.PathLike, None]) -> tuple:
    """The path of a task file, and its text where it is none that lies there. Frames in it are written beside the run folder."""
    if not isinstance(task, Mapping):
        return os.fspath(task), None
    name = (task.get("task") or {}).get("name", "task")
    beside = Path(f"{name}.ordinate" if out is None else out)
    beside = Path(os.path.abspath(beside.with_name(beside.name + ".data")))
    task = json.loads(json.dumps(_with_files(task, beside), default=os.fspath))
    listed = task.setdefault("candidate", [])
    names = {entry.get("name") for entry in listed if isinstance(entry, dict)}
    for entry in listed:
        known = {"columns", "recorded", "openai", "command", "local", "adapt", "custom"}
        if isinstance(entry, dict) and entry.get("name") in candidates and not known & set(entry):
            entry["custom"] = {"kind": "python"}
    missing = [name for name in candidates if name not in names]
    if missing:
        raise ValueError(f"the task has no candidate {missing[0]!r}; add {{'name': {missing[0]!r}, 'lineage': ...}} to task['candidate']")
    # Its paths are relative to where Python was started.
    return os.path.join(os.getcwd(), "task.toml"), _ordinate.to_toml(json.dumps(task))


def _with_files(task: Mapping[str, Any], folder: Path) -> dict:
    """The task with the path of a file for every table in it."""

    def filed(value: Any) -> Any:
        return os.fspath(_frames.put(value, folder)) if _frames.is_table(value) else value

    task = dict(task)
    if isinstance(task.get("data"), Mapping):
        task["data"] = {key: filed(value) for key, value in task["data"].items()}
    if isinstance(task.get("candidate"), (list, tuple)):
        task["candidate"] = [_recorded(entry, filed) for entry in task["candidate"]]
    return task


def _recorded(entry: Any, filed: Callable[[Any], Any]) -> Any:
    """A candidate whose recorded answers may be a table, by themselves or as their `path`."""
    if not isinstance(entry, Mapping) or "recorded" not in entry:
        return entry
    recorded = entry["recorded"]
    if isinstance(recorded, Mapping) and "path" in recorded:
        return {**entry, "recorded": {**recorded, "path": filed(recorded["path"])}}
    return {**entry, "recorded": {"path": filed(recorded)} if _frames.is_table(recorded) else recorded}


def run(
    task: Union[str, os.PathLike, Mapping[str, Any]],
    needs: Optional[Needs] = None,
    *,
    candidates: Optional[Mapping[str, Union[Candidate, Callable[[list], Iterable[Any]]]]] = None,
    out: Union[str, os.PathLike, None] = None,
    cache: Union[str, os.PathLike, None] = None,
    resume: bool = False,
    retry_errors: bool = False,
    progress: Union[bool, Callable[[str], Any], None] = None,
    hosting: bool = True,
    on: Optional[str] = None,
    resources: Optional[Mapping[str, Mapping[str, float]]] = None,
) -> Verdict:
    """Runs a task and gives the verdict.

    `task` is the path of a task file, or a dict with what stands in one, whose paths are relative to the current folder. `needs` are set
    over its own. Where the dict has a file of items or of recorded answers, a frame of pandas or polars, a table of Arrow or a list of
    dicts may stand, which is written into a folder beside the run folder. `candidates` are callables by the name of the candidate, whose entry says `custom = { kind = "python" }` (in a dict
    it may say nothing). `out` is the run folder, `cache` the folder where answers of models in this process are kept. `progress` is
    told every step: a callable, or True for standard error. `resume` fails where there is nothing to go on with; `retry_errors` asks again
    about items whose error was kept. Without `hosting` it is not measured what models of this process take to be hosted.
    Answers are kept in the run folder, or in the store that many share which ORDINATE_STORE names (`postgres://...`, `file:///FOLDER`).
    `on` is `"ray"` or `"ray://HOST:PORT"`: models that run in the process and callables are asked on that cluster (`ordinate.on_ray`), and
    `resources` says what each candidate takes there: `{"probe": {"num_cpus": 2}}`.

    Raises `InputError` where what was given is wrong, and `RunError` where the run failed, with the text of the command line. Ctrl-C
    stops the run when everything that was paid for is kept; the same call goes on from there.
    """
    named = {name: one if isinstance(one, Candidate) else Candidate(one) for name, one in (candidates or {}).items()}
    path, text = _task(task, named, out)
    if progress is True:
        progress = lambda line: print(line, file=sys.stderr)
    if on is not None:
        from . import on_ray

        on_ray.connect(on)
        content = Path(path).read_text(encoding="utf-8") if text is None else text
        base = Path(path).resolve().parent
        on_ray.make_pieces(json.loads(_ordinate.from_toml(content)), base, on_ray.cache_folder(cache), on, resources, progress or None)
        named = {name: on_ray.spread(one, on, (resources or {}).get(name)) for name, one in named.items()}
    settings = {name: one._settings() for name, one in named.items()}
    optional = lambda folder: None if folder is None else Path(folder)
    verdict, folder = _ordinate.run(
        path, text, _assignments(needs), optional(out), optional(cache), find_command() if hosting else None, settings, progress or None, resume, retry_errors
    )
    return Verdict(verdict, Path(folder))


def judge(run: Union[str, os.PathLike], needs: Optional[Needs] = None) -> Verdict:
    """The verdict of the run in this folder again, under its needs with some of them changed. Nothing is asked."""
    return Verdict(_ordinate.judge(Path(run), _assignments(needs)), Path(run))


def load(run: Union[str, os.PathLike], policy: Optional[str] = None) -> Policy:
    """The recommended policy of the run in this folder, or another one."""
    verdict = Path(run) / "verdict.json"
    if not verdict.is_file():
        raise InputError(f"{verdict}: there is no such file; give the folder of a run")
    return Policy(run, policy)
