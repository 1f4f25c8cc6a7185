"""A disk that fills while a run is under way: it is reported, training goes on, exit code 3."""
import json
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
