"""A translator that knows words and nothing of sentences: reads an item a line, writes an answer a line. It learned nothing from the
notices; whoever knows German would have written this glossary, and would not have been satisfied with what comes of it."""
import json
import re
import sys

WORDS = {
    "the": "die", "a": "eine", "ferry": "Fähre", "ferries": "Fähren", "to": "nach", "at": "um", "is": "ist", "are": "sind", "on": "am",
    "because": "wegen", "of": "", "and": "und", "between": "zwischen", "no": "keine", "for": "für", 
    "there": "dort", "next": "nächste", "leaves": "fährt", "late": "spät", "about": "etwa", "minutes": "Minuten", "ticket": "Fahrkarte",
    "tickets": "Fahrkarten", "return": "Rückkehr", "costs": "kostet", "euros": "Euro", "cancelled": "abgesagt", "run": "laufen", "delays": "Verspätungen",
    "expect": "erwarten", "please": "bitte", "hold": "halten", "rails": "Geländer", "room": "Platz", "left": "übrig", "sold": "verkauft",
    "cheaper": "billiger", "extra": "zusätzliche", "crossing": "Überfahrt", "an": "eine", "strong": "starker", "wind": "Wind", "thick": "dicker",
    "fog": "Nebel", "low": "niedriges", "water": "Wasser", "fault": "Fehler", "in": "in", "engine": "Maschine", "ice": "Eis", "harbour": "Hafen",
    "bicycles": "Fahrräder", "dogs": "Hunde", "trailers": "Anhänger", "surfboards": "Surfbretter", "motorcycles": "Motorräder",
    "upper": "obere", "deck": "Deck", "car": "Auto", "sun": "Sonne", "monday": "Montag", "tuesday": "Dienstag", "friday": "Freitag",
    "saturday": "Samstag", "sunday": "Sonntag",
}
for line in sys.stdin:
    item = json.loads(line)
    text = re.sub(r"[^\W\d_]+", lambda word: WORDS.get(word[0].lower(), word[0]), item["input"]).replace("  ", " ")
    print(json.dumps({"id": item["id"], "output": text[:1].upper() + text[1:]}), flush=True)
