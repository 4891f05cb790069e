#!/usr/bin/env python3
"""Writes sales.jsonl and buyers.jsonl: the invented sales of a shop, and what its buyers foretold. The same every time.

    python3 examples/forecast/make_data.py
"""

import json
import math
import random
from pathlib import Path

MONTHS, AHEAD = 60, 12
SHELVES = {
    # How strong the season is, its best month, the growth of a year, the noise of a month.
    "garden": (0.6, 5, 0.03, 0.10),
    "school": (0.8, 8, 0.00, 0.08),
    "toys": (0.7, 12, 0.05, 0.12),
    "pantry": (0.1, 11, 0.02, 0.07),
}


def season(strength, best, month):
    return 1 + strength * math.cos(2 * math.pi * (month - best) / 12)


def main():
    draw = random.Random(20261129)
    sales, buyers = [], []
    for number in range(240):
        shelf = list(SHELVES)[number % len(SHELVES)]
        strength, best, growth, noise = SHELVES[shelf]
        level, growth = math.exp(draw.gauss(5, 1)), growth + draw.gauss(0, 0.04)
        # In the year to come some products are advertised, and some are left to run out: the buyers know.
        change = draw.choices([1.0, 1.35, 0.7], weights=[6, 2, 2])[0]
        expected = [level * (1 + growth) ** (at / 12) * season(strength, best, at % 12 + 1) for at in range(MONTHS + AHEAD)]
        expected = expected[:MONTHS] + [value * change for value in expected[MONTHS:]]
        sold = [max(0, round(value * math.exp(draw.gauss(0, noise)))) for value in expected]
        product = f"p{number + 1:03}"
        sales.append({"id": product, "shelf": shelf, "sold": sold[:MONTHS], "next": sold[MONTHS:]})
        # They are hopeful, and one says 10 % more than another.
        hope = 1.08 * math.exp(draw.gauss(0, 0.1))
        foretold = [round(value * hope * math.exp(draw.gauss(0, 0.12))) for value in expected[MONTHS:]]
        buyers.append({"id": product, "output": foretold})
    folder = Path(__file__).parent
    for name, rows in [("sales.jsonl", sales), ("buyers.jsonl", buyers)]:
        (folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))


if __name__ == "__main__":
    main()
