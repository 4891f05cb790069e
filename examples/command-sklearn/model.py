"""A scikit-learn classifier as a candidate: reads an item a line, writes an answer a line."""
import json
import sys

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

rows = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
rows = rows[: int(sys.argv[2])] if len(sys.argv) > 2 else rows  # "model.py train.jsonl 50"
model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(C=10, max_iter=1000))
model.fit([row["text"] for row in rows], [row["label"] for row in rows])
for line in sys.stdin:
    item = json.loads(line)
    shares = model.predict_proba([item["input"]])[0]
    best = shares.argmax()
    print(json.dumps({"id": item["id"], "output": model.classes_[best], "confidence": float(shares[best])}), flush=True)
