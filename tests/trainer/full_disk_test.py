"""A disk that fills while a run is under way: it is reported, training goes on, exit code 3."""
import json
import os
import resource
import signal
import unittest

from runs import RunTest


def small_files(limit):
    """For the child alone: no file grows beyond this, and a write that would fails, as on a full disk."""

    def apply():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    return apply


class FullDisk(RunTest):
    def run_with(self, limit, *arguments):
        run = self.folder / "run"
        done = self.sidestep(*self.train_arguments("run", "--epochs", "3", *arguments), code=3,
                             preexec_fn=small_files(limit), restore_signals=False)
        return run, done.stderr

    def test_no_room_for_checkpoints(self):
        run, said = self.run_with(100_000)
        self.assertIn("checkpoint", said)
        report = self.report(run)
        self.assertEqual(report["state"], "finished")
        self.assertEqual([epoch["epoch"] for epoch in report["epochs"]], [1, 2, 3])
        self.assertIsNotNone(report["test"])
        # nothing that is only half there, under any name
        self.assertEqual(list((run / "checkpoints").iterdir()), [])

    def test_no_room_for_what_is_said(self):
        # The reader of our output leaves, or what it goes to is full: the run is whole, and the exit code says that
        # something is missing.
        for name, target in [("full", open("/dev/full", "wb")), ("left", None)]:
            with self.subTest(name):
                if target is None:
                    reader, writer = os.pipe()
                    os.close(reader)
                    target = os.fdopen(writer, "wb")
                with target:
                    done = self.sidestep(*self.train_arguments(name, "--epochs", "2"), code=3, stdout=target)
                self.assertIn("standard output", done.stderr)
                report = self.report(self.folder / name)
                self.assertEqual(report["state"], "finished")
                self.assertIsNotNone(report["test"])
                self.assertTrue((self.folder / name / "checkpoints" / "last.safetensors").exists())

    def without_room_for(self, name, *arguments):
        """Writes to files whose name holds this one fail as on a full disk; all others are as ever."""
        full = {"LD_PRELOAD": os.environ["SIDESTEP_FULL_DISK"], "SIDESTEP_FULL_DISK_FOR": name}
        return self.sidestep(*arguments, code=3, env={**os.environ, **full})

    def test_no_room_for_the_report_alone(self):
        said = self.without_room_for("report.json", *self.train_arguments("run", "--epochs", "2"))
        run = self.folder / "run"
        (line,) = said.stderr.splitlines()  # once, however often it was tried
        for words in [str(run / "report.json"), "disk is full", "Free some space"]:
            self.assertIn(words, line)
        self.assertIn("test  loss", said.stdout)  # what it came to is still said
        self.assertEqual({path.name for path in run.iterdir()},
                         {"config.toml", "metrics.csv", "metrics.jsonl", "events.jsonl", "events.log", "checkpoints"})
        # all else is that of a run with room
        self.train("whole", "--epochs", "2")
        for name in ("best.safetensors", "last.safetensors"):
            self.assertEqual((run / "checkpoints" / name).read_bytes(),
                             (self.folder / "whole" / "checkpoints" / name).read_bytes())

    def test_no_room_for_a_new_report_leaves_the_old_one_whole(self):
        run = self.train("run", "--epochs", "1", "--max-steps", "20")
        before = (run / "report.json").read_bytes()
        said = self.without_room_for("report.json", "train", "--resume", "--out", run, "--max-steps", "39").stderr
        self.assertEqual(len(said.splitlines()), 1, said)
        self.assertEqual((run / "report.json").read_bytes(), before)
        self.assertEqual([path.name for path in run.iterdir() if path.name.startswith(".")], [])

    def test_no_room_for_anything_that_is_longer_than_the_options(self):
        run, said = self.run_with(2_000)
        self.assertIn(str(run / "report.json"), said)
        self.assertEqual([path.name for path in run.iterdir() if path.name.startswith(".")], [])

    def test_no_room_for_a_log(self):
        run, said = self.run_with(20_000, "--no-default-callbacks", "--callback", "jsonl_logger", "--model", "mlp")
        self.assertIn("jsonl_logger", said)
        self.assertEqual(self.report(run)["state"], "finished")
        failed = {each["name"]: each["failures"] for each in self.report(run)["callbacks"]}
        self.assertEqual(failed["jsonl_logger"], 1)
        for line in (run / "metrics.jsonl").read_text().splitlines():
            json.loads(line)


if __name__ == "__main__":
    unittest.main(verbosity=2)
