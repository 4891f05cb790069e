"""Tiny models with a head for spans: what `transformers` says of them, where its tokenizers cut passages, and losses of PyTorch.

    pip install torch transformers tokenizers peft
    python make_spans.py > spans.json

Weights are a formula, as in make_encoders.py. `answer` is that of `run_qa.py` (transformers' examples): the span with the highest sum
of the logits of its start and its end in any window, of at most 30 tokens; `or_nothing` that with `version_2_with_negative`, where the
first token's sum, in the window where it is least, stands for no answer.
"""
import base64
import json
import pathlib
import sys
import tempfile

import peft
import torch
import transformers
from make_encoders import configs, filled, settings, weight
from tokenizers import Tokenizer, models, pre_tokenizers, processors

WORDS = {"[PAD]": 0, "[CLS]": 1, "[SEP]": 2, **{f"w{word}": word for word in range(3, 40)}}
LONG = [3 + (at * 7 + at * at // 5) % 36 for at in range(70)]
ASKED = [([5, 9], [7, 8, 9, 10, 11, 12, 30]), ([7], [8, 3, 39, 21, 30, 4, 5, 6]), ([5, 6, 30], LONG), (list(range(3, 39)), LONG)]
MOST = 30
# Of one length, so that nothing is padded: question, passage, and the places of the answer in the passage.
TAUGHT = [([5, 9], [7, 8, 9, 10], (2, 2)), ([7, 3], [8, 3, 39, 21], (0, 3)), ([12, 4], [30, 31, 32, 33], None)]
RATE, DECAY, STEPS, RANK, ALPHA = 1e-3, 0.01, 10, 2, 4
TARGETS = ["query", "key", "value", "intermediate.dense", "output.dense"]


def tokenizer():
    made = Tokenizer(models.WordLevel(WORDS, unk_token="[PAD]"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[("[CLS]", 1), ("[SEP]", 2)])
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]")


def text(words):
    return "".join(f"w{word} " for word in words)


def inputs(config, ids, types):
    """Of one window. Only BERT is told the types."""
    given = {"input_ids": torch.tensor(ids), "attention_mask": torch.ones(len(ids), len(ids[0]), dtype=torch.long)}
    if config.model_type == "bert":
        given["token_type_ids"] = torch.tensor(types)
    return given


def windows(question, passage, longest):
    """As `run_qa.py` cuts them. A question beyond half of a window is cut before."""
    cut = tokenizer()
    question = question[:(longest - 3) // 2]
    room = longest - 3 - len(question)
    return cut(text(question).strip(), text(passage), truncation="only_second", max_length=longest, stride=min(128, room // 2),
               return_overflowing_tokens=True, return_offsets_mapping=True, return_token_type_ids=True)


def best(found, logits, passage, nothing):
    scored = []
    least = None
    for at, (starts, ends) in enumerate(logits):
        sequence = found.sequence_ids(at)
        places = [place for place, of in enumerate(sequence) if of == 1]
        for start in places:
            for end in range(start, min(start + MOST, places[-1] + 1)):
                span = found["offset_mapping"][at][start][0], found["offset_mapping"][at][end][1]
                scored.append((float(starts[start] + ends[end]), passage[span[0]:span[1]]))
        first = float(starts[0] + ends[0])
        least = first if least is None else min(least, first)
    if nothing:
        scored.append((least, ""))
    score, answer = max(scored, key=lambda one: one[0])
    return {"text": answer, "score": round(score, 5)}


def extractor(config):
    config.num_labels = 2
    config._attn_implementation = "eager"
    return filled(transformers.AutoModelForQuestionAnswering.from_config(config).eval())


def longest(config):
    if config.model_type in ("roberta", "xlm-roberta", "camembert"):
        return config.max_position_embeddings - config.pad_token_id - 1
    return config.max_position_embeddings


def answered():
    for name, config in configs():
        if name == "modernbert-mean":
            continue
        model, shapes = extractor(config)
        rows = []
        for question, passage in ASKED:
            found = windows(question, passage, longest(config))
            logits = []
            for ids, types in zip(found["input_ids"], found["token_type_ids"]):
                with torch.no_grad():
                    said = model(**inputs(config, [ids], [types]))
                logits.append((said.start_logits[0], said.end_logits[0]))
            rows.append({
                "question": question, "passage": passage, "windows": found["input_ids"],
                "logits": [[[round(v, 5) for v in end.tolist()] for end in ends] for ends in logits],
                "answer": best(found, logits, text(passage), False), "or_nothing": best(found, logits, text(passage), True)})
        yield {"name": name, "config": settings(model, config), "tensors": shapes, "rows": rows}


def losses(model, config):
    """As make_training.py takes steps."""
    ids = [[1, *question, 2, *passage, 2] for question, passage, _ in TAUGHT]
    types = [[0] * (len(question) + 2) + [1] * (len(passage) + 1) for question, passage, _ in TAUGHT]
    first = [len(question) + 2 for question, _, _ in TAUGHT]
    starts = torch.tensor([at + answer[0] if answer else 0 for at, (_, _, answer) in zip(first, TAUGHT)])
    ends = torch.tensor([at + answer[1] if answer else 0 for at, (_, _, answer) in zip(first, TAUGHT)])
    kept = [(name, one) for name, one in model.named_parameters() if one.requires_grad]
    plain = [one for name, one in kept if name.endswith("bias") or "norm" in name.lower()]
    others = [one for name, one in kept if not (name.endswith("bias") or "norm" in name.lower())]
    optimiser = torch.optim.AdamW(
        [{"params": others, "weight_decay": DECAY}, {"params": plain, "weight_decay": 0.0}], lr=RATE)
    # What PEFT puts round the model does not hand on token types.
    within = model.get_base_model() if hasattr(model, "get_base_model") else model
    seen = []
    for _ in range(STEPS):
        loss = within(**inputs(config, ids, types), start_positions=starts, end_positions=ends).loss
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([one for _, one in kept], 1.0)
        optimiser.step()
        seen.append(round(loss.item(), 6))
    return seen


def trained():
    for name, config in configs():
        if name not in ("bert", "roberta", "distilbert", "modernbert"):
            continue
        model, shapes = extractor(config)
        yield {"name": name, "method": "full", "config": settings(model, config), "tensors": shapes,
               "losses": losses(model, config)}
        if name != "bert":
            continue
        model, _ = extractor(config)
        described = settings(model, config)
        model = peft.get_peft_model(model, peft.LoraConfig(
            task_type="QUESTION_ANS", r=RANK, lora_alpha=ALPHA, lora_dropout=0.0, target_modules=TARGETS,
            modules_to_save=["qa_outputs"])).eval()
        for key, one in model.named_parameters():
            if ".lora_A." in key:
                plain = key.removeprefix("base_model.model.").replace(".default", "")
                values = torch.tensor(weight(plain, one.numel()), dtype=torch.float64).float()
                with torch.no_grad():
                    one.copy_(values.reshape(one.shape))
        found = losses(model, config)
        with torch.no_grad():
            question, passage, _ = TAUGHT[0]
            ids, types = [1, *question, 2, *passage, 2], [0] * (len(question) + 2) + [1] * (len(passage) + 1)
            said = model.get_base_model()(**inputs(config, [ids], [types]))
        with tempfile.TemporaryDirectory() as folder:
            model.save_pretrained(folder)
            files = {path.name: base64.b64encode(path.read_bytes()).decode()
                     for path in sorted(pathlib.Path(folder).iterdir()) if path.name != "README.md"}
        ends = [[round(value, 5) for value in end[0].tolist()] for end in (said.start_logits, said.end_logits)]
        yield {"name": name, "method": "lora", "config": described, "tensors": shapes, "losses": found, "ends": ends,
               "files": files}


def main():
    versions = {"transformers": transformers.__version__, "torch": torch.__version__, "peft": peft.__version__}
    taught = [{"question": question, "passage": passage, "answer": answer} for question, passage, answer in TAUGHT]
    about = {"versions": versions, "taught": taught, "rate": RATE, "decay": DECAY, "rank": RANK, "alpha": ALPHA}
    print(json.dumps({**about, "cases": list(answered()), "trained": list(trained())}, separators=(",", ":"))
          .replace('{"name"', '\n{"name"'))


if __name__ == "__main__":
    sys.exit(main())
