#!/usr/bin/env python3
"""Writes quantiles.json, the golden values that tests/series.rs holds the metrics of quantiles to.

    pip install numpy==2.* gluonts==0.17.0 utilsforecast==0.2.15
    python crates/ordinate-tasks/tests/golden/make_quantiles.py

The weighted quantile loss is GluonTS's own, by which GIFT-Eval ranks forecasters (`mean_weighted_sum_quantile_loss`), over all series of
a case and of each series alone; the coverage of the interval from the lowest to the highest level is utilsforecast's `coverage`.
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from gluonts.ev.metrics import MeanWeightedSumQuantileLoss
from utilsforecast.losses import coverage

DECILES = [level / 10 for level in range(1, 10)]


def wql(series, levels):
    evaluator = MeanWeightedSumQuantileLoss(quantile_levels=levels)(axis=None)
    for one in series:
        # A batch of one series: its label and its quantiles, one row each.
        data = {"label": np.array([one["target"]])}
        data.update({str(level): np.array([one["quantiles"][str(level)]]) for level in levels})
        evaluator.update(data)
    return float(evaluator.get())


def covered(one, levels):
    table = pd.DataFrame({"unique_id": 1, "ds": range(len(one["target"])), "y": one["target"]})
    share = round(100 * (levels[-1] - levels[0]))
    table[f"f-lo-{share}"] = one["quantiles"][str(levels[0])]
    table[f"f-hi-{share}"] = one["quantiles"][str(levels[-1])]
    return float(coverage(table, ["f"], level=share)["f"].iloc[0])


def case(random, levels):
    series = []
    for _ in range(int(random.integers(1, 5))):
        horizon, level = int(random.integers(1, 13)), 10.0 ** random.integers(-2, 5)
        target = level * (random.choice([0, 1]) + 0.4 * random.standard_normal(horizon))
        center = target + 0.2 * level * random.standard_normal(horizon)
        spread = 0.3 * level * np.sort(random.standard_normal((len(levels), horizon)), axis=0)
        quantiles = {str(one): (center + row).tolist() for one, row in zip(levels, spread)}
        # Where the quantile is what came, and where quantiles cross, there is a loss too.
        if random.random() < 0.3:
            quantiles[str(levels[0])][0] = float(target[0])
        if random.random() < 0.3:
            quantiles[str(levels[0])], quantiles[str(levels[-1])] = quantiles[str(levels[-1])], quantiles[str(levels[0])]
        series.append({"target": target.tolist(), "values": center.tolist(), "quantiles": quantiles})
    for one in series:
        one["wql"], one["coverage"] = wql([one], levels), covered(one, levels)
    return {"levels": levels, "series": series, "wql": wql(series, levels)}


def main():
    random = np.random.default_rng(16)
    kinds = [DECILES, [0.025, 0.975], [0.1, 0.5, 0.9]]
    cases = [case(random, kinds[number % 3]) for number in range(15)]
    Path(__file__).with_name("quantiles.json").write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    main()
