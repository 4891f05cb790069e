#!/usr/bin/env python3
"""Writes scores.csv: invented marks of three invented assistants. The same every time.

    python3 examples/answers/make_data.py
"""

import csv
import random
from pathlib import Path

TOPICS = ["timetable", "fares", "complaints", "luggage"]
# The share of each topic's questions that an assistant gets right.
MODELS = {
    "large-general": [0.74, 0.76, 0.88, 0.86],
    "small-general": [0.60, 0.62, 0.70, 0.66],
    "rail-7b": [0.94, 0.93, 0.58, 0.62],
}


def main():
    draw = random.Random(20261129)
    with (Path(__file__).parent / "scores.csv").open("w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["Model", "Question ID", "Topic", "Correct?"])
        for number in range(400):
            topic = number % len(TOPICS)
            # What is hard for one is somewhat hard for all.
            hard = draw.gauss(0, 0.12)
            for model, right in MODELS.items():
                correct = "yes" if draw.random() < right[topic] - hard else "no"
                table.writerow([model, f"q{number + 1:03}", TOPICS[topic], correct])


if __name__ == "__main__":
    main()
