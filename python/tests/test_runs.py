"""`fovea.read_run` on a run with a student, which FOVEA_RUN names."""

import os
import pathlib
import shutil
import tempfile
import unittest

import fovea

RUN = pathlib.Path(os.environ["FOVEA_RUN"])


class RunTests(unittest.TestCase):
    def test_a_run_is_three_tables(self):
        run = fovea.read_run(RUN)
        self.assertEqual(run.predictions.index.names, ["model", "image"])
        self.assertEqual(set(run.predictions.index.get_level_values("model")), {"plain", "student"})
        self.assertEqual(list(run.predictions.columns), list(run.metrics.loc["student"].index))
        self.assertTrue(((run.predictions > 0) & (run.predictions < 1)).all(axis=None))
        self.assertFalse((run.predictions.loc["plain"] == run.predictions.loc["student"]).all(axis=None))
        self.assertIn("training_loss", run.history.columns)
        self.assertIn(("plain", 1), run.history.index)
        self.assertIn("average_precision.value", run.metrics.columns)

    def test_a_run_without_a_student(self):
        with tempfile.TemporaryDirectory() as folder:
            plain = pathlib.Path(folder)
            for name in ("history.csv", "predictions.csv"):
                shutil.copy(RUN / name, plain)
            text = (RUN / "metrics.json").read_text()
            (plain / "metrics.json").write_text(text.replace('"student"', '"other"'))
            self.assertEqual(set(fovea.read_run(plain).predictions.index.get_level_values("model")), {"plain"})

    def test_errors_name_file_and_remedy(self):
        with tempfile.TemporaryDirectory() as folder:
            with self.assertRaisesRegex(fovea.FoveaError, "metrics.json: No such file.*\n.*finished run"):
                fovea.read_run(folder)
            pathlib.Path(folder, "metrics.json").write_text("{")
            with self.assertRaisesRegex(fovea.FoveaError, "metrics.json: cannot be read.*\n.*Restore"):
                fovea.read_run(folder)

    def test_what_a_run_did_not_write_is_named(self):
        with tempfile.TemporaryDirectory() as folder:
            run = pathlib.Path(folder, "run")
            shutil.copytree(RUN, run)
            for name, texts in {
                "metrics.json": ["", "[]", "{}", '{"student": 5}', '{"student": {"classes": 5}}',
                                 '{"student": {"classes": [{"a": 1}]}}'],
                "history.csv": ["", "a,b\n1,2\n"],
                "predictions.csv": ["", "a,b\n1,2\n", "image,a\n1.png,0.5\n", "image,a\nx,1,2,3\n"],
            }.items():
                right = (run / name).read_text()
                for text in texts:
                    (run / name).write_text(text)
                    with self.subTest(name, text=text), self.assertRaisesRegex(fovea.FoveaError, f"{name}: cannot be read"):
                        fovea.read_run(run)
                (run / name).write_text(right)
            fovea.read_run(run)


if __name__ == "__main__":
    unittest.main()
