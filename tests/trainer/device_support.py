"""Runs on a device, emulated or, with SIDESTEP_DEVICE_BACKEND=cuda, a real one: what all tests of them share."""
import contextlib
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

from runs import SIDESTEP, RunTest, write_data

BACKEND = os.environ.get("SIDESTEP_DEVICE_BACKEND", "cuda-emulated")
ON_DEVICE = ["--backend", BACKEND]
REAL = BACKEND == "cuda"


def trainer_state(run):
    """What the trainer itself has in the last checkpoint."""
    whole = (run / "checkpoints" / "last.safetensors").read_bytes()
    (length,) = struct.unpack_from("<Q", whole)
    return json.loads(json.loads(whole[8 : 8 + length])["__metadata__"]["trainer"])


def main():
    """Runs the tests. Where the real device isn't there, says so and ends with 77, which ctest takes for skipped."""
    if REAL:
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            data = write_data(folder / "data", train=66, test=20)
            one_step = [SIDESTEP, "train", "--data", data, "--out", folder / "run", *ON_DEVICE, "--max-steps", "1"]
            done = subprocess.run(one_step, capture_output=True, text=True)
        if done.returncode == 2:
            print("skipped:", done.stderr.strip())
            sys.exit(77)
    unittest.main(verbosity=2)


class DeviceTest(RunTest):
    """As RunTest, on fewer images: 10 steps an epoch, the last of them on a smaller batch."""

    def setUp(self):
        super().setUp()
        self.data = write_data(self.folder / "few", train=330, test=60)

    def environment(self, seed=None, faults=None):
        environment = dict(os.environ)
        if seed is not None:
            environment["SIDESTEP_EMULATION_SEED"] = str(seed)
        if faults is not None:
            environment["SIDESTEP_EMULATION_FAULTS"] = faults
        return environment

    def on_device(self, name, *arguments, seed=None, faults=None, code=0):
        """A run on the device, in a folder of this name."""
        run = self.folder / name
        self.sidestep(*self.train_arguments(name, *ON_DEVICE, *arguments), code=code,
                      env=self.environment(seed, faults))
        return run

    @contextlib.contextmanager
    def load(self, processes=3):
        """Others that want the CPU too."""
        busy = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(processes)]
        try:
            yield
        finally:
            for process in busy:
                process.kill()
                process.wait()
