"""A run's checkpoints are safetensors files: what a program that knows nothing of Sidestep finds in them."""
import json
import os
import pathlib
import subprocess
import sys
import unittest

from runs import RunTest

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "control"))
import read_safetensors  # noqa: E402: the reader of our own, in the standard library alone

ENVIRONMENT = pathlib.Path(os.environ["SIDESTEP_ENVIRONMENT"])
PYTHON = ENVIRONMENT / "bin" / "python"
NAMES = ("best.safetensors", "last.safetensors")

# Of images of 12x12.
LENET = {"conv1.weight": [16, 1, 5, 5], "conv1.bias": [16], "conv2.weight": [32, 16, 5, 5], "conv2.bias": [32],
         "dense1.weight": [128, 288], "dense1.bias": [128], "dense2.weight": [10, 128], "dense2.bias": [10]}
MLP = {"dense1.weight": [256, 144], "dense1.bias": [256], "dense2.weight": [128, 256], "dense2.bias": [128],
       "dense3.weight": [10, 128], "dense3.bias": [10]}

# Runs in the environment that has the package: all that it sees, as JSON; the bytes of each tensor under its name.
SEEN_BY_PACKAGE = """
import json, sys
from safetensors import safe_open
from safetensors.numpy import load_file
loaded = load_file(sys.argv[1])
seen = {}
with safe_open(sys.argv[1], framework="np") as file:
    for name in file.keys():
        array = file.get_tensor(name)
        assert (array == loaded[name]).all() or (array != array).any(), name
        seen[name] = [str(array.dtype), list(array.shape), array.tobytes().hex()]
    print(json.dumps({"metadata": file.metadata(), "tensors": seen}))
"""

# What a user might do with it: the mlp in numpy, on the test images. Prints how many it knows.
FORWARD = """
import json, sys
import numpy as np
from safetensors import safe_open
with safe_open(sys.argv[1], framework="np") as file:
    pixels = json.loads(file.metadata()["trainer"])["pixels"]
    weights = {name: file.get_tensor(name) for name in file.keys()}
images = np.fromfile(sys.argv[2], np.uint8)[16:].reshape(-1, 144)
labels = np.fromfile(sys.argv[3], np.uint8)[8:]
x = (images / 255 - pixels["mean"]) / pixels["deviation"]
for layer in ("dense1", "dense2", "dense3"):
    x = x @ weights[layer + ".weight"].T + weights[layer + ".bias"]
    if layer != "dense3":
        x = np.maximum(x, 0)
print((x.argmax(axis=1) == labels).mean())
"""


def with_optimizer(weights, *suffixes):
    return {name + suffix: shape for name, shape in weights.items() for suffix in ("", *suffixes)}


class Checkpoints(RunTest):
    def checkpoints(self, run):
        return [run / "checkpoints" / name for name in NAMES]

    def runs(self):
        """Runs of each kind, with the tensors that theirs have."""
        yield self.train("lenet", "--epochs", "2"), with_optimizer(LENET, ".m", ".v")
        yield self.train("mlp", "--epochs", "2", "--model", "mlp"), with_optimizer(MLP, ".m", ".v")
        yield (self.train("sgd", "--epochs", "2", "--model", "mlp", "--optimizer", "sgd", "--lr", "0.01"),
               with_optimizer(MLP, ".momentum"))
        # one that keeps a copy of its best weights: it stands there too, under its owner's name
        kept = {f"kept/early_stopping/{name}": shape for name, shape in MLP.items()}
        yield (self.train("kept", "--epochs", "2", "--model", "mlp", "--callback",
                          "early_stopping:monitor=val/loss,patience=9,restore_best_weights=true"),
               {**with_optimizer(MLP, ".m", ".v"), **kept})


class OwnReader(Checkpoints):
    def test_finds_each_tensor_with_its_type_and_shape(self):
        for run, expected in self.runs():
            for file in self.checkpoints(run):
                with self.subTest(run=run.name, file=file.name):
                    _, tensors = read_safetensors.read(file)
                    found = {name: shape for name, (_, shape, _) in tensors.items()}
                    self.assertEqual(found, expected)
                    self.assertEqual({dtype for dtype, _, _ in tensors.values()}, {"F32"})

    def test_finds_no_clock_path_or_thread_count(self):
        run = self.train("run", "--epochs", "1", "--threads", "1")
        for file in self.checkpoints(run):
            texts, _ = read_safetensors.read(file)
            self.assertEqual(set(texts), {"checksum", "sidestep", "trainer"})
            for text in (texts["sidestep"], texts["trainer"]):
                json.loads(text)
                for word in (str(self.folder), "threads", "wall_time", "seconds"):
                    self.assertNotIn(word, text)


class Package(Checkpoints):
    """The package safetensors, in an environment of its own in the build folder, which may be deleted at any time."""

    @classmethod
    def setUpClass(cls):
        def attempt(*command):
            done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=150)
            return None if done.returncode == 0 else (done.stderr.strip() or done.stdout.strip() or "no reason given")

        usable = [PYTHON, "-c", "import safetensors.numpy"]
        if PYTHON.exists() and attempt(*usable) is None:
            return
        try:
            why = attempt(sys.executable, "-m", "venv", "--clear", ENVIRONMENT)
            why = why or attempt(PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--no-input",
                                 "--timeout", "10", "--retries", "1", "--only-binary", ":all:", "safetensors", "numpy")
            why = why or attempt(*usable)
        except subprocess.TimeoutExpired as error:
            why = str(error)
        if why:
            raise unittest.SkipTest(f"the package safetensors can't be installed here: {why.splitlines()[-1]}")

    def package(self, program, *arguments):
        done = subprocess.run([PYTHON, "-c", program, *map(str, arguments)], capture_output=True, text=True,
                              timeout=100)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_sees_what_our_own_reader_sees_to_the_byte(self):
        for run, expected in self.runs():
            for file in self.checkpoints(run):
                with self.subTest(run=run.name, file=file.name):
                    seen = json.loads(self.package(SEEN_BY_PACKAGE, file))
                    texts, tensors = read_safetensors.read(file)
                    self.assertEqual(seen["metadata"], texts)
                    self.assertEqual(set(seen["tensors"]), set(tensors))
                    for name, (dtype, shape, raw) in tensors.items():
                        theirs = seen["tensors"][name]
                        self.assertEqual((theirs[0], theirs[1]), ("float32", expected[name]), name)
                        self.assertEqual((dtype, shape), ("F32", expected[name]), name)
                        self.assertTrue(theirs[2] == raw.hex(), f"{name} differs")

    def test_gives_its_user_the_weights_that_the_run_had(self):
        run = self.train("run", "--epochs", "1", "--model", "mlp", "--limit-train", "60")
        for file in self.checkpoints(run):
            known = float(self.package(FORWARD, file, self.data / "t10k-images-idx3-ubyte",
                                       self.data / "t10k-labels-idx1-ubyte"))
            said = self.sidestep("evaluate", file, "--data", self.data).stdout
            self.assertTrue(0.2 < known < 1, "too easy, or nothing learnt")
            self.assertIn(f"accuracy {known:.4f}", said)


if __name__ == "__main__":
    unittest.main(verbosity=2)
