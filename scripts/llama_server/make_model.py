#!/usr/bin/env python3
"""Makes a tiny Llama as a GGUF file: random weights from a fixed seed, that write like a model with something to say.

    python make_model.py model.gguf

Weights that are random throughout would write noise, and every answer would be unreadable. So a few places of the
hidden state are kept out of the random layers: they say what kind of token was read last, and the output matrix reads
them. After the assistant's turn begins there comes a label or the word `perhaps`, whichever the random rest makes more
probable for this text; after a label the end; after `perhaps` a few random words. One label, `égal`, has its first
letter in two tokens, as byte-level vocabularies split it.
"""
import sys

import gguf
import numpy as np

SEED = 7
LAYERS, WIDTH, HEADS, INNER, CONTEXT = 2, 64, 4, 128, 2048
TEMPLATE = (
    "{% for message in messages %}<|{{ message.role }}|>{{ message.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
WORDS = [" gold", " rises", " falls", " a", " little", " and", " ends", " calm"]
# What may follow what: the kind of a token, and the tokens that come next with their head start.
KINDS = ["other", "turn", "letter", "rest", "said", "word"]
NEXT = {
    "turn": {"up": -1.0, "down": 1.0, "Ã": 3.5, "perhaps": 1.0},
    "letter": {"©": 0.0},
    "rest": {"gal": 0.0},
    "said": {"<|end|>": 0.0},
    "word": {**dict.fromkeys(WORDS, 0.0), "<|end|>": 0.3},
}
KIND = {"<|assistant|>": "turn", "Ã": "letter", "©": "rest", "up": "said", "down": "said", "gal": "said",
        "perhaps": "word", **dict.fromkeys(WORDS, "word")}


def byte_letters():
    """GPT-2's letters for the 256 bytes."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    others = [byte for byte in range(256) if byte not in plain]
    return {**{byte: chr(byte) for byte in plain}, **{byte: chr(256 + at) for at, byte in enumerate(others)}}


def weights(vocabulary):
    random = np.random.default_rng(SEED)
    flags = len(KINDS)

    def normal(*shape, scale):
        return (random.standard_normal(shape) * scale).astype(np.float32)

    embedding = normal(len(vocabulary), WIDTH, scale=0.6)
    embedding[:, :flags] = 0.0
    output = normal(len(vocabulary), WIDTH, scale=0.35)
    output[:, :flags] = -15.0
    for at, token in enumerate(vocabulary):
        kind = KIND.get(token, "other")
        embedding[at, KINDS.index(kind)] = 3.0
        for last, follows in NEXT.items():
            if token in follows:
                output[at, KINDS.index(last)] = follows[token]
    yield "token_embd.weight", embedding
    yield "output.weight", output
    yield "output_norm.weight", np.ones(WIDTH, dtype=np.float32)
    for layer in range(LAYERS):
        name = f"blk.{layer}."
        yield name + "attn_norm.weight", np.ones(WIDTH, dtype=np.float32)
        yield name + "ffn_norm.weight", np.ones(WIDTH, dtype=np.float32)
        # Sharp attention: a mean over a whole prompt would be much the same for every text.
        yield name + "attn_q.weight", normal(WIDTH, WIDTH, scale=0.5)
        yield name + "attn_k.weight", normal(WIDTH, WIDTH, scale=0.5)
        yield name + "attn_v.weight", normal(WIDTH, WIDTH, scale=0.2)
        yield name + "ffn_gate.weight", normal(INNER, WIDTH, scale=0.1)
        yield name + "ffn_up.weight", normal(INNER, WIDTH, scale=0.1)
        for part, inner in (("attn_output", WIDTH), ("ffn_down", INNER)):
            matrix = normal(WIDTH, inner, scale=0.1)
            matrix[:flags] = 0.0
            yield f"{name}{part}.weight", matrix


def main(path):
    letters = byte_letters()

    def written(word):
        return "".join(letters[byte] for byte in word.encode())

    # The letters of `é` are there already: they are two of the 256 bytes.
    words = ["up", "down", "gal", "perhaps", *(written(word) for word in WORDS)]
    merged = ["th", "the", "in", "on", "er"]
    control = ["<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
    plain = [letters[byte] for byte in range(256)] + merged + words
    vocabulary = plain + control
    types = [gguf.TokenType.NORMAL] * len(plain) + [gguf.TokenType.CONTROL] * len(control)

    writer = gguf.GGUFWriter(path, "llama")
    writer.add_name("ordinate-tiny")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(WIDTH // HEADS)
    writer.add_rope_freq_base(10000.0)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(vocabulary)
    writer.add_token_types(types)
    writer.add_token_merges(["t h", "th e", "i n", "o n", "e r"])
    writer.add_bos_token_id(vocabulary.index("<|end|>"))
    writer.add_eos_token_id(vocabulary.index("<|end|>"))
    writer.add_add_bos_token(False)
    writer.add_chat_template(TEMPLATE)
    # Kinds name words by their text; the vocabulary holds them in the letters of bytes.
    as_written = {written(word): word for word in WORDS}
    for name, tensor in weights([as_written.get(token, token) for token in vocabulary]):
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main(sys.argv[1])
