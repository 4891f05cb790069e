"""Writes visits.csv: 300 invented visits to an outpatient department, with gaps, categories and Chinese names.

    python3 make_visits.py > visits.csv

分诊 (who is seen first) and 剂量 (a dose) follow from the other fields by rules, with some noise: what a model for tables
should find, and what words alone hardly tell.
"""

import csv
import random
import sys

CLINICS = {"内科": 1.0, "外科": 2.5, "儿科": 0.5, "急诊": 4.0}


def main():
    draw = random.Random(7)
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(["编号", "年龄", "体温", "科室", "首诊", "院区", "体重", "剂量", "分诊"])
    for number in range(300):
        age = draw.randint(1, 90)
        heat = round(draw.gauss(37.2, 0.9), 1)
        clinic = draw.choice(list(CLINICS))
        first = draw.choice(["是", "否"])
        weight = round(min(95, 8 + 2.6 * age) + draw.gauss(0, 4), 1)
        dose = round(CLINICS[clinic] * 10 + 0.3 * weight + 4 * (heat > 38) + draw.gauss(0, 1), 1)
        need = CLINICS[clinic] / 2 + 1.5 * (heat > 38) + (age > 70) + draw.gauss(0, 0.25)
        rank = "急" if need > 2.2 else "缓" if need > 1.1 else "平"
        shown = [age, heat, clinic, first, "东区", weight]
        for place in (0, 1, 2, 5):
            if draw.random() < 0.06:
                shown[place] = draw.choice(["", "NaN"]) if place != 2 else ""
        out.writerow([f"v{number}", *shown, dose, rank])


if __name__ == "__main__":
    main()
