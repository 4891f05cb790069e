"""A model of a run folder that finds answers in passages, in `transformers`: whether it answers there as it did here.

    pip install torch transformers peft
    python scripts/sentences/load.py RUN ITEMS.jsonl [COUNT]

Compares the answers to the first COUNT items (default 50), which have the fields id, question and context, with those in the run's store.
Passages are cut and spans chosen as `run_qa.py` of `transformers` does it.
"""

import json
import pathlib
import sqlite3
import sys

import torch
from transformers import AutoModelForQuestionAnswering, AutoTokenizer


def opened(folder):
    tokenizer = AutoTokenizer.from_pretrained(folder)
    if not (folder / "adapter_config.json").is_file():
        return tokenizer, AutoModelForQuestionAnswering.from_pretrained(folder).eval()
    from peft import PeftModel
    base = json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"]
    model = AutoModelForQuestionAnswering.from_pretrained(base)
    return tokenizer, PeftModel.from_pretrained(model, folder).eval()


def answer(tokenizer, model, item, most):
    longest = min(384, tokenizer.model_max_length)
    question = item["question"].strip()
    asked = len(tokenizer(question, add_special_tokens=False)["input_ids"])
    room = longest - asked - tokenizer.num_special_tokens_to_add(pair=True)
    found = tokenizer(question, item["context"], truncation="only_second", max_length=longest, stride=min(128, room // 2),
                      return_overflowing_tokens=True, return_offsets_mapping=True)
    best = (float("-inf"), "")
    for at in range(len(found["input_ids"])):
        given = {key: torch.tensor([found[key][at]]) for key in tokenizer.model_input_names if key in found}
        with torch.no_grad():
            said = model(**given)
        starts, ends = said.start_logits[0].tolist(), said.end_logits[0].tolist()
        places = [place for place, of in enumerate(found.sequence_ids(at)) if of == 1]
        for start in places:
            for end in range(start, min(start + most, places[-1] + 1)):
                span = found["offset_mapping"][at][start][0], found["offset_mapping"][at][end][1]
                best = max(best, (starts[start] + ends[end], item["context"][span[0]:span[1]].strip()), key=lambda one: one[0])
    return best[1]


def main():
    run, items = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 50
    asked = [json.loads(line) for line in items.read_text(encoding="utf-8").splitlines()[:count]]
    store = sqlite3.connect(run / "answers.sqlite")
    for one in json.loads((run / "candidates.json").read_text())["candidates"]:
        folder = run / (one.get("model") or "-")
        if not (folder / "config.json").is_file():
            continue
        name, most = one["entry"]["name"], json.loads((folder / "model.json").read_text())["most"]
        ours = dict(store.execute("SELECT item, text FROM answer WHERE candidate = ?", (name,)))
        tokenizer, model = opened(folder)
        same = sum(answer(tokenizer, model, item, most) == ours[item["id"]] for item in asked if item["id"] in ours)
        print(f"{name}: {same} of {sum(item['id'] in ours for item in asked)} answers are the same")


if __name__ == "__main__":
    main()
