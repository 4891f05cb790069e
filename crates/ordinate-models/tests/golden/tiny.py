"""The tiny models of make_decoders.py and make_gguf.py: the formula of their weights, and which of their logits are kept.

Weights are not stored: they follow from a formula of their name and place that both sides compute (`fill` here and in
tests/tiny/mod.rs). Of the logits of a step, every eighth is kept, another one each step, and the logarithm of the sum of
the exponentials of all.
"""

import json
import math

import numpy as np
import torch
from transformers import AutoModelForCausalLM

PROMPT = [3, 17, 60, 5, 41, 41, 8, 22, 90, 11]
STEPS = 6

SHAPE = dict(
    vocab_size=96, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=128, rms_norm_eps=1e-5, bos_token_id=1, eos_token_id=2,
    pad_token_id=0, attn_implementation="eager",
)


def fill(name, shape):
    """The formula: a hash of the tensor's name and the place, to [-1, 1), scaled. The same in tests/tiny/mod.rs."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x100000001B3) % 2**64
    count = math.prod(shape)
    place = np.arange(count, dtype=np.uint64)
    with np.errstate(over="ignore"):
        mixed = (place + np.uint64(seed)) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= mixed >> np.uint64(32)
        mixed *= np.uint64(0xD6E8FEB86659FD93)
        mixed ^= mixed >> np.uint64(32)
    # 12 bits, so that halves and singles alike hold them exactly.
    value = (mixed >> np.uint64(52)).astype(np.float32) / 2048.0 - 1.0
    scaled = value * np.float32(0.25 if len(shape) == 1 else 0.5)
    if name.endswith("norm.weight"):
        scaled = scaled + np.float32(1.0)
    if name.startswith("rope_factors"):
        scaled = scaled + np.float32(2.0)
    return scaled.reshape(shape)


def model_of(config, tensor=fill):
    """A model whose weights are `tensor(name, shape)`, and these."""
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
    state = {name: torch.from_numpy(tensor(name, tuple(value.shape)).copy()) for name, value in model.state_dict().items()
             if not (config.tie_word_embeddings and name == "lm_head.weight")}
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and all(name == "lm_head.weight" for name in missing), (missing, unexpected)
    model.tie_weights()
    return model, state


def steps(model):
    """The logits after the prompt and after each greedy token, and these tokens. Nothing is cached: each step reads all."""
    tokens, rows = list(PROMPT), []
    with torch.no_grad():
        for step in range(STEPS + 1):
            rows.append(model(torch.tensor([tokens]), use_cache=False).logits[0, -1])
            if step < STEPS:
                tokens.append(int(rows[-1].argmax()))
    return rows, tokens[len(PROMPT):]


def kept(rows):
    def row(step, logits):
        whole = torch.logsumexp(logits.double(), 0)
        return [round(float(cell), 5) for cell in [whole, *logits[step % 8::8]]]

    return [row(step, logits) for step, logits in enumerate(rows)]


def settings(config):
    """What is kept of a configuration."""
    text = json.loads(config.to_json_string(use_diff=False))
    keep = {key: value for key, value in text.items() if value is not None and not key.startswith("_")}
    for key in ("transformers_version", "architectures", "id2label", "label2id", "dtype", "use_cache",
                "chunk_size_feed_forward", "is_encoder_decoder", "output_attentions", "output_hidden_states",
                "return_dict", "problem_type", "initializer_range", "pretraining_tp", "attention_dropout",
                "embd_pdrop", "resid_pdrop"):
        keep.pop(key, None)
    return keep


def write(path, rows):
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    path.write_text("[\n" + lines + "\n]\n")
