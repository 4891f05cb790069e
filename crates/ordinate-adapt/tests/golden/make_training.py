"""Tiny encoders trained by PyTorch, whole and by PEFT's low-rank updates: losses of 20 steps, what they answer then, and the
adapter as PEFT writes it.

    pip install torch transformers peft
    python make_training.py > training.json

Weights are those of ordinate-models/tests/golden/make_encoders.py; `lora_A` follows from the same formula.
"""
import base64
import json
import pathlib
import sys
import tempfile

import peft
import torch
import transformers

sys.path.insert(0, str(pathlib.Path(__file__).parents[3] / "ordinate-models/tests/golden"))
from make_encoders import configs, filled, settings, weight  # noqa: E402

TEXTS = [[5, 9, 13], [7], [8, 3, 39, 21, 30, 4], [12, 14], [5, 7, 9, 11, 13, 15, 17], [22, 24, 26]]
LABELS = [0, 1, 2, 1, 0, 2]
RATE, DECAY, STEPS, RANK, ALPHA = 1e-3, 0.01, 20, 2, 4
TARGETS = {
    "distilbert": (["q_lin", "k_lin", "v_lin", "out_lin", "lin1", "lin2"], ["pre_classifier", "classifier"]),
    "modernbert": (["Wqkv", "Wo", "Wi"], ["head", "classifier"]),
    "bert": (["query", "key", "value", "intermediate.dense", "output.dense"], ["pooler", "classifier"]),
    "roberta": (["query", "key", "value", "intermediate.dense", "output.dense"], ["classifier"]),
}


def batch():
    rows = [[1, *text, 2] for text in TEXTS]
    longest = max(map(len, rows))
    ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
    return {"input_ids": ids, "attention_mask": mask}


def trained(model):
    """The losses of the steps, and the logits behind them."""
    kept = [(name, one) for name, one in model.named_parameters() if one.requires_grad]
    plain = [one for name, one in kept if name.endswith("bias") or "norm" in name.lower()]
    others = [one for name, one in kept if not (name.endswith("bias") or "norm" in name.lower())]
    optimiser = torch.optim.AdamW(
        [{"params": others, "weight_decay": DECAY}, {"params": plain, "weight_decay": 0.0}], lr=RATE)
    losses = []
    for _ in range(STEPS):
        loss = torch.nn.functional.cross_entropy(model(**batch()).logits, torch.tensor(LABELS))
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([one for _, one in kept], 1.0)
        optimiser.step()
        losses.append(round(loss.item(), 6))
    with torch.no_grad():
        logits = model(**batch()).logits
    return losses, [[round(value, 5) for value in row] for row in logits.tolist()]


def fresh(config):
    model, shapes = filled(transformers.AutoModelForSequenceClassification.from_config(config))
    return model.eval(), shapes


def cases():
    for name, config in configs():
        if name not in TARGETS:
            continue
        config._attn_implementation = "eager"
        model, shapes = fresh(config)
        losses, logits = trained(model)
        yield {"name": name, "method": "full", "config": settings(model, config), "tensors": shapes,
               "losses": losses, "logits": logits}
        targets, saved = TARGETS[name]
        model, _ = fresh(config)
        described = settings(model, config)
        model = peft.get_peft_model(model, peft.LoraConfig(
            task_type="SEQ_CLS", r=RANK, lora_alpha=ALPHA, lora_dropout=0.0, target_modules=targets,
            modules_to_save=saved)).eval()
        for key, one in model.named_parameters():
            if ".lora_A." in key:
                plain = key.removeprefix("base_model.model.").replace(".default", "")
                values = torch.tensor(weight(plain, one.numel()), dtype=torch.float64).float()
                with torch.no_grad():
                    one.copy_(values.reshape(one.shape))
        losses, logits = trained(model)
        with tempfile.TemporaryDirectory() as folder:
            model.save_pretrained(folder)
            files = {path.name: base64.b64encode(path.read_bytes()).decode()
                     for path in sorted(pathlib.Path(folder).iterdir()) if path.name != "README.md"}
        yield {"name": name, "method": "lora", "config": described, "tensors": shapes,
               "losses": losses, "logits": logits, "files": files}


def main():
    versions = {"transformers": transformers.__version__, "torch": torch.__version__, "peft": peft.__version__}
    settings_ = {"texts": TEXTS, "labels": LABELS, "rate": RATE, "decay": DECAY, "rank": RANK, "alpha": ALPHA}
    text = json.dumps({"versions": versions, **settings_, "cases": list(cases())}, separators=(",", ":"))
    print(text.replace('{"name"', '\n{"name"'))


sys.exit(main())
