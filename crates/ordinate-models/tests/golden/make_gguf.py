"""Makes gguf.json and the heads of GGUF files, gguf/NAME.head: what `transformers` says of tiny models with the weights that
llama.cpp's converter would have written (see tiny.py). Run with torch, transformers, gguf and numpy:

    python make_gguf.py .
    python make_gguf.py --llama-cpp     # with llama-cpp-python: how far its logits are from those of `transformers`

A head is a GGUF file up to its tensors. The formula gives these by their GGUF names, in F16, Q8_0 or F32 as the head
says: tests/tiny/mod.rs makes the file whole.
"""

import sys
import tempfile
from pathlib import Path

import gguf
import numpy as np
import torch
from transformers.models.gemma import GemmaConfig
from transformers.models.gemma2 import Gemma2Config
from transformers.models.gemma3 import Gemma3TextConfig
from transformers.models.llama import LlamaConfig
from transformers.models.phi3 import Phi3Config
from transformers.models.qwen2 import Qwen2Config
from transformers.models.qwen3 import Qwen3Config

from tiny import PROMPT, SHAPE, fill, kept, model_of, steps, write

PARTS = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "self_attn.qkv_proj": "attn_qkv", "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.gate_up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}
# In Gemma 2 and 3 this norm stands behind the attention.
GEMMA2 = PARTS | {"post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm",
                  "post_feedforward_layernorm": "post_ffw_norm"}
FOUR = SHAPE | dict(num_hidden_layers=4)
SEVEN = SHAPE | dict(num_hidden_layers=7)


def gguf_name(name, parts):
    whole = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
             "lm_head.weight": "output.weight"}
    if name in whole:
        return whole[name]
    _, _, layer, rest = name.split(".", 3)
    stem, end = rest.rsplit(".", 1)
    return f"blk.{layer}.{parts[stem]}.{end}"


def apart(tensor, heads):
    """Undoes what llama.cpp's converter does to queries and keys of Llama's architecture, where neighbours rotate together."""
    shape = tensor.shape
    return tensor.reshape(heads, shape[0] // heads // 2, 2, *shape[1:]).swapaxes(1, 2).reshape(shape)


def factors(length):
    return fill(f"rope_factors_{length}.weight", (4,)).tolist()


def cases():
    """Name of the architecture, type, configuration."""
    yield "llama", "Q8_0", LlamaConfig(**SHAPE)
    yield "llama", "F16", LlamaConfig(**SHAPE)
    yield "qwen2", "Q8_0", Qwen2Config(**SHAPE)
    yield "qwen3", "Q8_0", Qwen3Config(**SHAPE, head_dim=16, tie_word_embeddings=True)
    yield "gemma", "Q8_0", GemmaConfig(**SHAPE, head_dim=16)
    yield "gemma2", "F16", Gemma2Config(**FOUR, head_dim=16, query_pre_attn_scalar=16, sliding_window=5,
                                        attn_logit_softcapping=2.0, final_logit_softcapping=3.0)
    rope = dict(full_attention=dict(rope_type="linear", rope_theta=1000.0, factor=4.0),
                sliding_attention=dict(rope_type="default", rope_theta=10000.0))
    yield "gemma3", "F16", Gemma3TextConfig(**SEVEN, head_dim=16, query_pre_attn_scalar=16, sliding_window=5,
                                            rope_parameters=rope)
    yield "phi3", "Q8_0", Phi3Config(**SHAPE, sliding_window=7)
    long = dict(rope_type="longrope", rope_theta=10000.0, short_factor=factors("short"), long_factor=factors("long"))
    yield "phi3", "F16", Phi3Config(**SHAPE, original_max_position_embeddings=12, rope_parameters=long)


def rounded(model, tokens):
    """The logits with every matrix, and what goes into it, rounded to Q8_0 as llama.cpp and candle do."""
    eight = gguf.GGMLQuantizationType.Q8_0

    def through(tensor):
        data = np.ascontiguousarray(tensor.numpy().reshape(-1, tensor.shape[-1]), dtype=np.float32)
        return torch.from_numpy(gguf.quants.dequantize(gguf.quants.quantize(data, eight), eight)).reshape(tensor.shape)

    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.copy_(through(parameter))
        for module in model.modules():
            if isinstance(module, torch.nn.Linear):
                module.register_forward_pre_hook(lambda _, inputs: (through(inputs[0]),))
        return model(torch.tensor([tokens])).logits[0, len(PROMPT) - 1:]


def vocabulary(writer):
    words = ["!", "b", "c", "a", "ab", "abc", "Ġ", "Ġa", "Ġab"]
    letters = [chr(code) for code in range(ord("d"), ord("z") + 1)]
    special = ["<|end|>", "<|user|>", "<|assistant|>"]
    tokens = words + letters + special
    tokens += [f"<|unused{at}|>" for at in range(96 - len(tokens))]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("qwen2")
    writer.add_token_list(tokens)
    writer.add_token_types([gguf.TokenType.CONTROL if word.startswith("<|") else gguf.TokenType.NORMAL for word in tokens])
    writer.add_token_merges(["a b", "ab c", "Ġ a", "Ġa b"])
    writer.add_eos_token_id(tokens.index("<|end|>"))
    writer.add_bos_token_id(0)
    writer.add_add_bos_token(False)
    writer.add_chat_template(
        "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}<|end|>{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>{% endif %}")


def described(writer, name, config):
    """The metadata, as the converter writes it."""
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    writer.add_key_length(head)
    writer.add_value_length(head)
    rope = config.rope_parameters
    rope = rope.get("full_attention", rope)
    writer.add_rope_dimension_count(head)
    writer.add_rope_freq_base(rope["rope_theta"])
    if name in ("phi3", "gemma2", "gemma3") and config.sliding_window:
        writer.add_sliding_window(config.sliding_window)
    if name == "gemma2":
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
        writer.add_final_logit_softcapping(config.final_logit_softcapping)
    if rope["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    if rope["rope_type"] == "longrope":
        before = config.original_max_position_embeddings
        writer.add_rope_scaling_orig_ctx_len(before)
        factor = config.max_position_embeddings / before
        writer.add_rope_scaling_attn_factors(float(np.sqrt(1 + np.log(factor) / np.log(before))))


def case(folder, name, kind, config, whole=False):
    parts = GEMMA2 if name in ("gemma2", "gemma3") else PARTS

    def tensor(key, shape):
        """What `transformers` holds where the file holds the formula."""
        data = fill(gguf_name(key, parts), shape)
        if name.startswith("gemma") and key.endswith("norm.weight"):
            data = data - np.float32(1.0)
        for part, heads in (("q_proj", config.num_attention_heads), ("k_proj", config.num_key_value_heads)):
            if name == "llama" and part in key:
                data = apart(data, heads)
        return data

    model, state = model_of(config, tensor)
    rows, chosen = steps(model)
    if kind == "Q8_0":
        rows = rounded(model, PROMPT + chosen)
    writer = gguf.GGUFWriter(folder / f"{name}-{kind}.head", name)
    described(writer, name, config)
    if whole:
        writer.add_tokenizer_model("none")
        writer.add_vocab_size(config.vocab_size)
    elif name in ("llama", "qwen2") and kind == "Q8_0":
        vocabulary(writer)
    shapes = [(gguf_name(key, parts), tuple(value.shape)) for key, value in state.items()]
    if config.rope_parameters.get("rope_type") == "longrope":
        shapes += [(f"rope_factors_{length}.weight", (4,)) for length in ("long", "short")]
    for key, shape in shapes:
        wanted = gguf.GGMLQuantizationType.F32 if len(shape) == 1 else gguf.GGMLQuantizationType[kind]
        data = np.ascontiguousarray(fill(key, shape), dtype=np.float32)
        writer.add_tensor(key, gguf.quants.quantize(data, wanted), raw_dtype=wanted)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file() if whole else writer.write_ti_data_to_file()
    writer.close()
    return {"name": f"{name}-{kind}", "prompt": PROMPT, "chosen": chosen, "logits": kept(rows)}


def compared():
    """llama.cpp on the whole files. It takes longrope's factors by the room of the context, not by the text, and leaves out
    the window of Phi-3: there it differs."""
    import llama_cpp

    for name, kind, config in cases():
        with tempfile.TemporaryDirectory() as folder:
            row = case(Path(folder), name, kind, config, whole=True)
            path = str(Path(folder) / f"{name}-{kind}.head")
            model = llama_cpp.Llama(path, n_ctx=64, logits_all=True, flash_attn=False, verbose=False)
            model.eval(PROMPT + row["chosen"])
            ours = kept(torch.from_numpy(np.array(model.scores[len(PROMPT) - 1:len(PROMPT) + len(row["chosen"])])))
            apart = [max(abs(a - b) for a, b in zip(*rows)) for rows in zip(ours, row["logits"])]
            print(f"{name}-{kind}: largest difference of each step", " ".join(f"{step:.4f}" for step in apart))


def main():
    if sys.argv[1] == "--llama-cpp":
        return compared()
    folder = Path(sys.argv[1])
    (folder / "gguf").mkdir(parents=True, exist_ok=True)
    write(folder / "gguf.json", [case(folder / "gguf", name, kind, config) for name, kind, config in cases()])


if __name__ == "__main__":
    main()
