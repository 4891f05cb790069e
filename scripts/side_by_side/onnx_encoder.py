"""Encoder throughput: Ordinate (candle, in the process) against onnxruntime, in one run.

    pip install torch transformers onnx onnxruntime
    cargo build --release -p ordinate-models --example embed_speed
    python3 scripts/side_by_side/onnx_encoder.py MINILM_FOLDER TEXTS.jsonl target/release/examples/embed_speed [--precision int8]

Both get the same texts, cut at the same length, batches of 32 of like length, and all cores. The two take turns, five
times; what is printed is each one's texts per second (the best turn) and the median of the ratios of neighbouring turns.
With --precision int8 ours computes in eight bits, and a third takes turns with them: onnxruntime's own eight bits
(`quantize_dynamic`, by channel). How far vectors are from those of f32 is printed of both.
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
from onnxruntime.quantization import quantize_dynamic
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
    parser.add_argument("--precision", choices=["f32", "int8"], default="f32")
    asked = parser.parse_args()
    with open(asked.texts, encoding="utf-8") as lines:
        texts = [" ".join(json.loads(line)["text"].split()) for _, line in zip(range(asked.count), lines)]
    with tempfile.TemporaryDirectory() as desk:
        tokenizer = AutoTokenizer.from_pretrained(asked.model)
        onnx = pathlib.Path(desk, "model.onnx")
        export(asked.model, tokenizer, onnx)
        engines = {"onnxruntime": onnx}
        if asked.precision == "int8":
            engines["onnxruntime int8"] = pathlib.Path(desk, "int8.onnx")
            quantize_dynamic(onnx, engines["onnxruntime int8"], per_channel=True)
        sessions = {name: onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"]) for name, path in engines.items()}
        plain = pathlib.Path(desk, "texts.txt")
        plain.write_text("\n".join(texts), encoding="utf-8")

        # The tokenizer of both is Hugging Face's, in Rust; texts of like length go together in both.
        def embed(session, some):
            found = tokenizer(some, truncation=True, max_length=asked.most)
            order = sorted(range(len(some)), key=lambda at: len(found["input_ids"][at]))
            vectors = [None] * len(some)
            for first in range(0, len(order), asked.batch):
                places = order[first : first + asked.batch]
                longest = len(found["input_ids"][places[-1]])
                ids = np.zeros((len(places), longest), dtype=np.int64)
                mask = np.zeros_like(ids)
                for row, at in enumerate(places):
                    one = found["input_ids"][at]
                    ids[row, : len(one)], mask[row, : len(one)] = one, 1
                for at, vector in zip(places, session.run(None, {"input_ids": ids, "attention_mask": mask})[0]):
                    vectors[at] = vector
            return np.stack(vectors)

        vectors = {name: embed(session, texts) for name, session in sessions.items()}
        rates = {name: [] for name in [*sessions, "Ordinate"]}
        for turn in range(asked.turns):
            for name, session in sessions.items():
                start = time.perf_counter()
                embed(session, texts)
                rates[name].append(len(texts) / (time.perf_counter() - start))
            done = subprocess.run([asked.ours, asked.model, plain, asked.precision], capture_output=True, check=True, text=True)
            rate, *further = done.stdout.splitlines()
            rates["Ordinate"].append(float(rate))
            print(f"turn {turn + 1}: " + ", ".join(f"{name} {found[-1]:.1f}" for name, found in rates.items()) + " texts/s", flush=True)
    for name in sessions:
        ratio = statistics.median(mine / its for mine, its in zip(rates["Ordinate"], rates[name]))
        print(f"{name} {onnxruntime.__version__}: {max(rates[name]):.1f} texts/s, Ordinate {asked.precision} {max(rates['Ordinate']):.1f}; ratio {ratio:.2f}")
    if asked.precision == "int8":
        exact, small = vectors.values()
        off = np.abs((exact[:-1] * exact[1:]).sum(1) - (small[:-1] * small[1:]).sum(1))
        print(f"onnxruntime int8: the least cosine of a vector with its own in f32 {(exact * small).sum(1).min():.4f}; "
              f"cosines of neighbouring texts off by {off.mean():.4f} on the mean, {off.max():.4f} at most")
        print(f"Ordinate int8: {further[0]}")


if __name__ == "__main__":
    main()
