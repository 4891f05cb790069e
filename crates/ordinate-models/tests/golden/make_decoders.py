"""Makes decoders.json: what `transformers` says of tiny models of every architecture (see tiny.py). Run with torch,
transformers and numpy:

    python make_decoders.py decoders.json
"""

import sys
from pathlib import Path

from transformers.models.gemma import GemmaConfig
from transformers.models.gemma2 import Gemma2Config
from transformers.models.gemma3 import Gemma3TextConfig
from transformers.models.llama import LlamaConfig
from transformers.models.mistral import MistralConfig
from transformers.models.phi3 import Phi3Config
from transformers.models.qwen2 import Qwen2Config
from transformers.models.qwen3 import Qwen3Config

from tiny import PROMPT, SHAPE, kept, model_of, settings, steps, write

FOUR = SHAPE | dict(num_hidden_layers=4)
# What Gemma 3's files said before version 5 of transformers.
OLD_GEMMA3 = dict(sliding_window_pattern=3, rope_theta=1000.0, rope_local_base_freq=100.0,
                  rope_scaling=dict(rope_type="linear", factor=4.0))


def configs():
    yield "llama", LlamaConfig(**SHAPE), {}
    scaling = dict(rope_type="llama3", rope_theta=500.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                   original_max_position_embeddings=32)
    yield "llama3", LlamaConfig(**SHAPE, rope_parameters=scaling, tie_word_embeddings=True), {}
    yield "llama-bias", LlamaConfig(**SHAPE, attention_bias=True), {}
    yarn = dict(rope_type="yarn", rope_theta=500.0, factor=4.0, original_max_position_embeddings=32)
    yield "llama-yarn", LlamaConfig(**SHAPE, head_dim=16, rope_parameters=yarn), {}
    yarn = yarn | dict(beta_fast=4.0, beta_slow=2.0, attention_factor=1.25, truncate=False)
    yield "qwen2-yarn", Qwen2Config(**SHAPE, rope_parameters=yarn), {}
    dynamic = dict(rope_type="dynamic", rope_theta=500.0, factor=2.0)
    yield "llama-dynamic", LlamaConfig(**SHAPE, rope_parameters=dynamic), {}
    yield "mistral", MistralConfig(**SHAPE, sliding_window=6, head_dim=16), {}
    yield "qwen2", Qwen2Config(**SHAPE), {}
    yield "qwen3", Qwen3Config(**SHAPE, head_dim=16, tie_word_embeddings=True), {}
    yield "gemma", GemmaConfig(**SHAPE, head_dim=16), {}
    # Caps as low as these, so that they are felt: the states of random weights are small.
    yield "gemma2", Gemma2Config(**FOUR, head_dim=16, query_pre_attn_scalar=20, sliding_window=5,
                                 attn_logit_softcapping=2.0, final_logit_softcapping=3.0), {}
    rope = dict(full_attention=dict(rope_type="linear", rope_theta=1000.0, factor=4.0),
                sliding_attention=dict(rope_type="default", rope_theta=100.0))
    kinds = ["full_attention", "sliding_attention", "sliding_attention", "full_attention"]
    yield "gemma3", Gemma3TextConfig(**FOUR, head_dim=16, query_pre_attn_scalar=20, sliding_window=5,
                                     rope_parameters=rope, layer_types=kinds), {}
    old = Gemma3TextConfig(**FOUR, head_dim=16, query_pre_attn_scalar=20, sliding_window=5, **OLD_GEMMA3)
    yield "gemma3-old", old, {"rope_parameters": None, "layer_types": None} | OLD_GEMMA3
    yield "phi3", Phi3Config(**SHAPE, sliding_window=7), {}
    yield "phi3-partial", Phi3Config(**SHAPE, partial_rotary_factor=0.5), {}
    # The 13th token goes over to the long factors: in the middle of what is written.
    long = dict(rope_type="longrope", rope_theta=500.0, short_factor=[1.0, 1.5, 2.0, 2.5], long_factor=[4.0, 6.0, 8.0, 9.0])
    yield "phi3-longrope", Phi3Config(**SHAPE, original_max_position_embeddings=12, rope_parameters=long), {}
    old = dict(type="longrope", short_factor=[1.0, 2.0], long_factor=[4.0, 8.0])
    file = Phi3Config(**SHAPE, original_max_position_embeddings=12, partial_rotary_factor=0.5, rope_scaling=dict(old))
    yield "phi3-longrope-old", file, {"rope_parameters": None, "rope_scaling": old, "partial_rotary_factor": 0.5}


def golden():
    for name, config, old in configs():
        model, state = model_of(config)
        rows, chosen = steps(model)
        said = {key: value for key, value in (settings(config) | old).items() if value is not None}
        yield {"name": name, "config": said, "shapes": {key: list(value.shape) for key, value in state.items()},
               "prompt": PROMPT, "chosen": chosen, "logits": kept(rows)}


if __name__ == "__main__":
    write(Path(sys.argv[1]), list(golden()))
