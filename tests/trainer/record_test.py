"""What `sidestep train` records, and what `sidestep log` says of it."""
import json
import os
import subprocess
import time
import unittest

from runs import SIDESTEP, RunTest, evidence


class Record(RunTest):
    def rows(self, log, *arguments):
        said = self.sidestep("log", "export", log, "--format", "jsonl", *arguments).stdout
        return [json.loads(line) for line in said.splitlines()]

    def test_the_log_holds_the_run(self):
        self.sidestep(*self.train_arguments("run", "--epochs", "2"))
        run = self.folder / "run"
        self.assertIn("closed by its recorder", self.sidestep("log", "verify", run / "events.log").stdout)
        rows = self.rows(run / "events.log", "--ring", "trainer")
        steps = [row["fields"]["step"] for row in rows if row["type"] == "BatchEnd"]
        self.assertEqual(steps, list(range(1, len(steps) + 1)))
        self.assertEqual([row["sequence"] for row in rows], list(range(1, len(rows) + 1)))
        epochs = {row["fields"]["epoch"]: row["fields"]["value"] for row in rows
                  if row["type"] == "Metric" and row["fields"]["metric"] == "val/loss"}
        report = self.report(run)
        self.assertEqual(epochs, {epoch["epoch"]: epoch["val"]["loss"] for epoch in report["epochs"]})
        self.assertIn("FitEnd", {row["type"] for row in rows})
        some = self.rows(run / "events.log", "--from", "5", "--to", "7", "--type", "BatchEnd")
        self.assertEqual([row["fields"]["step"] for row in some], [5, 6, 7])

    def test_a_recorded_run_is_the_same_run(self):
        plain = self.train("plain", "--epochs", "2", "--no-record")
        self.assertNotIn("events.log", [path.name for path in plain.iterdir()])
        recorded = self.train("recorded", "--epochs", "2")
        self.assertEqual(evidence(plain), evidence(recorded))

    def test_a_resumed_run_goes_on_in_a_log_of_its_own(self):
        run = self.train("run", "--epochs", "1", "--max-steps", "5")
        before = (run / "events.log").read_bytes()
        self.sidestep("train", "--resume", "--out", run, "--max-steps", "9")
        self.assertEqual((run / "events.log").read_bytes(), before)
        steps = [row["fields"]["step"] for log in ("events.log", "events-2.log")
                 for row in self.rows(run / log, "--type", "BatchEnd")]
        self.assertEqual(steps, list(range(1, 10)))
        # a refused one leaves nothing
        self.sidestep("train", "--resume", "--out", run, "--max-steps", "9", "--seed", "5", code=2)
        self.assertNotIn("events-3.log", [path.name for path in run.iterdir()])

    def test_a_full_disk_ends_the_recording_and_not_the_run(self):
        full = {"LD_PRELOAD": os.environ["SIDESTEP_FULL_DISK"], "SIDESTEP_FULL_DISK_FOR": "events.log",
                "SIDESTEP_FULL_DISK_AFTER": "1"}
        said = self.sidestep(*self.train_arguments("run", "--epochs", "2"), code=3, env={**os.environ, **full})
        (line,) = said.stderr.splitlines()
        for words in ("events.log", "recording stopped: the disk is full", "stays whole to its last block"):
            self.assertIn(words, line)
        run = self.folder / "run"
        self.assertEqual(self.report(run)["state"], "finished")
        whole = self.train("whole", "--epochs", "2")
        for name in ("best.safetensors", "last.safetensors"):
            self.assertEqual((run / "checkpoints" / name).read_bytes(), (whole / "checkpoints" / name).read_bytes())
        self.assertIn("1 blocks with 0 events are whole", self.sidestep("log", "verify", run / "events.log").stdout)

    def test_a_killed_run_leaves_a_log_that_can_be_read(self):
        run = self.folder / "run"
        process = subprocess.Popen([SIDESTEP, *map(str, self.train_arguments("run", "--epochs", "1000"))],
                                   stdout=subprocess.DEVNULL)
        try:
            deadline = time.monotonic() + 60
            while not (run / "events.log").exists() or (run / "events.log").stat().st_size < 100_000:
                self.assertLess(time.monotonic(), deadline)
                self.assertIsNone(process.poll())
                time.sleep(0.01)
        finally:
            process.kill()
            process.wait()
        self.sidestep("log", "verify", run / "events.log")
        steps = [row["fields"]["step"] for row in self.rows(run / "events.log", "--type", "BatchEnd")]
        self.assertEqual(steps, list(range(1, len(steps) + 1)))


if __name__ == "__main__":
    unittest.main(verbosity=2)
