"""Data frames in and out, and the estimator; with pandas, polars, pyarrow and scikit-learn installed, each test needs its own."""

import importlib.util
import json
import pickle
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import ordinate
from ordinate import _frames
from test_ordinate import MINE, NGRAM, Here, items, knows


def needs(*names):
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    return unittest.skipIf(missing, f"skipped: {', '.join(missing)} not installed")


class Frames(Here):
    def expected(self):
        return self.run_task(self.task(NGRAM, {**NGRAM, "name": "few", "local": {"model": "ngram-linear", "examples": 20}}))

    def same(self, table):
        """The verdict of a table is that of the file with the same rows."""
        expected = self.expected()
        task = self.task(NGRAM, {**NGRAM, "name": "few", "local": {"model": "ngram-linear", "examples": 20}})
        task["data"]["items"] = table
        verdict = ordinate.run(task, out=self.folder / "frame", cache=self.folder / "cache")
        self.assertEqual(verdict.dict["candidates"], expected.dict["candidates"])
        self.assertEqual(len(list((self.folder / "frame.data").iterdir())), 1)
        return verdict

    def test_a_list_of_dicts(self):
        self.same(list(items()))

    @needs("pandas", "pyarrow")
    def test_pandas(self):
        import pandas

        # Row names that are none of the fields.
        verdict = self.same(pandas.DataFrame(list(items()), index=range(1000, 1120)))
        evidence = verdict.evidence("pandas")
        self.assertEqual(len(evidence), 240)
        means = evidence.groupby("candidate", observed=True)["score"].mean()
        for one in verdict.candidates:
            self.assertAlmostEqual(means[one["name"]], one["quality"]["mean"])
        table = verdict.frame("candidates", "pandas")
        self.assertEqual(list(table["quality.mean"]), [one["quality"]["mean"] for one in verdict.candidates])

    @needs("pandas")
    def test_pandas_alone(self):
        import pandas

        with mock.patch.object(_frames, "_module", lambda name: None):
            self.same(pandas.DataFrame(list(items())))

    @needs("polars")
    def test_polars(self):
        import polars

        verdict = self.same(polars.DataFrame(list(items())))
        self.assertEqual(verdict.evidence("polars").height, 240)
        self.assertEqual(verdict.frame("comparisons", "polars").height, 1)

    @needs("pyarrow")
    def test_arrow(self):
        import pyarrow

        table = pyarrow.Table.from_pylist(list(items()))

        class Stream:
            """Whatever has Arrow's stream, of which it is known nothing else."""

            def __arrow_c_stream__(self, schema=None):
                return table.__arrow_c_stream__(schema)

        self.same(table)
        verdict = self.same(Stream())
        self.assertEqual(verdict.evidence("pyarrow").num_rows, 240)
        self.assertIn("quality.low", verdict.frame("candidates", "pyarrow").column_names)

    @needs("pandas", "pyarrow")
    def test_evidence_and_recorded_answers_and_slices(self):
        import pandas

        rows = [
            {"id": str(at), "candidate": name, "score": float(at % 3 != shift), "cost_usd": 0.001, "slice": "ab"[at % 2]}
            for at in range(90)
            for shift, name in enumerate(["a", "b"])
        ]
        both = [{"name": "a", "lineage": "general"}, {"name": "b", "lineage": "vertical"}]
        task = {"task": {"name": "scores", "kind": "scored"}, "data": {"evidence": pandas.DataFrame(rows), "slice": "slice"}, "candidate": both}
        verdict = self.run_task(task)
        self.assertEqual(verdict.basis["items"], 90)
        slices = verdict.frame("slices", "pandas")
        self.assertEqual(sorted(zip(slices["name"], slices["slice"])), [("a", "a"), ("a", "b"), ("b", "a"), ("b", "b")])
        with self.assertRaisesRegex(ValueError, "no table 'nothing'.*candidates"):
            verdict.frame("nothing", "pandas")

        answers = pandas.DataFrame([{"id": item["id"], "output": item["label"]} for item in items()])
        task = self.task({"name": "said", "lineage": "general", "recorded": answers}, NGRAM)
        verdict = self.run_task(task)
        self.assertEqual({one["name"]: one["quality"]["mean"] for one in verdict.candidates}["said"], 1.0)

    @needs("pandas", "pyarrow")
    def test_a_missing_field_is_named(self):
        import pandas

        task = self.task(MINE, NGRAM)
        task["data"]["items"] = pandas.DataFrame(list(items())).drop(columns="label")
        with self.assertRaisesRegex(ordinate.InputError, "label"):
            self.run_task(task, candidates={"mine": knows})

    def test_no_library(self):
        verdict = self.run_task(self.task(MINE, NGRAM), candidates={"mine": knows})
        with mock.patch.object(_frames, "_module", lambda name: None):
            with self.assertRaisesRegex(ImportError, "install one of polars, pandas, pyarrow"):
                verdict.frame()
        with self.assertRaisesRegex(ValueError, "numpy"):
            verdict.frame(library="numpy")

    def test_items_to_ask_may_be_rows(self):
        verdict = self.run_task(self.task(MINE, NGRAM), candidates={"mine": knows})
        decided = ordinate.load(verdict.run, "ngram").ask_items([{"id": "x", "text": "about the refund"}, {"id": "y", "text": "a crash"}])
        self.assertEqual([(one["id"], one["answer"]) for one in decided], [("x", "billing"), ("y", "bug")])
        self.assertTrue(all(0.5 < one["confidence"] <= 1.0 for one in decided))


@needs("sklearn")
class Estimator(unittest.TestCase):
    def test_texts(self):
        from ordinate.sklearn import OrdinateClassifier

        rows = list(items())
        texts, labels = [row["text"] for row in rows], [row["label"] for row in rows]
        classifier = OrdinateClassifier(candidates=[NGRAM, {**NGRAM, "name": "few", "local": {"model": "ngram-linear", "examples": 20}}])
        classifier.fit(texts, labels)
        self.assertGreater(classifier.score(texts, labels), 0.95)
        self.assertEqual(list(classifier.classes_), ["billing", "bug"])
        shares = classifier.predict_proba(["about the refund", "a freeze"])
        self.assertTrue((abs(shares.sum(axis=1) - 1) < 1e-9).all())
        self.assertGreater(shares[0][0], 0.5)
        # A pickle holds the run: what it was made of may be gone.
        packed = pickle.dumps(classifier)
        expected = list(classifier.predict(texts[:5]))
        run = classifier.verdict_.run
        del classifier
        self.assertFalse(run.exists(), "the folder goes with the estimator")
        again = pickle.loads(packed)
        self.assertEqual(list(again.predict(texts[:5])), expected)
        self.assertIn(again.verdict_.outcome, json.loads(again.verdict_.json)["outcome"])

    def test_a_table_of_numbers_beside_scikit_learn(self):
        from sklearn.datasets import load_iris
        from sklearn.model_selection import cross_val_score

        from ordinate.sklearn import OrdinateClassifier

        data = load_iris()
        scores = cross_val_score(OrdinateClassifier(), data.data, data.target, cv=3)
        self.assertGreater(scores.mean(), 0.92, scores)

    @needs("pandas")
    def test_a_frame_with_categories_and_gaps(self):
        import pandas

        from ordinate.sklearn import OrdinateClassifier

        frame = pandas.DataFrame({"size": [float(at % 10) if at % 7 else None for at in range(200)], "colour": ["red" if at % 2 else "blue" for at in range(200)]})
        labels = ["yes" if colour == "red" else "no" for colour in frame["colour"]]
        classifier = OrdinateClassifier().fit(frame, labels)
        self.assertEqual(classifier.score(frame, labels), 1.0)
        with self.assertRaises(ValueError):
            classifier.predict(frame[["colour"]])

    def test_what_scikit_learn_asks_of_an_estimator(self):
        from sklearn.utils.estimator_checks import estimator_checks_generator

        from ordinate.sklearn import OrdinateClassifier

        failed = {}
        for estimator, check in estimator_checks_generator(OrdinateClassifier()):
            try:
                check(estimator)
            except unittest.SkipTest:
                pass
            except Exception as error:  # each is named, not the first alone
                failed[check.func.__name__] = f"{type(error).__name__}: {error}"
        self.assertEqual(failed, {})


if __name__ == "__main__":
    unittest.main()
