"""Runs of `sidestep train` on small made-up images, and what has to be equal in two of them."""
import csv
import json
import os
import pathlib
import pty
import random
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import unittest

SIDESTEP = os.environ["SIDESTEP"]
WALL_TIME = {"wall_time", "seconds", "samples_per_second", "waited_ns", "bytes_released"}


def write_idx(path, shape, data):
    path.write_bytes(bytes([0, 0, 8, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + bytes(data))


def write_images(folder, name, count, side, seed):
    """Images that a network can tell apart: each class has a pattern of its own, under noise."""
    draw = random.Random(seed)
    patterns = [[random.Random(k * 1000 + i).randrange(160) for i in range(side * side)] for k in range(10)]
    labels = [draw.randrange(10) for _ in range(count)]
    pixels = bytearray()
    for label in labels:
        noise = draw.randbytes(side * side)
        pixels += bytes(p + n % 96 for p, n in zip(patterns[label], noise))
    write_idx(folder / f"{name}-images-idx3-ubyte", (count, side, side), pixels)
    write_idx(folder / f"{name}-labels-idx1-ubyte", (count,), labels)


def write_data(folder, train=1309, test=200, side=12):
    folder.mkdir(parents=True)
    write_images(folder, "train", train, side, 1)
    write_images(folder, "t10k", test, side, 2)
    return folder


def without_wall_time(row):
    return {key: value for key, value in row.items() if key not in WALL_TIME}


def evidence(run):
    """Everything of a run that seed and data alone decide."""
    report = json.loads((run / "report.json").read_text())
    found = {f"checkpoints/{path.name}": path.read_bytes() for path in (run / "checkpoints").iterdir()}
    found["epochs"] = [without_wall_time(epoch) for epoch in report["epochs"]]
    found["test"] = report["test"]
    found["decisions"] = report["boundary"]["decisions"]
    if (run / "metrics.csv").exists():
        with open(run / "metrics.csv", newline="") as file:
            found["metrics.csv"] = [without_wall_time(row) for row in csv.DictReader(file)]
    if (run / "metrics.jsonl").exists():
        lines = (run / "metrics.jsonl").read_text().splitlines()
        found["metrics.jsonl"] = [without_wall_time(json.loads(line)) for line in lines]
    return found


class RunTest(unittest.TestCase):
    """A test that has a folder of its own, with data in it."""
    longest = 480 if "SIDESTEP_SOAK" in os.environ else 110  # seconds, of one run

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sidestep-test-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.data = write_data(self.folder / "data")

    def command(self, *arguments):
        return [SIDESTEP, *map(str, arguments)]

    def sidestep(self, *arguments, code=0, **how):
        """Runs it to its end and expects this exit code."""
        usual = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": self.longest}
        done = subprocess.run(self.command(*arguments), text=True, cwd=self.folder, **(usual | how))
        self.assertEqual(done.returncode, code, f"{arguments}\n{done.stdout}\n{done.stderr}")
        return done

    def on_a_terminal(self, *arguments, term):
        """The process, and where its terminal's text is read; `term` None: TERM isn't set."""
        ours, theirs = pty.openpty()
        self.addCleanup(os.close, ours)
        environment = {key: value for key, value in os.environ.items() if key != "TERM"} | ({"TERM": term} if term is not None else {})
        process = subprocess.Popen(self.command(*arguments), stdout=theirs, cwd=self.folder, env=environment)
        os.close(theirs)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process, ours

    def rest_of_terminal(self, ours):
        text = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the process has closed its end
                part = b""
            if not part:
                return text.decode()
            text += part

    def train(self, name, *arguments, **how):
        """A run from its beginning, in a folder of this name. 39 steps an epoch."""
        run = self.folder / name
        self.sidestep(*self.train_arguments(name, *arguments), **how)
        return run

    def train_arguments(self, name, *arguments):
        return ["train", "--data", self.data, "--out", self.folder / name, "--batch-size", "31", *arguments]

    def report(self, run):
        return json.loads((run / "report.json").read_text())

    def await_at_work(self, process, run, number):
        """Until the run has its folder, and the process hears the signal: before that it dies of it, as any does."""
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            caught = 0
            try:
                status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
                caught = int(next(line for line in status.splitlines() if line.startswith("SigCgt:")).split()[1], 16)
            except (OSError, StopIteration):
                pass
            if (run / "report.json").exists() and (number == signal.SIGKILL or caught >> (number - 1) & 1):
                return
            time.sleep(0.005)

    def was_over(self, process, run, number):
        """The signal came when all was written, and ended a process that was leaving."""
        return number != signal.SIGKILL and process.returncode == -number and self.report(run)["state"] == "finished"

    def assertSame(self, run, other, asked_for=()):
        """The same evidence, but for these fields of what was asked for when the run began."""
        ours, theirs = evidence(run), evidence(other)
        for each in (ours, theirs):
            for field in asked_for:
                del each["metrics.jsonl"][0][field]
        self.assertEqual(ours.keys(), theirs.keys())
        for name in ours:
            if isinstance(ours[name], bytes):
                self.assertTrue(ours[name] == theirs[name], f"{name} differs")
            else:
                self.assertEqual(ours[name], theirs[name], name)
