"""Models of a run folder in `transformers`, PEFT and sentence-transformers: whether they answer there as they did here.

    pip install torch transformers peft sentence-transformers
    python scripts/transfer/load.py RUN ITEMS.jsonl [COUNT]

Compares label and probability of the first COUNT items (default 50) that the run has answers to.
"""

import json
import pathlib
import sqlite3
import sys

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer


def there(folder: pathlib.Path, texts: list[str]) -> list[tuple[str, float]]:
    labels = json.loads((folder / "config.json").read_text())["id2label"]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    if (folder / "adapter_config.json").is_file():
        from peft import PeftModel
        base = json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"]
        model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=len(labels))
        model = PeftModel.from_pretrained(model, folder)
    else:
        model = AutoModelForSequenceClassification.from_pretrained(folder)
    model.eval()
    answers = []
    for text in texts:
        with torch.no_grad():
            shares = model(**tokenizer(text, return_tensors="pt", truncation=True)).logits[0].softmax(-1)
        best = int(shares.argmax())
        answers.append((labels[str(best)], float(shares[best])))
    return answers


def main() -> None:
    run, items = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 50
    texts = {item["id"]: item["text"] for item in map(json.loads, items.read_text(encoding="utf-8").splitlines())}
    store = sqlite3.connect(run / "answers.sqlite")
    for folder in sorted((run / "models").iterdir()):
        if not (folder / "training.json").is_file():
            continue
        rows = store.execute("SELECT item, text, confidence FROM answer WHERE candidate = ? ORDER BY item", (folder.name,))
        rows = [row for row in rows if row[0] in texts][:count]
        said = [texts[item] for item, _, _ in rows]
        if (folder / "modules.json").is_file():
            from sentence_transformers import SentenceTransformer
            vectors = SentenceTransformer(str(folder)).encode(said)
            head = json.loads((folder / "model.json").read_text())
            print(f"{folder.name}: read by sentence-transformers, vectors {vectors.shape}, head {list(head)}")
            continue
        worst, same = 0.0, 0
        for (_, label, sure), (other, share) in zip(rows, there(folder, said)):
            same += label == other
            worst = max(worst, abs(sure - share))
        print(f"{folder.name}: {same} of {len(rows)} labels alike, probabilities at most {worst:.1e} apart")
        assert same == len(rows) and worst < 1e-3


if __name__ == "__main__":
    main()
