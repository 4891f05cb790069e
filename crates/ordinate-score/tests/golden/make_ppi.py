"""Writes ppi.json: PPI++ by its authors' package, Cohen's kappa by scikit-learn.

    pip install ppi-python==0.2.3 scikit-learn==1.9.1 numpy==2.4.6 scipy==1.17.1
    python crates/ordinate-score/tests/golden/make_ppi.py
"""

import json
import pathlib

import numpy as np
from ppi_py import ppi_mean_ci, ppi_mean_pointestimate
from scipy.stats import norm
from sklearn.metrics import cohen_kappa_score

rng = np.random.default_rng(23)


def grades(labels, how):
    """What a judge says of answers with these labels."""
    if how == "good":
        return np.where(rng.random(labels.size) < 0.1, 1 - labels, labels)
    if how == "biased":
        return np.where((labels == 0) & (rng.random(labels.size) < 0.5), 1.0, labels)
    if how == "against":
        return 1 - np.where(rng.random(labels.size) < 0.3, 1 - labels, labels)
    if how == "graded":
        return np.clip(np.round(4 * labels + rng.normal(size=labels.size)), 0, 4) / 4
    return rng.integers(0, 2, labels.size).astype(float)


cases = []
for how in ["good", "biased", "bad", "against", "graded"]:
    for n, others in [(100, 5000), (40, 60), (30, 12)]:
        labels = (rng.random(n + others) < 0.7).astype(float)
        if how == "graded":
            labels = rng.integers(0, 5, n + others) / 4
        f = grades(labels, how)
        y, fl, fu = labels[:n], f[:n], f[n:]
        point = float(np.ravel(ppi_mean_pointestimate(y, fl, fu))[0])
        low, high = (float(np.ravel(end)[0]) for end in ppi_mean_ci(y, fl, fu, alpha=0.05))
        cases.append(
            {
                "how": how,
                "labels": y.tolist(),
                "of_labelled": fl.tolist(),
                # Of many grades how often each stands there.
                "of_others": [[float(value), int(count)] for value, count in zip(*np.unique(fu, return_counts=True))],
                "mean": point,
                "se": (high - low) / 2 / norm.ppf(0.975),
            }
        )

agreements = []
for n in [30, 200]:
    a = rng.integers(1, 6, n)
    b = np.clip(a + rng.integers(-1, 2, n), 1, 5)
    agreements.append(
        {
            "a": a.tolist(),
            "b": b.tolist(),
            "share": float(np.mean(a == b)),
            "kappa": cohen_kappa_score(a, b, weights="quadratic"),
            "correlation": float(np.corrcoef(a, b)[0, 1]),
        }
    )

path = pathlib.Path(__file__).with_name("ppi.json")
path.write_text(json.dumps({"means": cases, "agreements": agreements}) + "\n")
