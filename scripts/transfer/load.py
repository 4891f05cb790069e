"""Models of a run folder in `transformers`, PEFT and sentence-transformers: whether they answer there as they did here.

    pip install torch transformers peft sentence-transformers
    python scripts/transfer/load.py RUN ITEMS.jsonl [COUNT]

Compares label and probability of the first COUNT items (default 50) that the run has answers to. Of decoders those of a
`classify` task whose prompt is a template of its own; items have a field `text`.
"""

import json
import pathlib
import sqlite3
import sys

import torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer


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


def is_decoder(folder: pathlib.Path) -> bool:
    config = folder / "adapter_config.json"
    if config.is_file():
        return json.loads(config.read_text())["task_type"] == "CAUSAL_LM"
    config = folder / "config.json"
    return config.is_file() and json.loads(config.read_text()).get("architectures", [""])[0].endswith("ForCausalLM")


def chosen(folder: pathlib.Path, run: pathlib.Path, texts: list[str]) -> list[tuple[str, float]]:
    """What a decoder chooses: the label whose tokens it finds the most probable behind the prompt."""
    import jinja2
    told = json.loads((run / "candidates.json").read_text())
    template = jinja2.Environment(trim_blocks=True, lstrip_blocks=True).from_string(told["prompt"]["template"])
    tokenizer = AutoTokenizer.from_pretrained(folder)
    if (folder / "adapter_config.json").is_file():
        from peft import PeftModel
        base = json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"]
        model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), folder)
    else:
        model = AutoModelForCausalLM.from_pretrained(folder)
    model.eval()
    labels, answers = told["labels"], []
    begins = any(a != b and b.startswith(a) for a in labels for b in labels)
    for text in texts:
        prompt = template.render(input=text, labels=labels).strip()
        if tokenizer.chat_template:
            message = [{"role": "user", "content": prompt}]
            prompt, gap = tokenizer.apply_chat_template(message, add_generation_prompt=True, tokenize=False), ""
        else:
            gap = " "
        tokens = tokenizer(prompt, add_special_tokens=not tokenizer.chat_template).input_ids
        sums = []
        for label in labels:
            whole = tokenizer(prompt + gap + label, add_special_tokens=not tokenizer.chat_template).input_ids
            whole += [tokenizer.eos_token_id or model.config.eos_token_id] * begins
            with torch.no_grad():
                logs = model(torch.tensor([whole])).logits[0].log_softmax(-1)
            sums.append(sum(float(logs[at - 1, whole[at]]) for at in range(len(tokens), len(whole))))
        shares = torch.tensor(sums).softmax(-1)
        answers.append((labels[int(shares.argmax())], float(shares.max())))
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
        answered = chosen(folder, run, said) if is_decoder(folder) else there(folder, said)
        for (_, label, sure), (other, share) in zip(rows, answered):
            same += label == other
            worst = max(worst, abs(sure - share))
        print(f"{folder.name}: {same} of {len(rows)} labels alike, probabilities at most {worst:.1e} apart")
        assert same == len(rows) and worst < 1e-3


if __name__ == "__main__":
    main()
