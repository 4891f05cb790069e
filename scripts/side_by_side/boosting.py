"""Ordinate's gradient boosting beside scikit-learn's, on the same train and test rows.

    pip install numpy scikit-learn
    cargo build -p ordinate --example boosting
    python scripts/side_by_side/boosting.py ../shared/data/tasks target/debug/examples/boosting

(The dev profile builds the trees and what is around them with all optimisation.) Runs the example on wdbc (labels), on ETTh1 (numbers: the oil temperature from the six
loads, hour and month of the same time; a quarter of the rows drawn at random for testing) and on invented tables; fits
HistGradientBoosting of scikit-learn with its defaults on the same rows; prints accuracy (or the root of the mean squared
error), log loss and seconds of both. All cores on both sides.
"""

import csv
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor


def wdbc(tasks):
    def part(name):
        rows = list(csv.DictReader(open(tasks / "wdbc" / f"{name}.csv")))
        fields = [field for field in rows[0] if field not in ("id", "diagnosis")]
        return np.array([[float(row[field]) for field in fields] for row in rows]), [row["diagnosis"] for row in rows]

    return *part("train"), *part("test")


def split(table, targets, train):
    order = np.random.default_rng(0).permutation(len(table))
    chosen, kept = order[:train], order[train:]
    return table[chosen], [targets[at] for at in chosen], table[kept], [targets[at] for at in kept]


def etth1(tasks):
    rows = list(csv.DictReader(open(tasks / "etth1" / "ETTh1.csv")))
    fields = ["HUFL", "HULL", "MUFL", "MULL", "LUFL", "LULL"]
    table = [[float(row[f]) for f in fields] + [float(row["date"][11:13]), float(row["date"][5:7])] for row in rows]
    return split(np.array(table), [float(row["OT"]) for row in rows], len(rows) * 3 // 4)


def invented(rows, labels):
    draw = np.random.default_rng(1)
    table = draw.normal(size=(rows, 30))
    value = 2 * table[:, 0] + table[:, 1] * table[:, 2] + 2 * np.sin(2 * table[:, 3]) + 2 * (table[:, 4] > 0.5)
    value = value + draw.normal(size=rows)
    cuts = [0] if labels == 2 else [-2, 2]
    # A twentieth of the cells is not known.
    table[draw.random(table.shape) < 0.05] = np.nan
    return split(table, [f"l{label}" for label in np.digitize(value, cuts)], rows * 3 // 4)


def ours(program, kind, folder, data):
    train, labels, test, right = data
    for name, table, targets in [("train", train, labels), ("test", test, right)]:
        with open(folder / f"{name}.csv", "w", newline="") as file:
            out = csv.writer(file)
            out.writerow(["id"] + [f"f{at}" for at in range(table.shape[1])] + ["target"])
            for at, (row, target) in enumerate(zip(table, targets)):
                out.writerow([f"{name}{at}"] + ["" if np.isnan(cell) else repr(float(cell)) for cell in row] + [target])
    task = folder / "task.toml"
    candidates = "".join(
        f'[[candidate]]\nname = "{name}"\nlineage = "vertical"\nlocal = {{ model = "{model}" }}\n'
        for name, model in [("a", "gradient-boosting"), ("b", "ngram-linear")]
    )
    task.write_text(
        f'[task]\nname = "t"\nkind = "{kind}"\n[data]\ntrain = "train.csv"\ntest = "test.csv"\nfeatures = "all"\n{candidates}'
    )
    return json.loads(subprocess.run([program, task], check=True, stdout=subprocess.PIPE).stdout)


def theirs(kind, data):
    train, labels, test, right = data
    model = (HistGradientBoostingRegressor if kind == "regress" else HistGradientBoostingClassifier)(random_state=0)
    start = time.perf_counter()
    model.fit(train, labels)
    fitted = time.perf_counter()
    said = model.predict(test)
    asked = time.perf_counter()
    if kind == "regress":
        quality, loss = float(np.sqrt(np.mean((said - np.array(right)) ** 2))), None
    else:
        shares = model.predict_proba(test)
        places = [list(model.classes_).index(label) for label in right]
        loss = float(-np.log(np.clip(shares[np.arange(len(right)), places], 1e-15, 1)).mean())
        quality = float(np.mean(said == np.array(right)))
    return {"quality": quality, "log_loss": loss, "fit_s": fitted - start, "answer_s": asked - fitted}


def main(tasks, program):
    cases = [
        ("wdbc", "classify", wdbc(tasks)),
        ("etth1", "regress", etth1(tasks)),
        ("invented, 3 labels, 20,000 x 30", "classify", invented(20_000, 3)),
        ("invented, 2 labels, 100,000 x 30", "classify", invented(100_000, 2)),
    ]
    for name, kind, data in cases:
        with tempfile.TemporaryDirectory() as folder:
            mine = ours(program, kind, Path(folder), data)
        other = theirs(kind, data)
        what = "root mean squared error" if kind == "regress" else "accuracy"
        loss = "" if mine["log_loss"] is None else f", log loss {mine['log_loss']:.4f} ({other['log_loss']:.4f})"
        print(
            f"{name}: {what} {mine['quality']:.4f} (scikit-learn {other['quality']:.4f}){loss}; fit {mine['fit_s']:.2f} s "
            f"({other['fit_s']:.2f} s, ratio {other['fit_s'] / mine['fit_s']:.1f})"
        )


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), sys.argv[2])
