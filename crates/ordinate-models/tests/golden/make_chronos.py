"""Tiny forecasters of the Chronos family: what `chronos-forecasting` says of them.

    pip install torch transformers chronos-forecasting
    python make_chronos.py          # writes chronos.json and chronos/

chronos/ has a folder for each model as `save_pretrained` writes it, with random weights: Chronos-Bolt with and without what published ones have
(a token behind the patches, patches that do not overlap), and Chronos of tokens as the original T5 and as T5 1.1. chronos.json has what each says
of the same series.
"""
import json
import math
import shutil
import tempfile
import warnings
from importlib.metadata import version
from pathlib import Path

import torch
from chronos import BaseChronosPipeline
from chronos.chronos_bolt import ChronosBoltModelForForecasting
from transformers import T5Config, T5ForConditionalGeneration
from transformers.models.t5.modeling_t5 import T5Attention

HERE = Path(__file__).resolve().parent / "chronos"
NAN = math.nan
WAVE = [round(20 + 5 * math.sin(at / 2) + 0.3 * at, 3) for at in range(40)]
SERIES = {
    "short": [112.0, 118.5, 132.25, 129.0, 121.5, 135.0, 148.0],
    "whole patches": [round(3 * math.cos(at), 4) for at in range(12)],
    "longer than is read": WAVE,
    "missing": [NAN, NAN, NAN, NAN, NAN, 5.0, 6.5, NAN, 7.25, 6.0, NAN, NAN, NAN, NAN, NAN, NAN, 4.5, 5.5, NAN, 6.75],
    "the same": [5.0] * 9,
    "nothing": [0.0] * 6,
    "one": [-3.5],
    "large": [value * 1e9 for value in WAVE[:11]],
}
HORIZONS = [4, 6, 15]
LEVELS = [[0.1, 0.5, 0.9], [0.05, 0.25, 0.5, 0.975]]
DECILES = [round(0.1 * at, 1) for at in range(1, 10)]
SHAPE = dict(
    d_model=16, d_kv=6, d_ff=20, num_heads=2, dropout_rate=0.0, relative_attention_num_buckets=8, relative_attention_max_distance=20, pad_token_id=0,
    eos_token_id=1, decoder_start_token_id=0)


def bolts():
    patched = dict(context_length=24, prediction_length=6, input_patch_size=4, input_patch_stride=4, quantiles=DECILES, use_reg_token=True)
    yield "bolt", T5Config(**SHAPE, num_layers=2, num_decoder_layers=2, feed_forward_proj="relu", chronos_config=patched)
    other = patched | dict(use_reg_token=False, input_patch_stride=2, quantiles=[0.05, 0.5, 0.95])
    yield "bolt-gated", T5Config(**SHAPE, num_layers=1, num_decoder_layers=2, feed_forward_proj="gated-gelu", chronos_config=other)


def tokens():
    binned = dict(
        tokenizer_class="MeanScaleUniformBins", tokenizer_kwargs=dict(low_limit=-3.0, high_limit=3.0), n_tokens=64, n_special_tokens=2, pad_token_id=0,
        eos_token_id=1, use_eos_token=True, model_type="seq2seq", context_length=24, prediction_length=6, num_samples=20, temperature=1.0, top_k=50, top_p=1.0)
    yield "tokens", T5Config(**SHAPE, vocab_size=64, num_layers=2, num_decoder_layers=2, feed_forward_proj="relu", chronos_config=binned)
    other = binned | dict(temperature=0.7, top_k=12, top_p=0.9, use_eos_token=False)
    yield "tokens-gated", T5Config(
        **SHAPE, vocab_size=64, num_layers=2, num_decoder_layers=1, feed_forward_proj="gated-gelu", tie_word_embeddings=False, chronos_config=other)


def randomised(model, seed):
    """Weights of about the size that trained ones have, norms and biases too."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            noise = torch.randn(weight.shape, generator=generator)
            weight.copy_(1 + 0.2 * noise if "norm" in name else 0.7 * noise if "shared" in name or "relative" in name else 0.35 * noise)
    return model.eval()


def saved(model, name):
    folder = HERE / name
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as there:
        model.save_pretrained(there)
        shutil.copy(Path(there) / "model.safetensors", folder / "model.safetensors")
        said = json.loads((Path(there) / "config.json").read_text())
    kept = {key: value for key, value in said.items() if not key.startswith("_") and key not in {"transformers_version", "task_specific_params"}}
    # As published models of T5 1.1 say it; transformers 5 writes it otherwise.
    if name == "tokens-gated" and kept.pop("scale_decoder_outputs") is False:
        kept["tie_word_embeddings"] = False
    (folder / "config.json").write_text(json.dumps(kept, indent=2, sort_keys=True) + "\n")
    return BaseChronosPipeline.from_pretrained(str(folder))


def plain(tensor, digits=6):
    return [float(f"{value:.{digits}g}") for value in tensor.flatten().tolist()]


def of_bolt(pipeline):
    rows = []
    for name, values in SERIES.items():
        past = torch.tensor(values)
        with torch.no_grad():
            states, _, _, mask = pipeline.model.encode(past[-24:].unsqueeze(0))
        row = {"series": name, "states": plain(states[0][mask[0].bool()][:, ::3]), "forecasts": []}
        for horizon in HORIZONS:
            # Others than its own are right there only where those lie at equal distances.
            for levels in LEVELS if len(pipeline.quantiles) == 9 else [pipeline.quantiles]:
                quantiles, median = pipeline.predict_quantiles([past], prediction_length=horizon, quantile_levels=levels)
                row["forecasts"].append({"horizon": horizon, "levels": levels, "quantiles": plain(quantiles[0].T, 7), "values": plain(median[0], 7)})
        rows.append(row)
    return {"rows": rows}


def of_tokens(pipeline):
    rows, begun = [], [0, 5, 17, 40, 33]
    for name, values in SERIES.items():
        past = torch.tensor(values).unsqueeze(0)
        ids, mask, scale = pipeline.tokenizer.context_input_transform(past)
        with torch.no_grad():
            said = pipeline.model.model(input_ids=ids, attention_mask=mask, decoder_input_ids=torch.tensor([begun]))
        row = {
            "series": name, "tokens": ids[mask].tolist(), "scale": float(scale[0]),
            "states": plain(said.encoder_last_hidden_state[0][mask[0]][:, ::3]), "logits": plain(said.logits[0][:, ::7]), "greedy": [],
        }
        for horizon in HORIZONS:
            path = pipeline.predict([past[0]], prediction_length=horizon, num_samples=2, top_k=1)[0]
            assert (path[0] == path[1]).all()
            row["greedy"].append(plain(path[0], 7))
        rows.append(row)
    # What is drawn can be held against what is drawn often: the generators are not the same.
    torch.manual_seed(11)
    many = pipeline.predict([torch.tensor(SERIES["short"])], prediction_length=3, num_samples=20_000)[0]
    drawn = [plain(torch.quantile(many[:, step], torch.tensor([0.1, 0.25, 0.5, 0.75, 0.9])), 7) for step in range(3)]
    return {"begun": begun, "rows": rows, "drawn": drawn, "means": plain(many.mean(0)), "deviations": plain(many.std(0))}


def buckets():
    distances = torch.arange(-600, 601)
    for both, count, furthest in [(True, 32, 128), (False, 32, 128), (True, 8, 20), (False, 8, 20)]:
        found = T5Attention._relative_position_bucket(distances, bidirectional=both, num_buckets=count, max_distance=furthest)
        yield {"both_ways": both, "buckets": count, "furthest": furthest, "of": found.tolist()}


def main():
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    models = {}
    for seed, (name, config) in enumerate(bolts()):
        config.architectures, config.chronos_pipeline_class = ["ChronosBoltModelForForecasting"], "ChronosBoltPipeline"
        models[name] = of_bolt(saved(randomised(ChronosBoltModelForForecasting(config), seed), name))
    for seed, (name, config) in enumerate(tokens()):
        models[name] = of_tokens(saved(randomised(T5ForConditionalGeneration(config), 10 + seed), name))
    versions = {name: version(name) for name in ["torch", "transformers", "chronos-forecasting"]}
    series = {name: [None if math.isnan(value) else value for value in values] for name, values in SERIES.items()}
    value = {"versions": versions, "series": series, "models": models, "buckets": list(buckets())}
    text = json.dumps(value, separators=(",", ":"))
    (HERE.parent / "chronos.json").write_text(text.replace('{"series"', '\n{"series"') + "\n")


if __name__ == "__main__":
    main()
