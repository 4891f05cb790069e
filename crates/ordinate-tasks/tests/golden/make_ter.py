#!/usr/bin/env python3
"""Writes ter.json, the golden values that tests/translation.rs holds TER, its corpora and all signatures to.

    pip install sacrebleu==2.6.0
    python crates/ordinate-tasks/tests/golden/make_ter.py
"""

import json
import random
from pathlib import Path

from sacrebleu.metrics import BLEU, CHRF, TER

# Output, right answers.
PAIRS = [
    ("The cat sat on the mat.", ["The cat sat on the mat."]),
    ("on the mat the cat sat", ["the cat sat on the mat"]),
    ("", ["The cat sat."]),
    ("The cat sat.", [""]),
    ("", [""]),
    ("   ", ["word"]),
    ("a b c d e f", ["f e d c b a"]),
    ("a b c d e f g h i j k l", ["g h i j k l a b c d e f"]),
    ("THE Cat İstanbul ΣΑΣ", ["the cat i̇stanbul σας"]),
    ("one two three four five", ["one two three four", "one two three four five six"]),
    ("w x y z", ["a b", "c d e f g h"]),
    ("far too many words for so short a reference", ["short"]),
    ("short", ["a reference that has many more words than the output has, so that most of them are missing"]),
    ("tab\tsep\x1cfile\u00a0nbsp\u3000wide\x85nel ", ["tab sep file nbsp wide nel"]),
    ("猫坐在垫子上。", ["猫坐在垫子上！"]),
    ("the the the the cat", ["the cat the the"]),
]


def drawn():
    """Sentences of few different words, of which blocks are moved and words lost, added and replaced: many shifts, and ties."""
    rng = random.Random(20261129)
    cases = []
    for size, count in [(3, 10), (8, 40), (15, 40), (30, 30), (70, 8), (140, 3)]:
        for _ in range(count):
            words = [chr(ord("a") + rng.randrange(2 + size // 2)) if size < 40 else f"w{rng.randrange(size)}" for _ in range(size)]

            def edited():
                text = list(words)
                for _ in range(rng.randrange(4)):
                    start = rng.randrange(len(text))
                    block = text[start : start + rng.randrange(1, 13)]
                    del text[start : start + len(block)]
                    at = rng.randrange(len(text) + 1)
                    text[at:at] = block
                for _ in range(rng.randrange(1 + size // 4)):
                    at = rng.randrange(len(text) + 1)
                    text[at : at + rng.randrange(2)] = [rng.choice(words) for _ in range(rng.randrange(2))]
                return " ".join(text)

            cases.append((edited(), [edited() for _ in range(rng.choice([1, 1, 1, 3]))]))
    # As many moves to try as are tried at most; and lengths whose ratio widens the beam.
    cases.append((" ".join(["x", "y"] * 30), [" ".join(["y", "y", "x"] * 20)]))
    cases.append(("x y", [" ".join(["y", "x", "z"] * 40)]))
    cases.append((" ".join(["y", "x", "z"] * 40), ["x y"]))
    return cases


def main():
    pairs = PAIRS + drawn()
    sentence = TER()
    items = [{"output": o, "answers": a, "ter": sentence.sentence_score(o, a).score} for o, a in pairs]
    corpora = []
    metrics = {"bleu": BLEU(), "bleu-zh": BLEU(tokenize="zh"), "chrf": CHRF(), "chrf++": CHRF(word_order=2), "ter": TER()}
    chosen = [
        ("single", [(o, a[:1]) for o, a in pairs]),
        ("several", pairs),
        ("two", [(o, a[:1] * 2) for o, a in pairs[:5]]),
        ("empty outputs", [("", ["a b"]), ("", ["c"])]),
        ("empty references", [("a b", [""]), ("c", [""])]),
        ("nothing at all", [("", [""])]),
    ]
    for name, of in chosen:
        most = max(len(a) for _, a in of)
        streams = [[a[k] if k < len(a) else None for _, a in of] for k in range(most)]
        figures = {}
        for key, metric in metrics.items():
            score = metric.corpus_score([o for o, _ in of], streams).score
            figures[key] = {"score": score, "signature": str(metric.get_signature())}
        corpora.append({"name": name, "pairs": [{"output": o, "answers": a} for o, a in of], "figures": figures})
    value = {"items": items, "corpora": corpora}
    (Path(__file__).parent / "ter.json").write_text(json.dumps(value, separators=(",", ":")) + "\n")


main()
