"""What is written in Rust. Use the functions of `ordinate`; these may change."""

from os import PathLike
from pathlib import Path
from typing import Any, Callable, Optional

__version__: str

class OrdinateError(Exception): ...
class InputError(OrdinateError): ...
class RunError(OrdinateError): ...

def to_toml(object: str) -> str: ...
def run(
    path: str,
    toml: Optional[str],
    needs: list[str],
    folder: Optional[PathLike[str]],
    cache: Optional[PathLike[str]],
    helper: Optional[PathLike[str]],
    candidates: dict[str, tuple[Callable[[list[Any]], Any], str, int, float]],
    progress: Optional[Callable[[str], Any]],
    resume: bool,
    retry_errors: bool,
) -> tuple[str, Path]: ...
def judge(run: PathLike[str], needs: list[str]) -> str: ...
def ask(run: PathLike[str], inputs: list[tuple[str, Optional[str]]], policy: Optional[str]) -> list[str]: ...
def ask_items(run: PathLike[str], items: PathLike[str], policy: Optional[str]) -> list[str]: ...
