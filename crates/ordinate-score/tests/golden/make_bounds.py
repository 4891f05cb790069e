"""Writes bounds.json: Tango's interval by numerical optimisation, CR2 and its degrees of freedom by dense matrices.

    pip install numpy==2.4.6 scipy==1.17.1
    python crates/ordinate-score/tests/golden/make_bounds.py
"""

import json
import pathlib

import numpy as np
from scipy import optimize

rng = np.random.default_rng(20)


def tango_end(b, c, n, z, upper):
    """The difference at which the score test is just not rejected, its nuisance share by maximising the likelihood."""

    def statistic(d):
        lowest, highest = max(0.0, -d), (1 - d) / 2
        if highest - lowest < 1e-13:
            q = lowest
        else:

            def minus_log_likelihood(q):
                parts = [(b, q + d), (c, q), (n - b - c, 1 - 2 * q - d)]
                return -sum(k * np.log(max(p, 1e-300)) for k, p in parts if k)

            found = optimize.minimize_scalar(
                minus_log_likelihood, bounds=(lowest, highest), method="bounded", options={"xatol": 1e-14}
            )
            q = min([found.x, lowest, highest], key=minus_log_likelihood)
        return (b - c - n * d) / np.sqrt(n * (2 * q + d * (1 - d)))

    seen = (b - c) / n
    if upper:
        return optimize.brentq(lambda d: statistic(d) + z, seen, 1 - 1e-9, xtol=1e-13)
    return optimize.brentq(lambda d: statistic(d) - z, -1 + 1e-9, seen, xtol=1e-13)


def cr2(values, groups):
    """Bell and McCaffrey's error of the intercept, and Imbens and Kolesar's degrees of freedom."""
    n = len(values)
    x = np.ones((n, 1))
    bread = np.linalg.inv(x.T @ x)
    hat = x @ bread @ x.T
    residuals = values - hat @ values
    names = np.unique(groups)
    columns, meat = [], 0.0
    for name in names:
        inside = groups == name
        block = np.eye(inside.sum()) - hat[np.ix_(inside, inside)]
        weights, vectors = np.linalg.eigh(block)
        adjust = vectors @ np.diag(1 / np.sqrt(weights)) @ vectors.T
        score = x[inside].T @ adjust @ residuals[inside]
        meat += score @ score
        columns.append((np.eye(n) - hat)[:, inside] @ adjust @ x[inside] @ bread)
    se = float(np.sqrt(bread[0, 0] * meat * bread[0, 0]))
    same = groups[:, None] == groups[None, :]
    products = np.outer(residuals, residuals)
    off = same & ~np.eye(n, dtype=bool)
    common = max(products[off].mean(), 0.0)
    own = max((residuals**2).mean() - common, 0.0)
    omega = own * np.eye(n) + common * same
    g = np.hstack(columns)
    middle = g.T @ omega @ g
    return se, float(np.trace(middle) ** 2 / (middle**2).sum())


z = 1.959963984540054
tango = []
for b, c, n in [(0, 1, 44), (1, 0, 20), (7, 2, 30), (12, 5, 100), (40, 61, 1000), (3, 3, 9), (200, 180, 20000), (0, 9, 10)]:
    tango.append({"b": b, "c": c, "n": n, "low": tango_end(b, c, n, z, False), "high": tango_end(b, c, n, z, True)})

clusters = []
for sizes, shared in [([5] * 8, 0.0), ([1, 2, 3, 4, 9, 20], 0.5), ([3, 3, 40, 2, 7, 5, 1, 1, 8, 12], 1.0), ([2, 2], 0.3)]:
    groups = np.repeat(np.arange(len(sizes)), sizes)
    values = rng.normal(size=len(groups)) + shared * rng.normal(size=len(sizes))[groups]
    se, freedom = cr2(values, groups)
    clusters.append({"values": values.tolist(), "groups": groups.tolist(), "se": se, "freedom": freedom})

path = pathlib.Path(__file__).with_name("bounds.json")
path.write_text(json.dumps({"tango": tango, "clusters": clusters}, indent=1) + "\n")
