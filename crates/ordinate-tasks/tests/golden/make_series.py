#!/usr/bin/env python3
"""Writes series.json, the golden values that tests/series.rs holds the metrics of forecasts to.

    pip install numpy utilsforecast
    python crates/ordinate-tasks/tests/golden/make_series.py

sMAPE is the formula of the M4 competition (github.com/Mcompetitions/M4-methods, `smape_cal`): mean of 200 |y - f| / (|y| + |f|);
MASE its `mase_cal`: the mean absolute error over the mean absolute seasonal difference of the insample. Both are computed by numpy, and
held against utilsforecast, Nixtla's losses, which statsforecast's figures are made with; RMSSE likewise (M5's formula with a season).
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from utilsforecast.losses import mase, rmsse, smape


def case(past, season, target, forecast):
    past, target, forecast = (np.array(values, dtype=float) for values in (past, target, forecast))
    parts = np.abs(target) + np.abs(forecast)
    errors = np.divide(200 * np.abs(target - forecast), parts, out=np.zeros_like(parts), where=parts > 0)
    changes = past[season:] - past[:-season]
    found = {
        "smape": float(np.mean(errors)),
        "mase": float(np.mean(np.abs(target - forecast)) / np.mean(np.abs(changes))),
        "rmsse": float(np.sqrt(np.mean((target - forecast) ** 2) / np.mean(changes**2))),
    }
    if np.all(parts > 0):
        table = pd.DataFrame({"unique_id": 1, "ds": range(len(target)), "y": target, "f": forecast})
        train = pd.DataFrame({"unique_id": 1, "ds": range(len(past)), "y": past})
        other = {
            # utilsforecast divides by 2 less: its sMAPE is a share from 0 to 1.
            "smape": 200 * smape(table, ["f"])["f"][0],
            "mase": mase(table, ["f"], season, train)["f"][0],
            "rmsse": rmsse(table, ["f"], season, train)["f"][0],
        }
        for name, value in other.items():
            assert abs(value - found[name]) < 1e-9 * max(1, abs(value)), (name, value, found[name])
    rows = {"past": past, "target": target, "forecast": forecast}
    return {**{name: values.tolist() for name, values in rows.items()}, "season": season, "errors": found}


def main():
    random = np.random.default_rng(7)
    cases = [
        case([1, 3, 2, 7], 1, [4, 5], [4, 4]),
        case([1, 3, 2, 7, 5, 9], 2, [0, -2, 3], [0, 2, -3]),
        case([10, 12, 11, 13], 1, [12], [12]),
        case([1e9, 2e9, 1.5e9], 1, [2e9, 1e9], [1e9, 3e9]),
        case([1e-9, 2e-9, 1e-9], 1, [1e-9], [5e-9]),
    ]
    for number in range(40):
        season = [1, 4, 7, 12][number % 4]
        level = 10.0 ** random.integers(-2, 5)
        past = level * (1 + 0.3 * random.standard_normal(season * 3 + int(random.integers(1, 20))))
        horizon = int(random.integers(1, 19))
        target = level * (1 + 0.3 * random.standard_normal(horizon))
        cases.append(case(past, season, target, target + 0.2 * level * random.standard_normal(horizon)))
    Path(__file__).with_name("series.json").write_text(json.dumps(cases, indent=1) + "\n")


if __name__ == "__main__":
    main()
