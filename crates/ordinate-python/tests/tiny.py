"""Tiny models with weights by a formula, that know the words w3 to w39: as crates/ordinate-models/tests/tiny/mod.rs makes them."""

import json
import math
import struct
from pathlib import Path

GOLDEN = Path(__file__).resolve().parents[2] / "ordinate-models/tests/golden"
MASK = 2**64 - 1


def fill(name, shape):
    """The formula: as `fill` in golden/tiny.py."""
    seed = 0xCBF29CE484222325
    for byte in name.encode():
        seed = ((seed ^ byte) * 0x100000001B3) & MASK
    scale, more = (0.25 if len(shape) == 1 else 0.5), (1.0 if name.lower().endswith("norm.weight") else 0.0)
    numbers = []
    for place in range(math.prod(shape)):
        mixed = ((place + seed) * 0x9E3779B97F4A7C15) & MASK
        mixed ^= mixed >> 32
        mixed = (mixed * 0xD6E8FEB86659FD93) & MASK
        mixed ^= mixed >> 32
        numbers.append(((mixed >> 52) / 2048.0 - 1.0) * scale + more)
    return numbers


def write(folder, config, shapes, tokenizer):
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text(json.dumps({"version": "1.0", "normalizer": None, "decoder": None, **tokenizer}))
    head, data = {}, b""
    for name, shape in shapes.items():
        numbers = fill(name, shape)
        begin, data = len(data), data + struct.pack(f"<{len(numbers)}f", *numbers)
        head[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, len(data)]}
    head = json.dumps(head).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(head)) + head + data)


def special(id, text):
    flags = dict.fromkeys(("single_word", "lstrip", "rstrip", "normalized"), False)
    return {"id": id, "content": text, "special": True, **flags}


def decoder(folder):
    """A Llama of two layers, for which the colours are words of their own."""
    row = json.loads((GOLDEN / "decoders.json").read_text())[0]
    words = {2: "</s>", 30: "red", 31: "green", 33: "blue"}
    tokenizer = {
        "post_processor": None,
        "added_tokens": [special(2, "</s>")],
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "model": {"type": "WordLevel", "vocab": {words.get(id, f"w{id}"): id for id in range(96)}, "unk_token": "w0"},
    }
    write(folder, row["config"], row["shapes"], tokenizer)


def classifier(folder):
    """A BERT of two layers that says red, green or blue."""
    case = json.loads((GOLDEN / "encoders.json").read_text())["cases"][0]
    first, last = "[CLS]", "[SEP]"
    one = lambda token: {"SpecialToken": {"id": token, "type_id": 0}}
    tokenizer = {
        "truncation": None,
        "padding": None,
        "added_tokens": [special(0, "[PAD]"), special(1, first), special(2, last)],
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [one(first), {"Sequence": {"id": "A", "type_id": 0}}, one(last)],
            "pair": [],
            "special_tokens": {token: {"id": token, "ids": [id], "tokens": [token]} for id, token in ((1, first), (2, last))},
        },
        "model": {"type": "WordLevel", "vocab": {"[PAD]": 0, first: 1, last: 2, **{f"w{id}": id for id in range(3, 40)}}, "unk_token": "[PAD]"},
    }
    write(folder, case["config"], dict(case["tensors"]), tokenizer)
