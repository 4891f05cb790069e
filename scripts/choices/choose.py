"""Ways of choosing among options without a language model, as candidates: reads an item a line, writes an answer a line.

    choose.py longest                  the option with the most characters
    choose.py overlap                  the option that shares most of its words with the question
    choose.py recall TRAIN.jsonl       the option whose words stand most in the right answers to questions like this one
"""

import json
import math
import re
import sys
from collections import Counter, defaultdict


def words(text):
    return re.findall(r"[a-z0-9]+", text.lower())


def softmax(scores):
    top = max(scores)
    shares = [math.exp(score - top) for score in scores]
    return [share / sum(shares) for share in shares]


class Recall:
    """BM25 (Robertson and Zaragoza 2009, k1 = 1.2, b = 0.75) over question and right answer of the train items."""

    K1, B = 1.2, 0.75

    def __init__(self, file):
        rows = [json.loads(line) for line in open(file, encoding="utf-8")]
        right = [row["options"][row["label"]] for row in rows]
        texts = [words(row["question"] + " " + answer) for row, answer in zip(rows, right)]
        self.lengths = [len(text) for text in texts]
        self.mean = sum(self.lengths) / len(texts)
        self.found = defaultdict(list)
        for at, text in enumerate(texts):
            for word, count in Counter(text).items():
                self.found[word].append((at, count))
        self.count = len(texts)

    def weight(self, word):
        of = len(self.found.get(word, ()))
        return math.log(1 + (self.count - of + 0.5) / (of + 0.5))

    def score(self, question, option):
        """How well the best train item fits both the question and the option."""
        own, asked = set(words(option)), set(words(question))
        of = defaultdict(float)
        for word in own | asked:
            weight = self.weight(word) * (2 if word in own else 1)
            for at, count in self.found.get(word, ()):
                norm = self.K1 * (1 - self.B + self.B * self.lengths[at] / self.mean)
                of[at] += weight * count * (self.K1 + 1) / (count + norm)
        return max(of.values(), default=0.0) / 10


def overlap(options, question):
    asked = Counter(words(question))
    return [sum(1.0 for word in set(words(text)) if asked[word]) / math.sqrt(1 + len(words(text))) for text in options]


def main():
    way = sys.argv[1]
    recall = Recall(sys.argv[2]) if way == "recall" else None
    for line in sys.stdin:
        item = json.loads(line)
        options = item["options"]
        keys = [option["key"] for option in options]
        texts = [option["text"] for option in options]
        if way == "longest":
            scores = [len(text) / 20 for text in texts]
        elif way == "overlap":
            scores = overlap(texts, item["input"])
        else:
            scores = [recall.score(item["input"], text) for text in texts]
        shares = softmax(scores)
        best = max(range(len(keys)), key=lambda at: scores[at])
        print(json.dumps({"id": item["id"], "output": keys[best], "confidence": shares[best]}), flush=True)


if __name__ == "__main__":
    main()
