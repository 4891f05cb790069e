"""Ordinate's trees and ridge beside scikit-learn's, on the same features, targets and folds.

    pip install numpy scikit-learn
    python scripts/side_by_side/sklearn_models.py ../shared/data/evidence/lawbench

Builds and runs the example `side_by_side` of ordinate-combine, which writes its features and folds; fits the same
models here; prints qualities and times. Quality is the mean score of the candidates that are chosen; it should be the
same to 0.003 (trees are random on both sides). Times are wall clock for fitting and predicting, all cores on both.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.linear_model import Ridge


def crossed(scores, folds, slices, fit):
    total = 0.0
    for fold in np.unique(folds):
        for part in np.unique(slices):
            train = np.flatnonzero((slices == part) & (folds != fold))
            test = np.flatnonzero((slices == part) & (folds == fold))
            means = scores[train].mean(0)
            value = means + fit(train, test, scores[train] - means)
            total += scores[test, value.argmax(1)].sum()
    return total / len(scores)


def main(folder):
    command = "cargo run --release --quiet -p ordinate-combine --example side_by_side --".split()
    with tempfile.TemporaryDirectory() as out:
        ours = json.loads(subprocess.run([*command, folder, out], check=True, stdout=subprocess.PIPE).stdout)

        def load(name, kind, width):
            table = np.fromfile(Path(out) / name, kind)
            return table.reshape(-1, width) if width else table

        items = load("items.f32", "<f4", ours["features"])
        terms = load("terms.f32", "<f4", ours["terms"])
        scores = load("scores.f64", "<f8", ours["candidates"])
        folds, slices = load("folds.u32", "<u4", 0), load("slices.u32", "<u4", 0)

    def trees(train, test, y):
        settings = ours["trees"]
        model = ExtraTreesRegressor(
            settings["count"], min_samples_leaf=settings["min_leaf"], max_features=settings["share"],
            random_state=0, n_jobs=-1,
        )
        return model.fit(items[train], y).predict(items[test])

    def ridge(train, test, y):
        model = Ridge(alpha=ours["ridge"]["lambda"], fit_intercept=False)
        return model.fit(terms[train], y).predict(terms[test])

    print(f"{ours['items']} items, {ours['candidates']} candidates")
    for name, fit in {"trees": trees, "ridge": ridge}.items():
        start = time.perf_counter()
        quality = crossed(scores, folds, slices, fit)
        seconds = time.perf_counter() - start
        mine = ours[name]
        print(
            f"{name}: quality {mine['quality']:.4f} (scikit-learn {quality:.4f}, difference "
            f"{mine['quality'] - quality:+.4f}); {mine['seconds']:.2f} s (scikit-learn {seconds:.2f} s, "
            f"{seconds / mine['seconds']:.1f} times as long)"
        )


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
