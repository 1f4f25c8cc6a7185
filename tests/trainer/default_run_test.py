"""What `./dev train` comes to on Fashion-MNIST, and twice the same of it whatever else the machine does."""
import subprocess
import time
import unittest

from runs import RunTest

DECISIONS = ["--callback", "reduce_lr_on_plateau:monitor=batch/loss,at=batch:20,patience=1,factor=0.9"]


class DefaultRun(RunTest):
    def run_in(self, name, *options):
        self.sidestep("train", "--out", self.folder / name, *options)
        return self.folder / name

    def test_learns_what_it_promises(self):
        begin = time.monotonic()
        report = self.report(self.run_in("run"))
        self.assertLess(time.monotonic() - begin, 60)
        self.assertGreaterEqual(report["test"]["accuracy"], 0.905)
        self.assertLessEqual(len(report["epochs"]), 5)

    def test_threads_and_load_change_no_bit_and_no_decision(self):
        options = ["--limit-train", "16000", "--epochs", "3", *DECISIONS]
        first = self.run_in("first", *options, "--threads", "1")
        self.assertGreater(len(self.report(first)["boundary"]["decisions"]), 10)
        load = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(2)]
        try:
            second = self.run_in("second", *options, "--threads", "2")
        finally:
            for process in load:
                process.kill()
                process.wait()
        self.assertSame(second, first)


if __name__ == "__main__":
    unittest.main(verbosity=2)
