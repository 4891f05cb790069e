"""The linear models of texts: Ordinate against scikit-learn, on the same features, in one run.

    pip install scikit-learn
    cargo build --release -p ordinate-models --example text_fit
    python3 scripts/side_by_side/text_models.py ../shared/data/tasks/banking77 target/release/examples/text_fit

The example fits, and writes its features: TF-IDF of n-grams, and the vectors of the built-in encoder. scikit-learn is given these. Ours
chooses among three penalties by the log loss of held-out rows and calibrates its probabilities; beside it stand one fit of LogisticRegression and
of LinearSVC, and with --choose LogisticRegressionCV, which chooses among the same penalties. Times are those of fits alone.
"""

import argparse
import pathlib
import subprocess
import tempfile
import time
import warnings

from sklearn.datasets import load_svmlight_files
from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
from sklearn.svm import LinearSVC


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("set", type=pathlib.Path)
    parser.add_argument("ours")
    parser.add_argument("--choose", action="store_true", help="LogisticRegressionCV too, which takes minutes")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as desk:
        done = subprocess.run([asked.ours, asked.set / "train.jsonl", asked.set / "test.jsonl", desk], capture_output=True, check=True, text=True)
        print("| features | model | accuracy | fit, s | times ours |\n|---|---|---|---|---|")
        for line in done.stdout.splitlines():
            name, took, quality = line.split()
            print(f"| {name} | Ordinate, three penalties, calibrated | {float(quality):.3f} | {float(took):.1f} | |", flush=True)
            train, targets, test, right = load_svmlight_files([f"{desk}/{name}-train.svm", f"{desk}/{name}-test.svm"])
            if name == "probe":
                train, test = train.toarray(), test.toarray()
            else:
                # Places of the hash that train texts have, as ours are narrowed to these too.
                seen = train.getnnz(axis=0) > 0
                train, test = train[:, seen], test[:, seen]
            costs = (2, 8, 32) if name == "n-grams" else (1, 8, 64)
            models = [LogisticRegression(C=8, max_iter=1000), LinearSVC(C=1)]
            if asked.choose:
                models.append(LogisticRegressionCV(Cs=costs, cv=5, max_iter=1000, scoring="neg_log_loss", n_jobs=-1))
            for model in models:
                start = time.perf_counter()
                model.fit(train, targets)
                seconds = time.perf_counter() - start
                called = type(model).__name__ + (f", C = {model.C}" if hasattr(model, "C") else ", three penalties, five folds")
                print(f"| {name} | {called} | {model.score(test, right):.3f} | {seconds:.1f} | {seconds / float(took):.2f} |", flush=True)


if __name__ == "__main__":
    main()
