"""Makes decoders.json: what `transformers` says of tiny models of every architecture.

The weights are not stored: they follow from a formula that both sides compute (`number`), so that the golden file
holds the configuration, the shapes and the logits only. Run with torch, transformers, gguf and numpy:

    python make_decoders.py decoders.json
    python make_decoders.py --gguf FOLDER     # GGUF files of the same weights (F16, Q8_0)

The GGUF files are small, and lie beside as gguf/ARCHITECTURE-TYPE.gguf.
"""

import json
import math
import sys
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForCausalLM
from transformers.models.gemma import GemmaConfig
from transformers.models.llama import LlamaConfig
from transformers.models.mistral import MistralConfig
from transformers.models.phi3 import Phi3Config
from transformers.models.qwen2 import Qwen2Config
from transformers.models.qwen3 import Qwen3Config

PROMPT = [3, 17, 60, 5, 41, 41, 8, 22, 90, 11]
STEPS = 6

SHAPE = dict(
    vocab_size=96, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
    num_key_value_heads=2, max_position_embeddings=128, rms_norm_eps=1e-5, bos_token_id=1, eos_token_id=2,
    pad_token_id=0, attn_implementation="eager",
)


def configs():
    yield "llama", LlamaConfig(**SHAPE)
    scaling = dict(rope_type="llama3", rope_theta=500.0, factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
                   original_max_position_embeddings=32)
    yield "llama3", LlamaConfig(**SHAPE, rope_parameters=scaling, tie_word_embeddings=True)
    yield "llama-bias", LlamaConfig(**SHAPE, attention_bias=True)
    yield "mistral", MistralConfig(**SHAPE, sliding_window=6, head_dim=16)
    yield "qwen2", Qwen2Config(**SHAPE)
    yield "qwen3", Qwen3Config(**SHAPE, head_dim=16, tie_word_embeddings=True)
    yield "gemma", GemmaConfig(**SHAPE, head_dim=16)
    yield "phi3", Phi3Config(**SHAPE, sliding_window=7)
    yield "phi3-partial", Phi3Config(**SHAPE, partial_rotary_factor=0.5)


def fill(name, shape):
    """The formula: a hash of the tensor's name and the place, to [-1, 1), scaled. The same in tests/decoders.rs."""
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
    scale = 0.25 if len(shape) == 1 else 0.5
    if name.endswith("norm.weight"):
        return (value * scale + 1.0).reshape(shape)
    return (value * scale).reshape(shape)


def model_of(config):
    model = AutoModelForCausalLM.from_config(config, attn_implementation="eager").float().eval()
    state = {name: torch.from_numpy(fill(name, tuple(tensor.shape)).copy()) for name, tensor in model.state_dict().items()
             if not (config.tie_word_embeddings and name == "lm_head.weight")}
    missing, unexpected = model.load_state_dict(state, strict=False)
    assert not unexpected and all(name == "lm_head.weight" for name in missing), (missing, unexpected)
    model.tie_weights()
    return model, state


GGUF = ("llama", "qwen2", "qwen3", "gemma", "phi3")


def rounded(config, tokens):
    """The logits with every matrix, and what goes into it, rounded to Q8_0 as llama.cpp and candle do."""
    import gguf

    eight = gguf.GGMLQuantizationType.Q8_0

    def through(tensor):
        data = np.ascontiguousarray(tensor.numpy().reshape(-1, tensor.shape[-1]), dtype=np.float32)
        return torch.from_numpy(gguf.quants.dequantize(gguf.quants.quantize(data, eight), eight)).reshape(tensor.shape)

    model, _ = model_of(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.copy_(through(parameter))
        for module in model.modules():
            if isinstance(module, torch.nn.Linear):
                module.register_forward_pre_hook(lambda _, inputs: (through(inputs[0]),))
        return model(torch.tensor([tokens])).logits[0, len(PROMPT) - 1:]


def cells(steps):
    return [[round(float(cell), 6) for cell in step] for step in steps]


def golden():
    rows = []
    for name, config in configs():
        model, state = model_of(config)
        with torch.no_grad():
            tokens = list(PROMPT)
            prompt = model(torch.tensor([tokens])).logits[0, -1]
            steps = [prompt]
            for _ in range(STEPS):
                tokens.append(int(steps[-1].argmax()))
                steps.append(model(torch.tensor([tokens]), use_cache=False).logits[0, -1])
        text = json.loads(config.to_json_string(use_diff=False))
        keep = {key: value for key, value in text.items() if value is not None and not key.startswith("_")}
        for key in ("transformers_version", "architectures", "id2label", "label2id", "dtype", "layer_types", "use_cache",
                    "chunk_size_feed_forward", "is_encoder_decoder", "output_attentions", "output_hidden_states",
                    "return_dict", "problem_type", "initializer_range", "pretraining_tp", "attention_dropout",
                    "embd_pdrop", "resid_pdrop"):
            keep.pop(key, None)
        rows.append({
            "name": name, "config": keep, "shapes": {key: list(value.shape) for key, value in state.items()},
            "prompt": PROMPT, "chosen": tokens[len(PROMPT):],
            "logits": cells(steps), **({"q8": cells(rounded(config, tokens))} if name in GGUF else {}),
        })
    return rows


PARTS = {
    "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output", "self_attn.qkv_proj": "attn_qkv", "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.gate_up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
}


def gguf_name(name):
    whole = {"model.embed_tokens.weight": "token_embd.weight", "model.norm.weight": "output_norm.weight",
             "lm_head.weight": "output.weight"}
    if name in whole:
        return whole[name]
    _, _, layer, rest = name.split(".", 3)
    stem, end = rest.rsplit(".", 1)
    return f"blk.{layer}.{PARTS[stem]}.{end}"


def permuted(tensor, heads):
    """llama.cpp's converter reorders queries and keys of Llama's architecture so that neighbours rotate together."""
    shape = tensor.shape
    return tensor.reshape(heads, 2, shape[0] // heads // 2, *shape[1:]).swapaxes(1, 2).reshape(shape)


def gguf_files(folder):
    import gguf

    folder.mkdir(parents=True, exist_ok=True)
    words = ["!", "b", "c", "a", "ab", "abc", "Ġ", "Ġa", "Ġab"]
    letters = [chr(code) for code in range(ord("d"), ord("z") + 1)]
    special = ["<|end|>", "<|user|>", "<|assistant|>"]
    vocabulary = words + letters + special
    vocabulary += [f"<|unused{at}|>" for at in range(96 - len(vocabulary))]
    for name, config in configs():
        if name not in GGUF:
            continue
        # One in halves is enough to tell reading from quantisation.
        for kind in ("F16", "Q8_0") if name == "llama" else ("Q8_0",):
            _, state = model_of(config)
            writer = gguf.GGUFWriter(folder / f"{name}-{kind}.gguf", name)
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
            writer.add_rope_dimension_count(head)
            writer.add_rope_freq_base(10000.0)
            if name == "phi3":
                writer.add_sliding_window(config.sliding_window)
            writer.add_tokenizer_model("gpt2")
            writer.add_tokenizer_pre("qwen2")
            writer.add_token_list(vocabulary)
            types = [gguf.TokenType.CONTROL if word.startswith("<|") else gguf.TokenType.NORMAL for word in vocabulary]
            writer.add_token_types(types)
            writer.add_token_merges(["a b", "ab c", "Ġ a", "Ġa b"])
            writer.add_eos_token_id(vocabulary.index("<|end|>"))
            writer.add_bos_token_id(0)
            writer.add_add_bos_token(False)
            writer.add_chat_template(
                "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}<|end|>{% endfor %}"
                "{% if add_generation_prompt %}<|assistant|>{% endif %}")
            for key, tensor in state.items():
                data = tensor.numpy()
                if name == "gemma" and key.endswith("norm.weight"):
                    data = data + 1.0
                if name == "llama" and "q_proj" in key:
                    data = permuted(data, config.num_attention_heads)
                if name == "llama" and "k_proj" in key:
                    data = permuted(data, config.num_key_value_heads)
                whole = data.ndim == 1
                wanted = gguf.GGMLQuantizationType.F32 if whole else gguf.GGMLQuantizationType[kind]
                data = np.ascontiguousarray(data, dtype=np.float32)
                writer.add_tensor(gguf_name(key), gguf.quants.quantize(data, wanted), raw_dtype=wanted)
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.write_tensors_to_file()
            writer.close()


if sys.argv[1] == "--gguf":
    gguf_files(Path(sys.argv[2]))
else:
    rows = golden()
    Path(sys.argv[1]).write_text("[\n" + ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows) + "\n]\n")
