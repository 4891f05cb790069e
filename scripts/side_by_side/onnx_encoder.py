"""Encoder throughput: Ordinate (candle, in the process) against onnxruntime, in one run.

    pip install torch transformers onnx onnxruntime
    cargo build --release -p ordinate-models --example embed_speed
    python3 scripts/side_by_side/onnx_encoder.py MINILM_FOLDER TEXTS.jsonl target/release/examples/embed_speed

Both get the same texts, cut at the same length, batches of 32 of like length, and all cores. The two take turns, five
times; what is printed is each one's texts per second (the best turn) and the median of the ratios of neighbouring turns.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile
import time

import numpy as np
import onnxruntime
import torch
from transformers import AutoModel, AutoTokenizer


class Pooled(torch.nn.Module):
    """The model, mean pooling and length one, as sentence-transformers does it."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask):
        states = self.model(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(-1).to(states.dtype)
        return torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1), dim=-1)


def export(folder: pathlib.Path, tokenizer, to: pathlib.Path) -> None:
    model = Pooled(AutoModel.from_pretrained(folder, attn_implementation="eager").eval())
    example = tokenizer(["one text", "and a longer one"], padding=True, return_tensors="pt")
    axes = {0: "texts", 1: "tokens"}
    torch.onnx.export(
        model, (example["input_ids"], example["attention_mask"]), str(to), dynamo=False, opset_version=17,
        input_names=["input_ids", "attention_mask"], output_names=["vectors"],
        dynamic_axes={"input_ids": axes, "attention_mask": axes, "vectors": {0: "texts"}},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("texts", type=pathlib.Path)
    parser.add_argument("ours")
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--most", type=int, default=256)
    asked = parser.parse_args()
    with open(asked.texts, encoding="utf-8") as lines:
        texts = [" ".join(json.loads(line)["text"].split()) for _, line in zip(range(asked.count), lines)]
    with tempfile.TemporaryDirectory() as desk:
        tokenizer = AutoTokenizer.from_pretrained(asked.model)
        onnx = pathlib.Path(desk, "model.onnx")
        export(asked.model, tokenizer, onnx)
        session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
        plain = pathlib.Path(desk, "texts.txt")
        plain.write_text("\n".join(texts), encoding="utf-8")
        # The tokenizer of both is Hugging Face's, in Rust; texts of like length go together in both.
        def embed(some):
            found = tokenizer(some, truncation=True, max_length=asked.most)
            order = sorted(range(len(some)), key=lambda at: len(found["input_ids"][at]))
            for first in range(0, len(order), asked.batch):
                places = order[first : first + asked.batch]
                longest = len(found["input_ids"][places[-1]])
                ids = np.zeros((len(places), longest), dtype=np.int64)
                mask = np.zeros_like(ids)
                for row, at in enumerate(places):
                    one = found["input_ids"][at]
                    ids[row, : len(one)], mask[row, : len(one)] = one, 1
                session.run(None, {"input_ids": ids, "attention_mask": mask})

        embed(texts[:64])
        theirs, ours = [], []
        for turn in range(asked.turns):
            start = time.perf_counter()
            embed(texts)
            theirs.append(len(texts) / (time.perf_counter() - start))
            done = subprocess.run([asked.ours, asked.model, plain], capture_output=True, check=True, text=True)
            ours.append(float(done.stdout))
            print(f"turn {turn + 1}: onnxruntime {theirs[-1]:.1f}, Ordinate {ours[-1]:.1f} texts/s", flush=True)
    ratio = statistics.median(mine / its for mine, its in zip(ours, theirs))
    print(f"onnxruntime {onnxruntime.__version__}: {max(theirs):.1f} texts/s, Ordinate {max(ours):.1f}; ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
