"""Data frames in and out, without depending on any library of them."""

from __future__ import annotations

import hashlib
import importlib
import json
import math
import os
import tempfile
from pathlib import Path
from typing import Any, Callable, Iterable, Mapping, Optional, Sequence

LIBRARIES = ("polars", "pandas", "pyarrow")


def is_table(value: Any) -> bool:
    """Whether it is rows of fields: a frame of pandas or polars, anything with Arrow's stream, or a list of dicts."""
    if hasattr(value, "__arrow_c_stream__") or _is_pandas(value):
        return True
    return isinstance(value, list) and bool(value) and all(isinstance(row, Mapping) for row in value)


def _is_pandas(value: Any) -> bool:
    return type(value).__name__ == "DataFrame" and type(value).__module__.partition(".")[0] == "pandas"


def put(table: Any, folder: Path) -> Path:
    """Writes a table into this folder, under a name that its content gives: Parquet where pyarrow or polars is there, which take
    Arrow's buffers as they are, JSON lines otherwise. The same table is the same file."""
    folder.mkdir(parents=True, exist_ok=True)
    write, ending = _writer(table)
    handle, path = tempfile.mkstemp(prefix=".part-", dir=folder)
    os.close(handle)
    try:
        write(path)
        with open(path, "rb") as file:
            digest = hashlib.sha256()
            for part in iter(lambda: file.read(1 << 20), b""):
                digest.update(part)
        place = folder / f"{digest.hexdigest()[:20]}{ending}"
        os.replace(path, place)
    finally:
        if os.path.exists(path):
            os.remove(path)
    return place


def _writer(table: Any) -> tuple:
    if isinstance(table, list):
        return (lambda path: _write_lines(table, path)), ".jsonl"
    if type(table).__module__.partition(".")[0] == "polars" and hasattr(table, "write_parquet"):
        return table.write_parquet, ".parquet"
    if _module("pyarrow") is not None:
        return (lambda path: _write_arrow(table, path)), ".parquet"
    if _is_pandas(table):
        return (lambda path: _write_lines(table.to_dict("records"), path)), ".jsonl"
    if _module("polars") is not None:
        return _module("polars").DataFrame(table).write_parquet, ".parquet"
    raise ImportError(f"to read a {type(table).__name__}, install pyarrow or polars")


def _write_arrow(table: Any, path: str) -> None:
    arrow, parquet = _module("pyarrow"), importlib.import_module("pyarrow.parquet")
    if _is_pandas(table):
        # Row names are no field of the items.
        parquet.write_table(arrow.Table.from_pandas(table, preserve_index=False), path)
    elif hasattr(arrow, "RecordBatchReader") and hasattr(arrow.RecordBatchReader, "from_stream"):
        # Batch by batch: a stream may be larger than memory.
        reader = arrow.RecordBatchReader.from_stream(table)
        with parquet.ParquetWriter(path, reader.schema) as writer:
            for batch in reader:
                writer.write_batch(batch)
    else:
        parquet.write_table(arrow.table(table), path)


def _write_lines(rows: Iterable[Mapping[str, Any]], path: str) -> None:
    with open(path, "w", encoding="utf-8") as file:
        for row in rows:
            fields = {str(name): _plain(value) for name, value in row.items()}
            file.write(json.dumps(fields, ensure_ascii=False, allow_nan=False, default=str) + "\n")


def _plain(value: Any) -> Any:
    """A cell as JSON has it: scalars and arrays of numpy too, and None for what is not there."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, float) and math.isnan(value):
        return None
    # pandas has two more ways to say that nothing is there.
    return None if type(value).__name__ in ("NAType", "NaTType") else value


def _module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def library(name: Optional[str]) -> str:
    """The library that frames are given in: the one that is named, or the first of polars, pandas and pyarrow that is installed."""
    if name is None:
        name = next((known for known in LIBRARIES if _module(known) is not None), None)
        if name is None:
            raise ImportError(f"install one of {', '.join(LIBRARIES)} for data frames")
    if name not in LIBRARIES:
        raise ValueError(f"{name!r} is no library of frames that is known; known are {', '.join(LIBRARIES)}")
    return name


def of_parquet(path: Path, name: Optional[str]) -> Any:
    """A Parquet file as a frame."""
    name = library(name)
    if name == "pyarrow":
        return importlib.import_module("pyarrow.parquet").read_table(path)
    return importlib.import_module(name).read_parquet(path)


def of_rows(rows: Sequence[Mapping[str, Any]], name: Optional[str]) -> Any:
    """Rows as a frame: a field of a field is a column of its own, named with a dot; lists stand as JSON."""
    name = library(name)
    flat = [dict(_flat(row)) for row in rows]
    columns = list(dict.fromkeys(column for row in flat for column in row))
    data = {column: [row.get(column) for row in flat] for column in columns}
    make: Mapping[str, Callable] = {
        "polars": lambda lib: lib.DataFrame(data, strict=False, infer_schema_length=None),
        "pandas": lambda lib: lib.DataFrame(data),
        "pyarrow": lambda lib: lib.table(data),
    }
    return make[name](importlib.import_module(name))


def _flat(row: Mapping[str, Any], before: str = "") -> Iterable[tuple]:
    for name, value in row.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        elif isinstance(value, list):
            yield before + name, json.dumps(value, ensure_ascii=False)
        else:
            yield before + name, value
