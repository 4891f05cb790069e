#!/usr/bin/env python3
"""Runs the real binary on real series, and holds its methods against statsforecast.

    cargo build --release
    python3 scripts/series/run.py verdicts           # the table in docs/forecast.md, printed; some minutes, most of them ARIMA's
    python3 scripts/series/run.py compare            # needs: pip install statsforecast==2.1.1 pyarrow; with R's forecast too
                                                     # where there is one (apt-get install r-cran-forecast)
    python3 scripts/series/run.py models             # needs R and statsforecast: why their exponential smoothing differs

The data lie beside the checkout (../shared/data/tasks), under licences that keep them out of it: M3 (robjhyndman/Mcomp), exchange rates
(LSTNet), the S&P 500 by month (Shiller).
"""

import argparse
import csv
import json
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT / "../shared/data/tasks"
METHODS = ["naive", "seasonal-naive", "drift", "theta", "dynamic-theta", "auto-theta", "ets", "guarded-ets", "arima", "lags"]
# As GIFT-Eval's card has it: what is fitted to each series is vertical. What takes every series alike is general.
GENERAL = ["naive", "seasonal-naive", "drift"]

M3 = """items = "{data}/{name}/series.csv"
id = "series_id"
input = "train_values"
target = "test_values"
slice = "period"
[series]
season = "period"
horizon = "horizon"
"""
TASKS = {
    "m3_finance": M3,
    "m3_general": M3,
    # A trading month ahead, from the two years before, at 24 origins of each of eight currencies.
    "exchange_rate": """items = "{data}/{name}/series.csv"
[series]
time = "t"
columns = ["australia", "united_kingdom", "canada", "switzerland", "china", "japan", "new_zealand", "singapore"]
season = 1
horizon = 21
origins = 24
history = 500
""",
    # A year ahead, from the twenty years before, at 60 origins of one series.
    "sp500_monthly": """items = "{data}/{name}/series.csv"
input = "SP500"
[series]
time = "Date"
season = 12
horizon = 12
origins = 60
history = 240
""",
}


def task_text(name, data, methods):
    text = f'[task]\nname = "{name}"\nkind = "forecast"\n[data]\n' + data.format(data=DATA.resolve(), name=name)
    for method in methods:
        lineage = "general" if method in GENERAL else "vertical"
        text += f'[[candidate]]\nname = "{method}"\nlineage = "{lineage}"\nlocal = {{ model = "{method}" }}\n'
    return text


def run(binary, folder, name, data, methods):
    task = Path(folder) / f"{name}.toml"
    task.write_text(task_text(name, data, methods))
    started = time.monotonic()
    out = Path(folder) / f"{name}.ordinate"
    done = subprocess.run([binary, "run", task, "--out", out, "--json", "--quiet"], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout), time.monotonic() - started, out


def pooled(verdict):
    """sMAPE over all values, by the name of the candidate or policy: from what the verdict says of the field's figures."""
    text = " ".join(verdict["assumed"])
    found = re.findall(r"(?:: |; )(\S+) sMAPE ([\d.]+) and (\d+\.\d+)(?:, MASE (\d+\.\d+))?", text)
    return {name: (float(over), float(mase) if mase else None) for name, _, over, mase in found}


def row(one, figures):
    def smape(quality):
        return f"{200 * (1 - quality):.2f}"

    quality = one["quality"]
    over, mase = figures.get(one["name"], (None, None))
    low, high = quality.get("high"), quality.get("low")
    interval = f"{smape(low)} to {smape(high)}" if low is not None and high is not None else ""
    return (
        f"| {one['name']} | {smape(quality['mean'])} | {interval} | {'' if over is None else f'{over:.2f}'} | "
        f"{'' if mase is None else f'{mase:.3f}'} |"
    )


def verdicts(binary, names):
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            verdict, seconds, _ = run(binary, folder, name, TASKS[name], METHODS)
        figures = pooled(verdict)
        basis, recommended = verdict["basis"], verdict["recommended"]
        print(f"\n### {name}: {basis['items']} forecasts, {seconds:.0f} s\n")
        print("| who | sMAPE, mean over forecasts | 95 % | over all values | MASE |\n|---|---|---|---|---|")
        for one in verdict["candidates"]:
            print(row(one, figures))
        # Those over one lineage alone are left out.
        for one in [one for one in verdict["policies"] if "@" not in one["name"]]:
            print(row(one, figures))
        said = recommended["name"] if recommended else "nobody"
        print(f"\nVerdict: `{verdict['outcome']}`, {said}. {verdict['why'][0]}")


def fifty():
    """50 series of M3, evenly from both files, of every period."""
    rows = []
    for name in ["m3_finance", "m3_general"]:
        with open(DATA / name / "series.csv", newline="") as file:
            rows += [row for row in csv.DictReader(file) if row["period"] != "other"]
    return rows[:: len(rows) // 50][:50]


SEASON = {"yearly": 1, "quarterly": 4, "monthly": 12}


def reference(series, *arguments):
    """What R's `forecast` says: (corrected AIC, log-likelihood, forecasts) by method and id; nothing where R is not there."""
    if not shutil.which("Rscript"):
        return {}
    line = "{series_id} {length} {horizon} {train_values}\n"
    text = "".join(line.format(length=SEASON[row["period"]], **row) for row in series)
    script = Path(__file__).with_name("reference.R")
    done = subprocess.run(["Rscript", script, *arguments], input=text, capture_output=True, text=True)
    if done.returncode:
        print(f"R says nothing: {done.stderr.strip().splitlines()[-1]}")
        return {}
    found = {}
    for said in done.stdout.splitlines():
        name, method, _, criterion, likelihood, *values = said.split()
        numbers = float(criterion), float(likelihood), [float(value) for value in values]
        found.setdefault(method, {})[name] = numbers
    return found


def models():
    """Every model of exponential smoothing by itself, of each of the fifty series: what R's and statsforecast's searches arrive at."""
    import numpy as np
    from statsforecast.ets import ets_f

    series = fifty()
    rows, best = [], {}
    for model, by_id in reference(series, "models").items():
        for row in series:
            if (name := row["series_id"]) not in by_id:
                continue
            values = np.array([float(value) for value in row["train_values"].split()])
            try:
                found = ets_f(values, m=SEASON[row["period"]], model=model[:3], damped=model.endswith("d"))
            except Exception:
                continue
            theirs = by_id[name]
            rows.append((model[2] != "N", found["loglik"] - theirs[1]))
            for who, criterion in [("statsforecast", found["aicc"]), ("R", theirs[0])]:
                best.setdefault((who, name), []).append((criterion, model))
    seasonal, apart = (np.array(column) for column in zip(*rows))
    for what, of in [("all", apart), ("without a season", apart[~seasonal]), ("with a season", apart[seasonal])]:
        print(
            f"{what}: {len(of)} models, median difference of log-likelihoods {np.median(of):.2f}; by more than 1 in {(np.abs(of) > 1).sum()}, "
            f"{(of > 1).sum()} times statsforecast's is the higher and {(of < -1).sum()} times R's"
        )
    others = sum(min(best["R", row["series_id"]])[1] != min(best["statsforecast", row["series_id"]])[1] for row in series)
    print(f"another model is the best by the corrected AIC in {others} of {len(series)} series")


def compare(binary):
    import numpy as np
    import pandas as pd
    import pyarrow.parquet as parquet
    from statsforecast import StatsForecast
    from statsforecast.models import AutoARIMA, AutoETS, AutoTheta

    series = fifty()
    season = SEASON
    numbers = {row["series_id"]: [float(value) for value in row["test_values"].split()] for row in series}

    def smapes(forecasts):
        def one(name):
            target, forecast = np.array(numbers[name]), np.array(forecasts[name][: len(numbers[name])])
            return np.mean(200 * np.abs(target - forecast) / (np.abs(target) + np.abs(forecast)))

        return np.array([one(name) for name in numbers])

    methods = {"arima": AutoARIMA, "ets": AutoETS, "guarded-ets": AutoETS, "auto-theta": AutoTheta}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fifty.csv"
        with open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, series[0].keys())
            writer.writeheader()
            writer.writerows(series)
        data = M3.replace("{data}/{name}/series.csv", str(path))
        _, _, out = run(binary, folder, "fifty", data, list(methods))
        evidence = parquet.read_table(out / "evidence.parquet").to_pandas()
    by_r = {method: {name: said[2] for name, said in all_said.items()} for method, all_said in reference(series).items()}
    print("| method | sMAPE here | statsforecast | R | seconds here | statsforecast | ratio | median difference of a series |")
    print("|---|---|---|---|---|---|---|---|")
    apart = []
    for name, model in methods.items():
        mine = evidence[evidence.candidate.astype(str) == name]
        forecasts = {row.id: json.loads(row.output) for row in mine.itertuples()}
        theirs, took = {}, 0.0
        # Once before, so that what is compiled at first use is not counted.
        for warm in [True, False]:
            for period, length in season.items():
                some = [row for row in series if row["period"] == period]
                frame = pd.concat(
                    pd.DataFrame({"unique_id": row["series_id"], "ds": range(len(values)), "y": values})
                    for row in some
                    for values in [[float(value) for value in row["train_values"].split()]]
                )
                forecaster = StatsForecast(models=[model(season_length=length)], freq=1, n_jobs=1)
                if warm:
                    frame = frame[frame.unique_id == some[0]["series_id"]]
                started = time.monotonic()
                found = forecaster.forecast(df=frame, h=18)
                if not warm:
                    took += time.monotonic() - started
                    column = [column for column in found.columns if column not in ("unique_id", "ds")][0]
                    for key, group in found.groupby("unique_id"):
                        theirs[key] = group[column].tolist()
        seconds = mine.latency_ms.sum() / 1e3
        here, there = smapes(forecasts), smapes(theirs)
        r = smapes(by_r[method]) if (method := name.removeprefix("guarded-")) in by_r else None
        print(
            f"| `{name}` | {here.mean():.2f} | {there.mean():.2f} | {'' if r is None else f'{r.mean():.2f}'} | {seconds:.2f} | "
            f"{took:.2f} | {seconds / took:.2f} | {np.median(np.abs(here - there)):.2f} |"
        )
        pairs = [("here and statsforecast", here, there)]
        if r is not None:
            pairs += [("here and R", here, r), ("statsforecast and R", there, r)]
        apart += [
            f"{name}, {who}: {(np.abs(a - b) > 0.5).sum()} of {len(a)} series differ by more than 0.5, by {np.abs(a - b).mean():.2f} on average"
            for who, a, b in pairs
        ]
    print("", *apart, sep="\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["verdicts", "compare", "models"])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(TASKS)}; all of them where none is named")
    parser.add_argument("--binary", default=str(ROOT / "target/release/ordinate"))
    args = parser.parse_args()
    if args.what == "compare":
        compare(args.binary)
    elif args.what == "models":
        models()
    else:
        verdicts(args.binary, args.names or list(TASKS))
