"""A step of training an encoder, beside PyTorch: the same model, the same number of texts and tokens, turn by turn.

    pip install torch transformers peft
    python scripts/side_by_side/train_encoder.py MINILM target/release/examples/tune_speed [--batch 20] [--tokens 32] [--turns 3]

MINILM is a folder with config.json, tokenizer.json and model.safetensors. AdamW, clipping, no dropout; low-rank updates of rank 8
on the same layers.
"""

import argparse
import statistics
import subprocess
import time

import peft
import torch
import transformers

TARGETS = ["query", "key", "value", "intermediate.dense", "output.dense"]


def theirs(folder: str, method: str, batch: int, tokens: int, steps: int) -> float:
    model = transformers.AutoModelForSequenceClassification.from_pretrained(folder, num_labels=2)
    if method == "lora":
        model = peft.get_peft_model(model, peft.LoraConfig(
            task_type="SEQ_CLS", r=8, lora_alpha=16, target_modules=TARGETS, modules_to_save=["pooler", "classifier"]))
    model.eval()
    kept = [one for one in model.parameters() if one.requires_grad]
    optimiser = torch.optim.AdamW(kept, lr=1e-4, weight_decay=0.01)
    ids = torch.randint(1000, 20000, (batch, tokens))
    labels = torch.arange(batch) % 2
    times = []
    for _ in range(steps):
        began = time.perf_counter()
        loss = torch.nn.functional.cross_entropy(model(input_ids=ids).logits, labels)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(kept, 1.0)
        optimiser.step()
        times.append(time.perf_counter() - began)
    return statistics.mean(times[2:])


def ours(binary: str, folder: str, method: str, batch: int, tokens: int, steps: int) -> float:
    done = subprocess.run([binary, folder, method, str(steps), str(batch), str(tokens)],
                          stdout=subprocess.PIPE, check=True, text=True)
    return float(done.stdout.split()[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("binary")
    parser.add_argument("--batch", type=int, default=20)
    parser.add_argument("--tokens", type=int, default=32)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--turns", type=int, default=3)
    asked = parser.parse_args()
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads; {asked.batch} x {asked.tokens} tokens, "
          f"{asked.steps} steps a turn")
    print("| method | Ordinate, s a step | PyTorch, s a step | ratio |\n|---|---|---|---|")
    for method in ["full", "lora"]:
        pairs = []
        for _ in range(asked.turns):
            mine = ours(asked.binary, asked.model, method, asked.batch, asked.tokens, asked.steps)
            pairs.append((mine, theirs(asked.model, method, asked.batch, asked.tokens, asked.steps)))
        mine, other = (statistics.median(pair[side] for pair in pairs) for side in (0, 1))
        ratios = ", ".join(f"{a / b:.2f}" for a, b in pairs)
        print(f"| {method} | {mine:.3f} | {other:.3f} | {mine / other:.2f} (turns: {ratios}) |", flush=True)


if __name__ == "__main__":
    main()
