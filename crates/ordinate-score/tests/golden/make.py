#!/usr/bin/env python3
"""Writes the golden values that tests/golden.rs holds this crate to.

    pip install numpy==2.4.6 scipy==1.17.1 statsmodels==0.15.0
    python crates/ordinate-score/tests/golden/make.py
"""

import json
from pathlib import Path

import numpy as np
from scipy import stats
from scipy.stats._resampling import _bca_interval
from statsmodels.regression.linear_model import OLS
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.meta_analysis import combine_effects
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

HERE = Path(__file__).parent
rng = np.random.default_rng(20261123)


def write(name, value):
    def plain(x):
        return x.tolist() if isinstance(x, np.ndarray) else float(x)

    (HERE / f"{name}.json").write_text(json.dumps(value, default=plain, indent=1) + "\n")


def tests():
    discordant = [(0, 0), (0, 1), (0, 6), (3, 9), (9, 3), (5, 6), (100, 140), (10, 1000), (5000, 5300), (50_000, 51_000)]
    mc = [{"b": b, "c": c, "p": mcnemar([[7, b], [c, 5]], exact=True).pvalue if b + c else 1.0} for b, c in discordant]
    families = [
        [0.01, 0.04, 0.03, 0.005],
        [0.5],
        [0.05, 0.05, 0.05],
        [0.9, 0.8, 1.0, 0.0],
        list(rng.uniform(size=40) ** 3),
    ]
    corrected = [
        {"p": p, "holm": multipletests(p, method="holm")[1], "bh": multipletests(p, method="fdr_bh")[1]} for p in families
    ]
    write("tests", {"mcnemar": mc, "corrected": corrected})


def distributions():
    p = [1e-300, 1e-20, 1e-6, 0.001, 0.025, 0.3, 0.5, 0.8, 0.975, 0.9999, 1 - 1e-9]
    z = [-30.0, -10.0, -5.0, -1.96, -0.3, 0.0, 1.0, 3.0, 9.0]
    freedom = [1, 2, 3, 5, 9, 30, 90, 199, 200, 201, 500, 5_000, 1_000_000]
    write(
        "distributions",
        {
            "normal_quantile": [[x, stats.norm.ppf(x)] for x in p],
            "normal_cdf": [[x, stats.norm.cdf(x)] for x in z],
            "t_quantile": [[q, f, stats.t.ppf(q, f)] for f in freedom for q in [0.025, 0.6, 0.975, 0.995]],
            "t_two_sided": [[t, f, 2 * stats.t.sf(t, f)] for f in freedom for t in [0.0, 0.1, 1.0, 2.5, 6.0]],
            "wilson": [
                [k, n, *proportion_confint(k, n, method="wilson")]
                for k, n in [(0, 1), (1, 1), (0, 10), (3, 10), (10, 10), (123, 456), (99_000, 100_000)]
            ],
        },
    )


def quantiles():
    cases = []
    for n in [1, 2, 3, 10, 21, 100, 101]:
        values = rng.lognormal(5, 1, n)
        cases.append({"values": values, "quantiles": [[q, np.quantile(values, q)] for q in [0, 0.05, 0.5, 0.95, 1]]})
    write("quantiles", cases)


def t_interval(values):
    low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    return [max(low, 0), min(high, 1)]


def cluster_se(values, groups):
    """Cluster-robust standard error of a mean."""
    fit = OLS(values, np.ones(len(values))).fit(cov_type="cluster", cov_kwds={"groups": groups})
    return fit.bse[0]


def means():
    graded = [rng.beta(4, 2, n) for n in [2, 5, 40]]
    groups = np.sort(rng.integers(0, 12, 60))
    values = np.round(0.5 * rng.uniform(size=12)[groups] + 0.5 * rng.beta(3, 3, 60), 3)
    binary = (values > 0.45).astype(float)
    k = len(set(groups.tolist()))
    t = stats.t.ppf(0.975, k - 1)
    se = cluster_se(values, groups)
    p, se_p = binary.mean(), cluster_se(binary, groups)
    n_eff = p * (1 - p) / se_p**2
    low, high = proportion_confint(p * n_eff, n_eff, alpha=2 * stats.norm.sf(t), method="wilson")
    write(
        "means",
        {
            "t": [{"values": v, "interval": t_interval(v)} for v in graded],
            "values": values,
            "binary": binary,
            "groups": groups,
            "clustered": [values.mean() - t * se, values.mean() + t * se],
            "clustered_binary": [low, high],
        },
    )


def meta():
    cases = []
    for k, scatter in [(2, 0.3), (5, 0.0), (17, 0.1), (40, 0.02)]:
        variances = rng.uniform(0.0005, 0.01, k)
        observed = rng.normal(0.6, scatter, k) + rng.normal(0, np.sqrt(variances))
        fit = combine_effects(observed, variances, method_re="dl")
        cases.append(
            {
                "means": observed,
                "variances": variances,
                "tau2": max(fit.tau2, 0.0),
                # statsmodels keeps a negative tau2 in its weights; the common mean is ours only where it is not.
                "mean": fit.mean_effect_re if fit.tau2 > 0 else fit.mean_effect_fe,
            }
        )
    write("meta", cases)


def bca():
    """scipy's BCa levels from a fixed bootstrap distribution and a fixed sample; and whole intervals."""
    levels = []
    for n, shape in [(8, 0.7), (30, 2.0), (200, 1.0)]:
        data = rng.gamma(shape, 1.0, n)
        index = rng.integers(0, n, (501, n))
        replicates = data[index].mean(axis=1)

        def mean(sample, axis=-1):
            return np.mean(sample, axis=axis)

        low, high, acceleration = _bca_interval((data,), mean, axis=-1, alpha=0.025, theta_hat_b=replicates, batch=None, xp=np)[:3]
        jackknife = np.array([np.delete(data, i).mean() for i in range(n)])
        levels.append(
            {
                "replicates": replicates,
                "estimate": data.mean(),
                "leave_one_out": jackknife,
                "acceleration": np.ravel(acceleration)[0],
                "levels": [float(low), float(high)],
            }
        )
    whole = []
    for n, kind in [(15, "gamma"), (60, "difference"), (400, "binary")]:
        if kind == "gamma":
            data = rng.gamma(1.0, 0.2, n)
        elif kind == "difference":
            data = rng.beta(5, 2, n) - rng.beta(3, 3, n)
        else:
            data = (rng.uniform(size=n) < 0.93).astype(float)
        out = {"values": data}
        for method in ["BCa", "percentile"]:
            fit = stats.bootstrap(
                (data,), np.mean, n_resamples=200_000, method=method, batch=1000, rng=np.random.default_rng(1)
            )
            out[method.lower()] = [fit.confidence_interval.low, fit.confidence_interval.high]
        whole.append(out)
    write("bca", {"levels": levels, "whole": whole})


def grouped_bootstrap():
    """A ratio under resampling of whole groups, BCa with the jackknife over groups."""
    sizes = rng.integers(1, 9, 25)
    groups = np.repeat(np.arange(25), sizes)
    level = rng.normal(0.6, 0.15, 25)
    values = np.clip(level[groups] + rng.normal(0, 0.1, len(groups)), 0, 1)
    sums = np.bincount(groups, values)
    counts = np.bincount(groups).astype(float)

    def ratio(index, axis=-1):
        index = np.asarray(index)
        return sums[index].sum(axis=axis) / counts[index].sum(axis=axis)

    fit = stats.bootstrap(
        (np.arange(25),), ratio, n_resamples=200_000, method="BCa", batch=5000, rng=np.random.default_rng(2)
    )
    write(
        "grouped",
        {
            "values": values,
            "groups": groups,
            "mean": values.mean(),
            "se": cluster_se(values, groups),
            "bca": [fit.confidence_interval.low, fit.confidence_interval.high],
        },
    )


def routing():
    n = 200
    weak = (rng.uniform(size=n) < 0.5).astype(float)
    strong = (rng.uniform(size=n) < 0.8).astype(float)
    advantage = strong - weak + rng.normal(0, 1, n)
    order = np.argsort(-advantage, kind="stable")
    prefix = np.concatenate([[0], np.cumsum((strong - weak)[order])])
    pgr = prefix / (strong.sum() - weak.sum())
    points = [[0.0, 0.1], [1.0, 0.5], [2.0, 0.45], [3.0, 0.62], [6.0, 0.8], [9.0, 0.7]]
    # Hull of these: (0, .1), (1, .5), (6, .8); flat from there.
    grid = np.linspace(0.5, 8.0, 1_500_001)
    hull = np.interp(grid, [0.0, 1.0, 6.0], [0.1, 0.5, 0.8])
    write(
        "routing",
        {
            "weak": weak,
            "strong": strong,
            "advantage": advantage,
            "apgr": np.trapezoid(pgr, dx=1 / n),
            "cpt": [[x, float(np.argmax(pgr >= x - 1e-12)) / n] for x in [0.2, 0.5, 0.8, 1.0]],
            "points": points,
            "aiq": np.trapezoid(hull, grid) / 7.5,
        },
    )


tests()
distributions()
quantiles()
means()
meta()
bca()
grouped_bootstrap()
routing()
