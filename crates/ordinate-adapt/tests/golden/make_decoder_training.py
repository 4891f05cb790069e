"""Tiny decoders trained by PyTorch, by PEFT's low-rank updates and whole: losses of 20 steps, what they find probable then, and
adapters as PEFT writes them.

    pip install torch transformers peft
    python make_decoder_training.py > decoder_training.json

Models and weights are those of ordinate-models/tests/golden/make_decoders.py; `lora_A` follows from the same formula. Token n
is the word `wn`, but 2, which ends a text. `choose` learns which of a few continuations is right, by the sums of their
log-probabilities; `write` learns one continuation, token by token.
"""
import base64
import json
import pathlib
import sys
import tempfile

import peft
import torch

GOLDEN = pathlib.Path(__file__).parents[3] / "ordinate-models/tests/golden"
sys.path.insert(0, str(GOLDEN))
from make_decoders import configs  # noqa: E402
from tiny import fill, model_of  # noqa: E402

END = 2
CHOOSE = [
    {"prompt": [3, 17, 60, 5], "options": [[7], [9, 11], [9]], "right": 1},
    {"prompt": [21, 8], "options": [[30, 31, 32], [40]], "right": 0},
    {"prompt": [50, 51, 52, 53, 54, 55, 56, 57], "options": [[7], [9], [11, 12]], "right": 2},
]
WRITE = [
    {"prompt": [3, 17, 60, 5], "answer": [9, 11, 4, END]},
    {"prompt": [21, 8], "answer": [30, END]},
    {"prompt": [50, 51, 52, 53, 54, 55, 56, 57], "answer": [12, 13, 14, 15, 16]},
]
RATE, DECAY, STEPS, RANK, ALPHA = 1e-3, 0.01, 20, 2, 4
FUSED = ["qkv_proj", "o_proj", "gate_up_proj", "down_proj"]
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
LORA = ["llama", "llama-bias", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3", "phi3"]
WHOLE = ["llama", "qwen2", "gemma"]
KEPT = ["llama", "qwen3", "phi3"]


def tails(options):
    """Where one option begins another, all are told apart by the token that ends a text."""
    begins = any(a != b and b[:len(a)] == a for a in options for b in options)
    return [option + [END] * begins for option in options]


def probability(model, prompt, tail):
    """The logarithm of the probability of a tail."""
    logits = model(torch.tensor([prompt + tail[:-1]]), use_cache=False).logits[0, len(prompt) - 1:]
    return torch.log_softmax(logits, -1)[range(len(tail)), tail].sum()


def scores(model, item):
    return torch.stack([probability(model, item["prompt"], tail) for tail in tails(item["options"])])


def choose(model):
    losses = [torch.nn.functional.cross_entropy(scores(model, item)[None], torch.tensor([item["right"]])) for item in CHOOSE]
    return torch.stack(losses).mean()


def write(model):
    sums = [probability(model, item["prompt"], item["answer"]) for item in WRITE]
    return -torch.stack(sums).sum() / sum(len(item["answer"]) for item in WRITE)


def trained(model, loss_of):
    """The losses of the steps, and the scores behind them."""
    kept = [(name, one) for name, one in model.named_parameters() if one.requires_grad]
    plain = [one for name, one in kept if name.endswith("bias") or "norm" in name.lower()]
    others = [one for name, one in kept if not (name.endswith("bias") or "norm" in name.lower())]
    optimiser = torch.optim.AdamW(
        [{"params": others, "weight_decay": DECAY}, {"params": plain, "weight_decay": 0.0}], lr=RATE)
    losses = []
    for _ in range(STEPS):
        loss = loss_of(model)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_([one for _, one in kept], 1.0)
        optimiser.step()
        losses.append(round(loss.item(), 6))
    with torch.no_grad():
        after = [[round(value, 5) for value in scores(model, item).tolist()] for item in CHOOSE]
    return losses, after


def adapted(config, name):
    model, _ = model_of(config)
    targets = FUSED if name.startswith("phi3") else TARGETS
    model = peft.get_peft_model(model, peft.LoraConfig(
        task_type="CAUSAL_LM", r=RANK, lora_alpha=ALPHA, lora_dropout=0.0, target_modules=targets)).eval()
    for key, one in model.named_parameters():
        if ".lora_A." in key:
            plain = key.removeprefix("base_model.model.").replace(".default", "")
            with torch.no_grad():
                one.copy_(torch.from_numpy(fill(plain, tuple(one.shape)).copy()))
    return model


def cases():
    for name, config, old in configs():
        for goal in [choose, write]:
            if name in LORA:
                model = adapted(config, name)
                losses, after = trained(model, goal)
                case = {"name": name, "method": "lora", "goal": goal.__name__, "losses": losses, "scores": after}
                if name in KEPT and goal is choose:
                    with tempfile.TemporaryDirectory() as folder:
                        model.save_pretrained(folder)
                        case["files"] = {path.name: base64.b64encode(path.read_bytes()).decode()
                                         for path in sorted(pathlib.Path(folder).iterdir()) if path.name != "README.md"}
                yield case
            if name in WHOLE:
                losses, after = trained(model_of(config)[0], goal)
                yield {"name": name, "method": "full", "goal": goal.__name__, "losses": losses, "scores": after}


def main():
    import transformers
    versions = {"transformers": transformers.__version__, "torch": torch.__version__, "peft": peft.__version__}
    settings = {"choose": CHOOSE, "write": WRITE, "rate": RATE, "decay": DECAY, "rank": RANK, "alpha": ALPHA}
    text = json.dumps({"versions": versions, **settings, "cases": list(cases())}, separators=(",", ":"))
    print(text.replace('{"name"', '\n{"name"'))


sys.exit(main())
