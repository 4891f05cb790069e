"""Makes vocabulary.json and gguf/pieces-Q8_0.head: how llama.cpp and SentencePiece cut texts with a small vocabulary that is
trained here. Run with torch, transformers, gguf, numpy, sentencepiece and llama-cpp-python:

    python make_vocabulary.py .

Where a text has no control token or token defined by hand, both are asked, and have to agree.
"""

import io
import json
import sys
import tempfile
from pathlib import Path

import gguf
import llama_cpp
import numpy as np
import sentencepiece
from transformers.models.llama import LlamaConfig

from make_gguf import PARTS, described, gguf_name
from tiny import SHAPE, fill, model_of

CORPUS = [
    "The court held that the contract was void because the seller had not told the buyer of the defect.",
    "The patient was admitted with chest pain and shortness of breath; the electrocardiogram was normal.",
    "Gold futures ended the week higher, and the price of silver fell by two percent in the same week.",
    "Der Vertrag ist nichtig, weil der Verkäufer den Käufer nicht über den Mangel aufgeklärt hat.",
    "Die Größe der Straße überraschte die Gäste, die über die Brücke kamen.",
    "根据合同法的规定，当事人应当按照约定全面履行自己的义务。",
    "被告人因故意伤害罪被判处有期徒刑三年，缓刑四年。",
    "法院认为，原告的诉讼请求符合法律规定，应当予以支持。",
    "for index in range(10):\n    print(index)\n\n    if index == 3:\n        break",
    "The answer is that the other one was there, and then they went with them to the theatre.",
] * 20

TEXTS = [
    "", " ", "  ", "a", " a", "a ", "The contract was void.", "the  price   of    silver", "\tTabs\tand\nlines\n\n",
    "当事人应当履行义务", "法院认为 the contract 无效。", "龘靐齉爩", "😀 smile 👩‍👩‍👧‍👦!", "naïve café — Größe", "e\u0301 accents",
    "1234567890 3.14", "ΑΒΓ абв हिन्दी العربية", "\u2581already", "x\u00a0y\u3000z", "<0x41> is no byte", "zzzzzzzz", "\u0000nul",
    "    print(index)", "theretheretherethere", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
]
SPECIAL = [
    "<s>The contract</s>", "<|user|>\nWhy?<|end|>\n<|assistant|>", "a<|user|>b", "a <|user|> b", "<|user|><|user|>",
    "gold-futures gold futures", "x gold-futures", "<unk>", "line\n\n\nline", "<|user",
]


def trained():
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS), model_writer=model, model_type="bpe", vocab_size=560, byte_fallback=True,
        character_coverage=0.98, normalization_rule_name="identity", remove_extra_whitespaces=False,
        control_symbols=["<|user|>", "<|assistant|>", "<|end|>"], user_defined_symbols=["gold-futures", "\n\n"],
        num_threads=1, minloglevel=2)
    return sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())


def metadata(writer, pieces, config):
    described(writer, "llama", config)
    ids = range(pieces.get_piece_size())
    kinds = []
    for at in ids:
        kind = gguf.TokenType.NORMAL
        kind = gguf.TokenType.UNKNOWN if pieces.is_unknown(at) else kind
        kind = gguf.TokenType.CONTROL if pieces.is_control(at) else kind
        kind = gguf.TokenType.BYTE if pieces.is_byte(at) else kind
        kind = gguf.TokenType.USER_DEFINED if pieces.id_to_piece(at) in ("gold-futures", "\n\n") else kind
        kinds.append(kind)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([pieces.id_to_piece(at) for at in ids])
    writer.add_token_scores([pieces.get_score(at) for at in ids])
    writer.add_token_types(kinds)
    writer.add_bos_token_id(pieces.bos_id())
    writer.add_eos_token_id(pieces.eos_id())
    writer.add_unk_token_id(pieces.unk_id())


def written(path, pieces, config, state, prefix, whole):
    writer = gguf.GGUFWriter(path, "llama")
    metadata(writer, pieces, config)
    writer.add_add_space_prefix(prefix)
    for key, value in state.items():
        name = gguf_name(key, PARTS)
        wanted = gguf.GGMLQuantizationType.F32 if value.ndim == 1 else gguf.GGMLQuantizationType.Q8_0
        data = np.ascontiguousarray(fill(name, tuple(value.shape)), dtype=np.float32)
        writer.add_tensor(name, gguf.quants.quantize(data, wanted), raw_dtype=wanted)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file() if whole else writer.write_ti_data_to_file()
    writer.close()


def main():
    folder = Path(sys.argv[1])
    pieces = trained()
    config = LlamaConfig(**(SHAPE | dict(vocab_size=pieces.get_piece_size())), tie_word_embeddings=True)
    _, state = model_of(config)
    written(folder / "gguf" / "pieces-Q8_0.head", pieces, config, state, True, False)
    rows = []
    for prefix in (True, False):
        with tempfile.TemporaryDirectory() as place:
            path = Path(place) / "m.gguf"
            written(path, pieces, config, state, prefix, True)
            model = llama_cpp.Llama(str(path), vocab_only=True, verbose=False)
            for text in TEXTS + SPECIAL:
                ids = model.tokenize(text.encode(), add_bos=False, special=True)
                # SentencePiece puts a space before an empty text and before a space, too.
                if prefix and text in TEXTS and text.strip() and not any(word in text for word in ("\n\n", "<0x", "\u2581")):
                    assert ids == pieces.encode(text), (text, ids, pieces.encode(text))
                rows.append({"prefix": prefix, "text": text, "ids": ids,
                             "said": model.detokenize(ids, special=False).decode(errors="replace")})
    lines = ",\n".join(json.dumps(row, ensure_ascii=True, separators=(",", ":")) for row in rows)
    (folder / "vocabulary.json").write_text("[\n" + lines + "\n]\n")


main()
