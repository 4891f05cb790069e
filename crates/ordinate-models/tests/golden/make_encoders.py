"""Tiny models of every encoder architecture: what `transformers` says of them.

    pip install torch transformers tokenizers
    python make_encoders.py > encoders.json

Weights are a formula of their name and place (`weight` here, `weight` in tests/encoders.rs), so that only names, shapes
and results are stored.
"""
import json
import math
import sys
import zlib

import torch
import transformers
from transformers import (
    BertConfig, CamembertConfig, DistilBertConfig, ModernBertConfig, RobertaConfig, XLMRobertaConfig)

WORDS = 40
LABELS = {0: "red", 1: "green", 2: "blue"}
# Token 0 pads, 1 begins, 2 ends; word i of the texts is token i.
TEXTS = [[5, 9, 13], [7], list(range(3, 33)), [39, 3, 39, 8, 21, 30, 4]]
# Token 4 is the mask of masked language models.
MASK = 4
MASKED = [[5, MASK, 13], [MASK], [*range(5, 33), MASK], [39, MASK, MASK, 8]]


def weight(name, count):
    seed = zlib.crc32(name.encode()) % 1000
    values = [math.sin(12.9898 * (i + 1) + seed) * 0.35 for i in range(count)]
    norm = "norm" in name.lower() and name.endswith("weight")
    return [1.0 + v for v in values] if norm else values


def configs():
    same = dict(vocab_size=WORDS, pad_token_id=0, bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2,
                id2label=LABELS, label2id={v: k for k, v in LABELS.items()})
    bert = dict(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
                max_position_embeddings=50)
    yield "bert", BertConfig(**same, **bert)
    yield "roberta", RobertaConfig(**same, **bert, type_vocab_size=1, layer_norm_eps=1e-5)
    yield "xlm-roberta", XLMRobertaConfig(**same, **bert, type_vocab_size=1, layer_norm_eps=1e-5)
    yield "camembert", CamembertConfig(**same, **bert, type_vocab_size=1, hidden_act="relu")
    yield "distilbert", DistilBertConfig(**same, dim=16, n_layers=2, n_heads=2, hidden_dim=24,
                                         max_position_embeddings=50)
    modern = dict(hidden_size=16, num_hidden_layers=4, num_attention_heads=2, intermediate_size=24,
                  max_position_embeddings=64, local_attention=8)
    yield "modernbert", ModernBertConfig(**same, **modern)
    yield "modernbert-mean", ModernBertConfig(**same, **modern, classifier_pooling="mean")


def filled(model):
    """The same model with the formula's weights, and their shapes. What is tied is one tensor."""
    shapes, seen = [], set()
    state = model.state_dict()
    # Of what is tied, files hold the embedding.
    for key, tensor in sorted(state.items(), key=lambda pair: "embeddings" not in pair[0]):
        if not tensor.dtype.is_floating_point or tensor.data_ptr() in seen:
            continue
        seen.add(tensor.data_ptr())
        values = torch.tensor(weight(key, tensor.numel()), dtype=torch.float64).float().reshape(tensor.shape)
        with torch.no_grad():
            tensor.copy_(values)
        shapes.append([key, list(tensor.shape)])
    return model, shapes


def settings(model, config):
    text = json.loads(config.to_json_string(use_diff=False))
    text["architectures"] = [type(model).__name__]
    return {key: value for key, value in text.items() if key in {
        "model_type", "architectures", "hidden_size", "dim", "num_hidden_layers", "n_layers",
        "num_attention_heads", "n_heads", "max_position_embeddings", "layer_norm_eps", "hidden_act", "activation",
        "pad_token_id", "intermediate_size", "norm_eps", "local_attention", "rope_parameters", "layer_types",
        "hidden_activation", "classifier_pooling", "id2label"}}


def classified():
    for name, config in configs():
        config._attn_implementation = "eager"
        model, shapes = filled(transformers.AutoModelForSequenceClassification.from_config(config).eval())
        rows = []
        for text in TEXTS:
            ids = torch.tensor([[1, *text, 2]])
            with torch.no_grad():
                logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0]
                states = model.base_model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state[0]
            mean = states.mean(0)
            mean = mean / mean.norm()
            rows.append({"words": text, "logits": [round(v, 6) for v in logits.tolist()],
                         "mean": [round(v, 6) for v in mean.tolist()]})
        yield {"name": name, "config": settings(model, config), "tensors": shapes, "rows": rows}


def masked():
    """Every fourth logit at the masks."""
    for name, config in configs():
        if name == "modernbert-mean":
            continue
        config._attn_implementation = "eager"
        model, shapes = filled(transformers.AutoModelForMaskedLM.from_config(config).eval())
        model.tie_weights()
        rows = []
        for text in MASKED:
            ids = torch.tensor([[1, *text, 2]])
            with torch.no_grad():
                logits = model(input_ids=ids, attention_mask=torch.ones_like(ids)).logits[0]
            at = [place + 1 for place, token in enumerate(text) if token == MASK]
            rows.append({"words": text, "logits": [[round(v, 5) for v in logits[place, ::4].tolist()] for place in at]})
        yield {"name": name, "config": settings(model, config), "tensors": shapes, "rows": rows}


def main():
    versions = {"transformers": transformers.__version__, "torch": torch.__version__}
    text = json.dumps({"versions": versions, "cases": list(classified()), "masked": list(masked())}, separators=(",", ":"))
    print(text.replace('{"name"', '\n{"name"'))


if __name__ == "__main__":
    sys.exit(main())
