"""Figures of labels as scikit-learn has them: writes ranking.json beside this script. Needs scikit-learn (1.9 was used)."""
import json
import pathlib
import random

from sklearn.metrics import balanced_accuracy_score, roc_auc_score, roc_curve

random.seed(5)
cases = []
for items, digits, share in [(20, 6, 0.5), (200, 2, 0.3), (500, 1, 0.1), (3, 6, 0.5)]:
    while True:
        positive = [random.random() < share for _ in range(items)]
        if 0 < sum(positive) < items:
            break
    scores = [round(min(max(random.gauss(0.6 if p else 0.4, 0.2), 0.0), 1.0), digits) for p in positive]
    outputs = ["yes" if s >= 0.5 else "no" for s in scores]
    targets = ["yes" if p else "no" for p in positive]
    false, true, _ = roc_curve(positive, scores, drop_intermediate=False)
    at = {str(s): max(t for f, t in zip(false, true) if 1 - f >= s - 1e-12) for s in (0.8, 0.9, 0.95, 1.0)}
    cases.append({"scores": scores, "positive": positive, "outputs": outputs, "targets": targets,
                  "auroc": roc_auc_score(positive, scores), "sensitivity_at": at,
                  "balanced_accuracy": balanced_accuracy_score(targets, outputs)})
classes = ["a", "b", "c", "d"]
targets = random.choices(classes, [5, 3, 1, 0.3], k=300)
outputs = [t if random.random() < 0.7 else random.choice(classes) for t in targets]
several = {"outputs": outputs, "targets": targets, "balanced_accuracy": balanced_accuracy_score(targets, outputs)}
pathlib.Path(__file__).with_name("ranking.json").write_text(json.dumps({"two": cases, "several": several}) + "\n")
