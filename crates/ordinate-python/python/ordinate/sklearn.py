"""The classifier that a verdict recommends, as an estimator of scikit-learn, which has to be installed:

    from ordinate.sklearn import OrdinateClassifier

    classifier = OrdinateClassifier().fit(texts, labels)      # or a table of numbers, or a data frame
    classifier.predict(texts), classifier.predict_proba(texts), classifier.verdict_.outcome
"""

from __future__ import annotations

import io
import shutil
import tarfile
import tempfile
import weakref
from pathlib import Path
from typing import Any, Mapping, Optional, Sequence

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, column_or_1d, validate_data

from . import InputError, Policy, Verdict, _frames, run

__all__ = ["OrdinateClassifier"]

TEXTS = (
    {"name": "ngram", "lineage": "vertical", "local": {"model": "ngram-linear"}},
    {"name": "probe", "lineage": "transferred", "adapt": {"from": "builtin", "method": "probe"}},
)
FIELDS = (
    {"name": "trees", "lineage": "vertical", "local": {"model": "gradient-boosting"}},
    {"name": "linear", "lineage": "vertical", "local": {"model": "field-linear"}},
)
# Kinds of policy whose answer is that of one candidate, which says how sure it is.
ONE_ANSWERS = ["single", "by-slice", "route", "cascade", "select"]


class OrdinateClassifier(ClassifierMixin, BaseEstimator):
    """Measures candidates by cross-fitting on what it is given, and predicts by the policy that the verdict recommends.

    `X` is a list of texts, a table of numbers, or a data frame, whose columns are fields, or one of which (`text`) is the text.

    `candidates` are entries as in the task file; default: n-grams and a probe for texts, trees and a linear model for fields. `needs`
    are as for `ordinate.run`. With `probabilities` only policies are tried whose answer is that of one candidate, so that there is
    `predict_proba`: the probability of the answer is what the candidate was calibrated to, and the rest is spread evenly over the
    other classes. Without, votes, weights and stacks are tried too. `folds` and `seed` cut the items.

    After `fit`: `verdict_`, `policy_`, `classes_`, `n_features_in_` (tables only).
    """

    def __init__(
        self,
        candidates: Optional[Sequence[Mapping[str, Any]]] = None,
        *,
        needs: Optional[Mapping[str, Any]] = None,
        probabilities: bool = True,
        text: Optional[str] = None,
        folds: int = 5,
        seed: int = 0,
    ) -> None:
        self.candidates, self.needs, self.probabilities = candidates, needs, probabilities
        self.text, self.folds, self.seed = text, folds, seed

    def fit(self, X: Any, y: Any) -> "OrdinateClassifier":
        """Runs the task, and keeps the run folder as long as the estimator lives; a pickle holds it."""
        rows = self._rows(X, fit=True)
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        if type_of_target(y, raise_unknown=True) == "continuous":
            raise ValueError(f"Unknown label type: {type_of_target(y)}")
        if len(rows) != len(y):
            raise ValueError(f"Found input variables with inconsistent numbers of samples: {[len(rows), len(y)]}")
        self.classes_, places = np.unique(y, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"there is one class, {self.classes_[0]!r}, and a classifier needs samples of two classes at least")
        self._names = _names(self.classes_)
        items = [{"id": str(at), "target": self._names[place], **row} for at, (row, place) in enumerate(zip(rows, places))]
        with_text = "input" in rows[0]
        data = {"items": items, "id": "id", "target": "target", **({"input": "input"} if with_text else {"features": self._fields})}
        task = {
            "task": {"name": "classifier", "kind": "classify"},
            "data": data,
            "combine": {"folds": max(2, min(self.folds, len(items)))},
            "statistics": {"seed": self.seed},
            "data_needs": {"measure": "none"},
            "candidate": list(self.candidates or (TEXTS if with_text else FIELDS)),
        }
        if self.probabilities:
            task["combine"]["kinds"] = ONE_ANSWERS
        folder = Path(tempfile.mkdtemp(prefix="ordinate-"))
        self._keep(folder)
        try:
            self.verdict_: Verdict = run(task, self.needs, out=folder / "run", hosting=False)
        except InputError as error:
            raise ValueError(str(error)) from error
        return self

    def predict(self, X: Any) -> np.ndarray:
        """The class of each."""
        answers = self._answers(X)
        return self.classes_[[place for place, _ in answers]]

    @available_if(lambda self: self.probabilities)
    def predict_proba(self, X: Any) -> np.ndarray:
        """The probability of each class, in the order of `classes_`."""
        answers = self._answers(X)
        count = len(self.classes_)
        shares = np.empty((len(answers), count))
        for row, (place, sure) in enumerate(answers):
            sure = 1.0 if sure is None else max(sure, 1.0 / count)
            shares[row] = (1.0 - sure) / (count - 1)
            shares[row, place] = sure
        return shares

    @property
    def policy_(self) -> Policy:
        """The recommended policy, or the best single where none is."""
        verdict = self.verdict_
        return verdict.policy(None if verdict.recommended else verdict.candidates[0]["name"])

    def _answers(self, X: Any) -> list:
        check_is_fitted(self)
        rows = self._rows(X, fit=False)
        places = {name: place for place, name in enumerate(self._names)}
        decisions = self.policy_.ask_items([{"id": str(at), **row} for at, row in enumerate(rows)])
        answers = []
        for decision in decisions:
            if decision["answer"] not in places:
                raise RuntimeError(f"no candidate of the policy could answer item {decision['id']} in this process")
            answers.append((places[decision["answer"]], decision.get("confidence")))
        return answers

    def _rows(self, X: Any, *, fit: bool) -> list:
        """Items without their targets."""
        if self.text is not None:
            column = X[self.text]
            return [{"input": _text(value)} for value in (column.to_list() if hasattr(column, "to_list") else column)]
        if _is_texts(X):
            return [{"input": _text(value)} for value in X]
        if not _frames.is_table(X) or isinstance(X, list):
            table = validate_data(self, X, reset=fit, dtype=np.float64)
            self._fields = self._fields if not fit else [f"x{at}" for at in range(table.shape[1])]
            return [dict(zip(self._fields, row)) for row in table.tolist()]
        # Fields of a frame may be categories, and may be missing.
        validate_data(self, X, reset=fit, skip_check_array=True)
        columns = {str(name): X[name] for name in X.columns}
        self._fields = self._fields if not fit else list(columns)
        values = [columns[name].to_list() for name in self._fields]
        return [{name: _frames._plain(value) for name, value in zip(self._fields, row)} for row in zip(*values)]

    def _keep(self, folder: Path) -> None:
        self._folder = folder
        self._finalizer = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)

    def __getstate__(self) -> dict:
        state = dict(super().__getstate__())
        state.pop("_finalizer", None)
        if (folder := state.pop("_folder", None)) is not None:
            packed = io.BytesIO()
            with tarfile.open(fileobj=packed, mode="w") as archive:
                archive.add(folder / "run", "run")
            state["_packed"], state["verdict_"] = packed.getvalue(), self.verdict_.json
        return state

    def __setstate__(self, state: dict) -> None:
        state = dict(state)
        packed = state.pop("_packed", None)
        super().__setstate__(state)
        if packed is not None:
            folder = Path(tempfile.mkdtemp(prefix="ordinate-"))
            self._keep(folder)
            with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
                archive.extractall(folder, **({"filter": "data"} if hasattr(tarfile, "data_filter") else {}))
            self.verdict_ = Verdict(state["verdict_"], folder / "run")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = True
        return tags


def _is_texts(X: Any) -> bool:
    """Whether it is texts, one for each item."""
    if isinstance(X, (list, tuple)):
        return len(X) > 0 and all(isinstance(value, str) for value in X)
    return getattr(X, "ndim", None) == 1 and len(X) > 0 and all(isinstance(value, str) for value in X)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"an item is a text, and one is {value!r}")
    return value


def _names(classes: np.ndarray) -> list:
    """A name for each class that is told from the others whatever case and space; their own where that is so."""
    names = [str(label) for label in classes]
    told = {" ".join(name.casefold().split()) for name in names}
    return names if len(told) == len(names) and "" not in told else [f"class {at}" for at in range(len(names))]
