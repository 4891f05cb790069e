"""General model, vertical model, or both? Ordinate measures it, with error bars, and runs the answer.

    import ordinate

    verdict = ordinate.run("task.toml", needs={"max_cost_per_1k": 0.5})
    verdict.outcome, verdict.recommended["name"], verdict.recommended["quality"]
    verdict.judge({"goal": "cost"})

    policy = ordinate.load(verdict.run)
    policy.ask("the app crashes since the update")

A candidate may be a callable that takes a list of items and gives a list of answers:

    ordinate.run("task.toml", candidates={"mine": lambda items: [model(item["input"]) for item in items]})
"""

from __future__ import annotations

import html
import json
import os
import sys
import sysconfig
import uuid
from pathlib import Path
from typing import Any, Callable, Iterable, Mapping, Optional, Sequence, Union

from . import _ordinate
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

    Items are dicts with `id`, `input`, and `slice`, `context`, `options`, `fields` where they have them. An answer is a text (which is
    read as a reply of any model is), a number, a list of labels or of numbers, an exception for its item alone, or a dict with
    `output` and, if known, `confidence` in [0, 1] and `cost_usd`. What the callable raises is an error of every item of its batch.

    `version` says what its answers hang on: those of an earlier run with the same one are taken again. Without one it is asked
    anew in every run. `batch` is the most items of one call, `timeout` the seconds that one may take.
    """

    def __init__(
        self,
        call: Callable[[list], Iterable[Any]],
        *,
        version: Optional[str] = None,
        batch: int = 32,
        timeout: float = 600.0,
    ) -> None:
        if not callable(call):
            raise TypeError(f"a candidate is a callable, not {type(call).__name__}")
        if batch < 1 or not timeout > 0:
            raise ValueError("batch is at least 1, and timeout more than 0 seconds")
        self.call, self.version, self.batch, self.timeout = call, version, batch, timeout

    def _settings(self) -> tuple:
        return (self.call, self.version or uuid.uuid4().hex, self.batch, float(self.timeout))


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

    def ask_items(self, items: Union[str, os.PathLike]) -> list:
        """The same of every item of a file with the fields of the run's task."""
        return [json.loads(line) for line in _ordinate.ask_items(self.run, Path(items), self.name)]

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


def _task(task: Union[str, os.PathLike, Mapping[str, Any]], candidates: Mapping[str, Any]) -> tuple:
    """The path of a task file, and its text where it is none that lies there."""
    if not isinstance(task, Mapping):
        return os.fspath(task), None
    task = json.loads(json.dumps(task, default=os.fspath))
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
) -> Verdict:
    """Runs a task and gives the verdict.

    `task` is the path of a task file, or a dict with what stands in one, whose paths are relative to the current folder. `needs` are set
    over its own. `candidates` are callables by the name of the candidate, whose entry says `custom = { kind = "python" }` (in a dict
    it may say nothing). `out` is the run folder, `cache` the folder where answers of models in this process are kept. `progress` is
    told every step: a callable, or True for standard error. `resume` fails where there is nothing to go on with; `retry_errors` asks again
    about items whose error was kept.

    Raises `InputError` where what was given is wrong, and `RunError` where the run failed, with the text of the command line. Ctrl-C
    stops the run when everything that was paid for is kept; the same call goes on from there.
    """
    named = {name: one if isinstance(one, Candidate) else Candidate(one) for name, one in (candidates or {}).items()}
    path, text = _task(task, named)
    if progress is True:
        progress = lambda line: print(line, file=sys.stderr)
    settings = {name: one._settings() for name, one in named.items()}
    optional = lambda folder: None if folder is None else Path(folder)
    verdict, folder = _ordinate.run(
        path, text, _assignments(needs), optional(out), optional(cache), find_command(), settings, progress or None, resume, retry_errors
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
