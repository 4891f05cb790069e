"""Tiny translators of the Marian family: what `transformers` and SentencePiece say of them.

    pip install torch transformers sentencepiece
    python make_marian.py          # writes marian.json and marian/

marian/ is a translator as `save_pretrained` writes it, but for the configurations: source.spm, target.spm and vocab.json, trained on the sentences below
with a table of characters that are written as others, and model.safetensors, which learned them a little. marian.json has several configurations for
the same weights, and what comes of each.
"""
import contextlib
import io
import json
import math
import shutil
import tempfile
from pathlib import Path

import sentencepiece
import torch
import transformers
from transformers import GenerationConfig, MarianConfig, MarianMTModel, MarianTokenizer

HERE = Path(__file__).resolve().parent / "marian"
ENGLISH = [
    "the cat sits on the mat", "a dog runs in the garden", "the cat runs", "a bird sings in the tree", "the dog sits in the garden",
    "on the mat sits a dog", "the birds sing", "a cat and a dog sing", "two cats sit in a tree", "the garden is green",
]
GERMAN = [
    "die Katze sitzt auf der Matte", "ein Hund rennt im Garten", "die Katze rennt", "ein Vogel singt im Baum", "der Hund sitzt im Garten",
    "auf der Matte sitzt ein Hund", "die Vögel singen", "eine Katze und ein Hund singen", "zwei Katzen sitzen in einem Baum", "der Garten ist grün",
]
TEXTS = [
    "the cat sits on the mat", "a dog", "  two   birds sing ", "", "the ﬁsh ＡＢ swims, 猫!", "gardens and trees and cats and dogs and birds and a mat in the green garden",
    ">>deu<< the cat", "The Cat\tsits",
]
# Ligatures and wide letters, as the tables of published models have them, and the tab; code points in hexadecimal.
RULES = "FB01\t66 69\nFF21\t41\nFF22\t42\n9\t20\n"


def trained(sentences, size, rules):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(sentences), model_writer=model, vocab_size=size, model_type="unigram", character_coverage=1.0,
        normalization_rule_tsv=rules, bos_id=-1, eos_id=0, unk_id=1, pad_id=-1, hard_vocab_limit=False, minloglevel=2)
    return model.getvalue()


def vocabularies():
    HERE.mkdir(exist_ok=True)
    # By its name alone: the model keeps the path, and nobody's folders belong into it.
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        Path("rules.tsv").write_text(RULES)
        (HERE / "source.spm").write_bytes(trained(ENGLISH, 48, "rules.tsv"))
        (HERE / "target.spm").write_bytes(trained(GERMAN, 56, "rules.tsv"))
    pieces = ["</s>", "<unk>"]
    for name in ["source.spm", "target.spm"]:
        processor = sentencepiece.SentencePieceProcessor(model_file=str(HERE / name))
        pieces += [piece for at in range(processor.get_piece_size()) if (piece := processor.id_to_piece(at)) not in pieces]
    pieces += [">>deu<<", "<pad>"]
    (HERE / "vocab.json").write_text(json.dumps({piece: at for at, piece in enumerate(pieces)}, indent=0) + "\n")
    return len(pieces)


def configs(words):
    same = dict(
        vocab_size=words, decoder_vocab_size=words, pad_token_id=words - 1, decoder_start_token_id=words - 1, eos_token_id=0, forced_eos_token_id=0,
        d_model=16, encoder_layers=2, decoder_layers=2, encoder_attention_heads=2, decoder_attention_heads=4, encoder_ffn_dim=24,
        decoder_ffn_dim=20, max_position_embeddings=48)
    written = dict(
        decoder_start_token_id=words - 1, eos_token_id=0, pad_token_id=words - 1, forced_eos_token_id=0, bad_words_ids=[[words - 1]],
        renormalize_logits=True)
    swish = MarianConfig(**same, activation_function="swish", scale_embedding=True)
    yield "swish", swish, GenerationConfig(**written, num_beams=4, max_length=20)
    relu = MarianConfig(**same, activation_function="relu", scale_embedding=False)
    yield "relu", relu, GenerationConfig(**written, num_beams=3, max_length=12, length_penalty=0.4, early_stopping=True)
    gelu = MarianConfig(**same, activation_function="gelu", scale_embedding=True)
    yield "gelu", gelu, GenerationConfig(**(written | {"renormalize_logits": False}), num_beams=5, max_length=16, length_penalty=1.4, early_stopping="never")
    yield "greedy", swish, GenerationConfig(**written, num_beams=1, max_length=20)


def taught(tokenizer, words):
    """A model that learned the sentences a little, so that what it writes is no noise, and it is not sure of it."""
    torch.manual_seed(5)
    model = MarianMTModel(next(configs(words))[1])
    pairs = [(tokenizer(one).input_ids, tokenizer(text_target=other).input_ids) for one, other in zip(ENGLISH, GERMAN)]
    optimiser = torch.optim.AdamW(model.parameters(), lr=6e-3)
    for step in range(220):
        source, target = pairs[step % len(pairs)]
        begun = torch.tensor([[words - 1, *target[:-1]]])
        logits = model(input_ids=torch.tensor([source]), decoder_input_ids=begun).logits[0]
        loss = torch.nn.functional.cross_entropy(logits, torch.tensor(target))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    # A bias, which training leaves alone.
    model.final_logits_bias = torch.tensor([[0.3 * math.sin(at) for at in range(words)]])
    return model


def main():
    torch.set_num_threads(1)
    words = vocabularies()
    tokenizer = MarianTokenizer(source_spm=str(HERE / "source.spm"), target_spm=str(HERE / "target.spm"), vocab=str(HERE / "vocab.json"))
    tokens = [tokenizer(text).input_ids for text in TEXTS]
    model = taught(tokenizer, words)
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        shutil.copy(Path(folder) / "model.safetensors", HERE / "model.safetensors")
    weights = model.state_dict()
    cases = []
    for name, config, generation in configs(words):
        config._attn_implementation = "eager"
        model = MarianMTModel(config).eval()
        model.load_state_dict(weights)
        model.generation_config = generation
        longest = max(len(ids) for ids in tokens)
        ids = torch.tensor([one + [words - 1] * (longest - len(one)) for one in tokens])
        mask = torch.tensor([[1] * len(one) + [0] * (longest - len(one)) for one in tokens])
        begun = torch.tensor([[words - 1, 5, 17, 40, 8]] * len(tokens))
        with torch.no_grad():
            said = model(input_ids=ids, attention_mask=mask, decoder_input_ids=begun)
            written = [model.generate(input_ids=torch.tensor([one]), attention_mask=torch.ones(1, len(one), dtype=torch.long))[0].tolist() for one in tokens]
        rows = []
        for at, one in enumerate(tokens):
            states = said.encoder_last_hidden_state[at, : len(one)]
            rows.append({
                "states": [round(v, 6) for v in states[:, ::5].flatten().tolist()],
                "logits": [round(v, 5) for v in said.logits[at, :, ::9].flatten().tolist()],
                "written": written[at][1:],
                "text": tokenizer.decode(written[at], skip_special_tokens=True),
            })
        settings = {key: value for key, value in json.loads(config.to_json_string(use_diff=False)).items() if key in {
            "model_type", "d_model", "encoder_layers", "decoder_layers", "encoder_attention_heads", "decoder_attention_heads", "encoder_ffn_dim",
            "decoder_ffn_dim", "max_position_embeddings", "activation_function", "scale_embedding", "pad_token_id", "eos_token_id",
            "decoder_start_token_id", "forced_eos_token_id", "vocab_size", "share_encoder_decoder_embeddings"}}
        cases.append({"name": name, "config": settings, "generation": json.loads(generation.to_json_string(use_diff=True)), "rows": rows})
    versions = {"transformers": transformers.__version__, "torch": torch.__version__, "sentencepiece": sentencepiece.__version__}
    value = {"versions": versions, "begun": [words - 1, 5, 17, 40, 8], "texts": [{"text": text, "tokens": ids} for text, ids in zip(TEXTS, tokens)], "cases": cases}
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    (Path(__file__).parent / "marian.json").write_text(text.replace('{"name"', '\n{"name"') + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
