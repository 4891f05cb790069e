#!/usr/bin/env python3
"""Writes the golden values that tests/golden.rs holds this crate to.

    pip install numpy==2.4.6 scikit-learn==1.9.1
    python crates/ordinate-learn/tests/golden/make.py

Data come from SplitMix64 here and there, so that only results are stored.
"""

import json
import pathlib

import numpy as np
import sklearn
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LogisticRegression

MASK = (1 << 64) - 1


class SplitMix:
    def __init__(self, seed):
        self.state = seed

    def unit(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        return ((z ^ (z >> 31)) >> 11) / (1 << 53)


def uniform(seed, rows, columns):
    random = SplitMix(seed)
    return np.array([[random.unit() for _ in range(columns)] for _ in range(rows)])


def kernels():
    x, y, new = uniform(1, 40, 3), uniform(2, 40, 2) - 0.5, uniform(3, 5, 3)
    kernel, lam = RBF(0.4), 0.3
    k = kernel(x)
    ridge = KernelRidge(alpha=lam, kernel="precomputed").fit(k, y)
    process = GaussianProcessRegressor(kernel, alpha=lam, optimizer=None).fit(x, y)
    left_out = np.empty_like(y)
    for i in range(len(x)):
        rest = np.arange(len(x)) != i
        without = KernelRidge(alpha=lam, kernel="precomputed").fit(k[np.ix_(rest, rest)], y[rest])
        left_out[i] = without.predict(k[i, rest][None])[0]
    # Nystroem with the first 12 rows as landmarks.
    k_nl, k_ll = k[:, :12], k[:12, :12]
    jitter = 1e-10 * np.trace(k_ll) / 12 * np.eye(12)
    weights = np.linalg.solve(k_nl.T @ k_nl + lam * (k_ll + jitter), k_nl.T @ y)
    return {
        "dual": ridge.dual_coef_.tolist(),
        "predicted": process.predict(new).tolist(),
        "left_out": left_out.tolist(),
        "nystrom": (kernel(new, x[:12]) @ weights).tolist(),
    }


def friedman(seed, rows):
    """Friedman 1 (ten features, five of them noise) and a second, linear output."""
    x = uniform(seed, rows, 10).astype(np.float32).astype(float)
    noise = uniform(seed + 100, rows, 12).sum(1) - 6
    y = 10 * np.sin(np.pi * x[:, 0] * x[:, 1]) + 20 * (x[:, 2] - 0.5) ** 2 + 10 * x[:, 3] + 5 * x[:, 4] + noise
    return x, np.c_[y, 3 * x[:, 5] - 2 * x[:, 0]]


def forests():
    (x, y), (new, target) = friedman(10, 300), friedman(11, 500)
    settings = [(100, 5, 0.5), (60, 10, 0.1), (100, 1, 1.0)]
    results = []
    for trees, leaf, share in settings:
        errors = []
        for seed in range(20):
            forest = ExtraTreesRegressor(trees, min_samples_leaf=leaf, max_features=share, random_state=seed)
            errors.append(((forest.fit(x, y).predict(new) - target) ** 2).mean(0))
        mean, sd = np.mean(errors, 0), np.std(errors, 0, ddof=1)
        results.append({"trees": trees, "min_leaf": leaf, "features": share, "mse": mean.tolist(), "sd": sd.tolist()})
    return results


def greedy(predictions, loss, rounds):
    """AutoGluon's EnsembleSelection, restated; ties that are left go to the first."""
    total, order, trajectory, rounded = 0, [], [], False
    for i in range(rounds):
        losses = np.array([loss((total + p) / (i + 1)) for p in predictions])
        losses = losses.round(6) if rounded else losses
        ties = np.flatnonzero(np.isclose(losses, losses.min(), atol=0, rtol=1e-12))
        best = next((t for t in ties if t in order), ties[0])
        rounded = rounded or (i == 0 and abs(losses[best]) > 1e-4)
        total = total + predictions[best]
        order.append(best)
        trajectory.append(losses[best].round(6) if rounded else losses[best])
    kept = order[: trajectory.index(min(trajectory)) + 1]
    return [kept.count(m) / len(kept) for m in range(len(predictions))]


def ensembles():
    """Six candidates that know the answers of 60 items more or less well; candidate 5 equals candidate 2."""
    blur = [0.8, 0.84, 0.82, 0.95, 0.88, 0.82]
    truth = (uniform(30, 60, 1)[:, 0] * 3).astype(int)
    onehot = np.eye(3)[truth]
    raw = [uniform(31 + (2 if m == 5 else m), 60, 3) for m in range(6)]
    probabilities = [(1 - b) * onehot + b * r for b, r in zip(blur, raw)]
    probabilities = [p / p.sum(1, keepdims=True) for p in probabilities]
    target = uniform(50, 60, 1)
    numbers = [target + 2 * b * (r[:, :1] - 0.4) for b, r in zip(blur, raw)]
    votes = [np.eye(3)[p.argmax(1)] for p in probabilities]
    return {
        "log_loss": greedy(probabilities, lambda p: -np.log(p[np.arange(60), truth]).mean(), 25),
        "squared": greedy(numbers, lambda p: ((p - target) ** 2).mean(), 25),
        "votes": greedy(votes, lambda p: (p.argmax(1) != truth).mean(), 25),
    }


def logistic():
    x, noise, new = uniform(60, 120, 4), uniform(61, 120, 1)[:, 0], uniform(62, 4, 4)
    y = ((x[:, 0] + x[:, 1] + noise) * 0.99).astype(int)
    settings = {"tol": 1e-12, "max_iter": 100_000}
    return {
        str(lam): LogisticRegression(C=1 / lam, **settings).fit(x, y).predict_proba(new).tolist() for lam in (0.01, 1.0)
    }


def tags():
    """A classifier per class: whether the sum of the noise and the feature of that number is above 1."""
    x, noise, new = uniform(60, 120, 4), uniform(61, 120, 1)[:, 0], uniform(62, 4, 4)
    settings = {"tol": 1e-12, "max_iter": 100_000}
    columns = [
        LogisticRegression(C=5.0, **settings).fit(x, x[:, j] + noise > 1).predict_proba(new)[:, 1] for j in range(3)
    ]
    return np.stack(columns, axis=1).tolist()


golden = {"sklearn": sklearn.__version__, "kernels": kernels(), "forests": forests(), "ensembles": ensembles(), "logistic": logistic(), "tags": tags()}
pathlib.Path(__file__).with_name("learn.json").write_text(json.dumps(golden, indent=1) + "\n")
