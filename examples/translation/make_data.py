#!/usr/bin/env python3
"""Writes train.jsonl and test.jsonl: invented notices of a ferry company in English and German. The same every time.

    python3 examples/translation/make_data.py
"""

import json
import random
from pathlib import Path

PORTS = ["Norderhaven", "Westerholm", "Lindsand", "Halmby", "Grauort", "Seekirchen", "Tangwall", "Moorende"]
DAYS = [("Monday", "Montag"), ("Tuesday", "Dienstag"), ("Friday", "Freitag"), ("Saturday", "Samstag"), ("Sunday", "Sonntag")]
CAUSES = [
    ("strong wind", "starken Windes"),
    ("thick fog", "dichten Nebels"),
    ("low water", "niedrigen Wasserstands"),
    ("a fault in the engine", "eines Maschinenschadens"),
    ("ice in the harbour", "Eises im Hafen"),
]
THINGS = [("bicycles", "Fahrräder"), ("dogs", "Hunde"), ("trailers", "Anhänger"), ("surfboards", "Surfbretter"), ("motorcycles", "Motorräder")]
DECKS = [("the upper deck", "dem Oberdeck"), ("the car deck", "dem Autodeck"), ("the sun deck", "dem Sonnendeck")]

# What a notice is about, and how its sentences go in both languages; usual ones first.
SENTENCES = {
    "traffic": [
        ("The ferry to {port} at {time} is cancelled because of {cause}.", "Die Fähre nach {port} um {time} Uhr fällt wegen {cause_de} aus."),
        ("The ferry to {port} is about {minutes} minutes late.", "Die Fähre nach {port} hat etwa {minutes} Minuten Verspätung."),
        ("The next ferry to {port} leaves at {time}.", "Die nächste Fähre nach {port} fährt um {time} Uhr."),
        ("On {day} there is an extra crossing to {port} at {time}.", "Am {day_de} gibt es eine zusätzliche Überfahrt nach {port} um {time} Uhr."),
    ],
    "weather": [
        ("Because of {cause} no ferries run between {port} and {other}.", "Wegen {cause_de} verkehren zwischen {port} und {other} keine Fähren."),
        ("On {day} expect delays because of {cause}.", "Rechnen Sie am {day_de} wegen {cause_de} mit Verspätungen."),
        ("Please hold on to the rails on {deck}.", "Bitte halten Sie sich auf {deck_de} am Geländer fest."),
    ],
    "tickets": [
        ("A ticket to {port} costs {price} euros.", "Eine Fahrkarte nach {port} kostet {price} Euro."),
        ("There is no room left for {thing} on the ferry at {time}.", "Auf der Fähre um {time} Uhr ist kein Platz mehr für {thing_de}."),
        ("Tickets for {thing} are sold on {deck}.", "Fahrkarten für {thing_de} gibt es auf {deck_de}."),
        ("Return tickets to {port} are cheaper on {day}.", "Rückfahrkarten nach {port} sind am {day_de} billiger."),
    ],
}


def main():
    draw = random.Random(20261129)
    rows, seen = [], set()
    notice = 0
    while len(rows) < 560:
        notice += 1
        topic = draw.choice(list(SENTENCES))
        for _ in range(draw.randrange(2, 5)):
            english, german = draw.choice(SENTENCES[topic])
            port, other = draw.sample(PORTS, 2)
            (day, day_de), (cause, cause_de) = draw.choice(DAYS), draw.choice(CAUSES)
            (thing, thing_de), (deck, deck_de) = draw.choice(THINGS), draw.choice(DECKS)
            words = {
                "port": port, "other": other, "day": day, "day_de": day_de, "cause": cause, "cause_de": cause_de, "thing": thing,
                "thing_de": thing_de, "deck": deck, "deck_de": deck_de, "time": f"{draw.randrange(6, 22)}:{draw.choice(['00', '15', '30', '45'])}",
                "minutes": draw.choice([10, 15, 20, 30, 45]), "price": draw.randrange(4, 39),
            }
            text = english.format(**words)
            if text in seen:
                continue
            seen.add(text)
            rows.append({"id": f"s{len(rows) + 1}", "english": text, "german": german.format(**words), "topic": topic, "notice": f"n{notice}"})
    # Whole notices: a sentence is never beside another of its notice on the other side.
    first_of_test = rows[400]["notice"]
    split = next(at for at, row in enumerate(rows) if row["notice"] == first_of_test)
    folder = Path(__file__).parent
    for name, part in [("train.jsonl", rows[:split]), ("test.jsonl", rows[split:])]:
        (folder / name).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in part), encoding="utf-8")


if __name__ == "__main__":
    main()
