"""Runs on a device that is emulated: what all tests of them share."""
import contextlib
import json
import os
import struct
import subprocess

from runs import RunTest, write_data

EMULATED = ["--backend", "cuda-emulated"]


def trainer_state(run):
    """What the trainer itself has in the last checkpoint."""
    whole = (run / "checkpoints" / "last.safetensors").read_bytes()
    (length,) = struct.unpack_from("<Q", whole)
    return json.loads(json.loads(whole[8 : 8 + length])["__metadata__"]["trainer"])


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

    def emulated(self, name, *arguments, seed=None, faults=None, code=0):
        """A run on the emulated device, in a folder of this name."""
        run = self.folder / name
        self.sidestep(*self.train_arguments(name, *EMULATED, *arguments), code=code,
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
