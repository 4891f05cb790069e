#!/usr/bin/env python3
"""Writes metrics.json, the golden values that tests/metrics.rs holds the metrics to.

    pip install sacrebleu==2.6.0 rouge-score==0.1.2 scikit-learn==1.9.1
    python crates/ordinate-tasks/tests/golden/make_metrics.py
"""

import json
import random
import re
import string
from collections import Counter
from pathlib import Path

from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics import BLEU, CHRF
from sklearn.metrics import accuracy_score, f1_score
from sklearn.preprocessing import MultiLabelBinarizer

# Output, right answers.
PAIRS = [
    ("The cat sat on the mat.", ["The cat sat on the mat."]),
    ("The cat sat on a mat", ["The cat is sitting on the mat."]),
    ("", ["The cat sat."]),
    ("The cat sat.", [""]),
    ("   ", ["word"]),
    ("!!! ...", ["?! ,"]),
    ("It cost $1,234.56 - a lot, in 2024-25 (3.5%).", ["It cost $1,234.56, a lot, in 2024-2025 (3.5 %)."]),
    ("the the the the", ["the cat"]),
    ("cat", ["cat"]),
    ("two words", ["two words"]),
    ("a b c d e f", ["f e d c b a"]),
    ("&quot;Tom &amp; Jerry&quot; <skipped>&lt;b&gt;", ["\"Tom & Jerry\" <b>"]),
    ("line one-\nline two\nend", ["line oneline two end"]),
    ("don't stop; (really) [ok] {fine} ~ok~ a/b c:d e@f", ["Don't stop (really), ok: fine. a / b c : d e@f"]),
    ("the Denver Broncos team", ["Denver Broncos", "The Broncos of Denver"]),
    ("An “the” apple—the end", ["“The” apple—end"]),
    ("the", ["The"]),
    ("the", ["An apple"]),
    ("U.S.A. won 3-2, i.e. narrowly.5", ["USA won 3 - 2 i.e., narrowly .5"]),
    ("İstanbul'da K ΣΑΣ straße", ["istanbul'da k σας STRASSE"]),
    ("tab\tsep\x1cfile\u00a0nbsp\u3000wide\x85nel", ["tab sep file nbsp wide nel"]),
    ("猫坐在垫子上。", ["猫坐在垫子上。"]),
    ("那只猫坐在垫子上,很舒服。", ["猫坐在垫子上，很舒服！"]),
    ("GPT-4的准确率为85.6%，花费$2.50。", ["GPT-4 的准确率是 85.6%，花费 2.50 美元。", "准确率85.6%"]),
    ("“引号”——破折号…… ①②③ ＡＢＣ ｶﾅ", ["“引号”—破折号… ①② ABC カナ"]),
    ("𠀀𠀁是罕见字 ⿰ 〇", ["𠀀是罕见字〇"]),
    ("今日は良い天気です。", ["今日はいい天気ですね。"]),
    ("Größe über alles, naïve café", ["Grosse uber alles naive cafe", "Größe über Alles: naïve Café"]),
    ("Привет, мир! Как дела?", ["Привет мир. Как твои дела?"]),
    ("one two three four five six seven", ["one two three", "one two three four five six seven eight nine ten"]),
    ("one two three four five", ["one two three four", "one two three four five six"]),
    ("(hi) \"there\" 'x' .y z.", ["(hi) there 'x' y z"]),
    ("a , . ,. .,5 5., 5.5, ,5", ["a,. ,..,5 5.,5.5,,5"]),
    ("emoji 😀 family 👨‍👩‍👧 é e\u0301", ["emoji 😀 family 👨‍👩‍👧 é é"]),
]


def drawn():
    """Random texts over a small vocabulary, so that there are repetitions and ties."""
    rng = random.Random(20261124)
    words = ["a", "the", "cat", "Cat", "dog,", "3.5", "1,000", "x-ray", "7-", "(", ")", "end.", "猫", "狗。", "é", "...", "—"]

    def text(most):
        return "".join(rng.choice(words) + rng.choice([" ", " ", " ", "", "  "]) for _ in range(rng.randrange(most)))

    return [(text(14), [text(14) for _ in range(rng.randrange(1, 4))]) for _ in range(60)]


def normalize_answer(s):
    """evaluate-v1.1.py of SQuAD, re-stated."""
    s = "".join(ch for ch in s.lower() if ch not in set(string.punctuation))
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", s).split())


def squad_f1(prediction, truth):
    p, t = normalize_answer(prediction).split(), normalize_answer(truth).split()
    if not p or not t:  # evaluate-v2.0.py
        return float(p == t)
    same = sum((Counter(p) & Counter(t)).values())
    if same == 0:
        return 0.0
    precision, recall = same / len(p), same / len(t)
    return 2 * precision * recall / (precision + recall)


def main():
    pairs = PAIRS + drawn()
    rouge = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False)
    sentence = {
        "bleu": BLEU(effective_order=True),
        "bleu-zh": BLEU(effective_order=True, tokenize="zh"),
        "chrf": CHRF(),
        "chrf++": CHRF(word_order=2),
    }
    cases = []
    for output, answers in pairs:
        multi = rouge.score_multi(answers, output)
        scores = {
            "exact-match": max(float(normalize_answer(output) == normalize_answer(a)) for a in answers),
            "f1": max(squad_f1(output, a) for a in answers),
            "rouge-1": multi["rouge1"].fmeasure,
            "rouge-2": multi["rouge2"].fmeasure,
            "rouge-l": multi["rougeL"].fmeasure,
        }
        for name, metric in sentence.items():
            scores[name] = metric.sentence_score(output, answers).score / 100
        cases.append({"output": output, "answers": answers, "scores": scores})

    corpora = []
    for name, chosen in [("single", [(o, a[:1]) for o, a in pairs]), ("several", pairs), ("short", [("a b", ["a b"]), ("c", ["c d"])]),
                         ("none", [("", ["a"]), ("b", ["c"])])]:
        outputs = [o for o, _ in chosen]
        most = max(len(a) for _, a in chosen)
        # sacrebleu takes a missing further reference as None.
        streams = [[a[k] if k < len(a) else None for _, a in chosen] for k in range(most)]
        corpora.append({
            "name": name,
            "pairs": [{"output": o, "answers": a} for o, a in chosen],
            "scores": {
                "bleu": BLEU().corpus_score(outputs, streams).score / 100,
                "bleu-zh": BLEU(tokenize="zh").corpus_score(outputs, streams).score / 100,
                "chrf": CHRF().corpus_score(outputs, streams).score / 100,
                "chrf++": CHRF(word_order=2).corpus_score(outputs, streams).score / 100,
            },
        })

    rng = random.Random(7)
    classes = []
    for labels in [["up", "down"], ["a", "b", "c", "d", "上涨"], ["x", "y", "z"]]:
        targets = [rng.choice(labels) for _ in range(30)]
        # One answer is a label that no target has.
        outputs = [t if rng.random() < 0.6 else rng.choice(labels) for t in targets[:-1]] + ["other"]
        classes.append({
            "outputs": outputs, "targets": targets,
            "accuracy": accuracy_score(targets, outputs),
            "macro": f1_score(targets, outputs, average="macro", zero_division=0),
            "micro": f1_score(targets, outputs, average="micro", zero_division=0),
        })
    tags = []
    for labels in [["a", "b", "c"], ["news", "sport", "财经", "x y"]]:
        draw = lambda: [label for label in labels if rng.random() < 0.4]
        targets, outputs = [draw() for _ in range(25)], [draw() for _ in range(25)]
        binary = MultiLabelBinarizer(classes=labels)
        t, o = binary.fit_transform(targets), binary.transform(outputs)
        tags.append({
            "outputs": outputs, "targets": targets,
            "accuracy": accuracy_score(t, o),
            "samples": f1_score(t, o, average="samples", zero_division=1),
            "macro": f1_score(t, o, average="macro", zero_division=0),
            "micro": f1_score(t, o, average="micro", zero_division=0),
        })
    value = {"items": cases, "corpora": corpora, "classes": classes, "tags": tags}
    # ASCII, because some characters here are shown by nothing.
    (Path(__file__).parent / "metrics.json").write_text(json.dumps(value, separators=(",", ":")) + "\n")


main()
