"""A device that isn't there, doesn't serve, is full or fails in a step: one sentence, and what was done stays."""
import json
import pathlib
import re
import shutil
import subprocess

from device_support import ON_DEVICE, DeviceTest, main, trainer_state
from runs import SIDESTEP, without_wall_time


class NoDevice(DeviceTest):
    def refused(self, *arguments, faults="", says=()):
        """It ends with code 2, one sentence that holds these words, and nothing on the disk that wasn't there before."""
        before = sorted(self.folder.rglob("*"))
        done = self.sidestep(*arguments, code=2, env=self.environment(faults=faults))
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertTrue(lines[0].startswith("sidestep: "), lines[0])
        for word in says:
            self.assertIn(word, lines[0])
        self.assertEqual(sorted(self.folder.rglob("*")), before)
        self.assertEqual(done.stdout, "")
        return lines[0]

    def large(self, name, batch):
        """Arguments of a run with this batch size on the 303 images for training."""
        return ["train", "--data", self.data, "--out", self.folder / name, *ON_DEVICE, "--epochs", "1", "--batch-size",
                batch]

    def train_refused(self, **how):
        return self.refused(*self.large("new/run", 31), **how)

    def test_a_machine_that_does_not_serve(self):
        for faults, says in [
            ("no_driver", ["no NVIDIA driver", "--backend cpu"]),
            ("no_device", ["no NVIDIA GPU", "--backend cpu"]),
            ("driver=12040", ["12.4", "13.0", "Update the driver", "--backend cpu"]),
            ("compute=7.5", ["7.5", "8.0", "--backend cpu"]),
        ]:
            with self.subTest(faults):
                self.train_refused(faults=faults, says=says)
                said = self.sidestep("info", env=self.environment(faults=faults)).stdout
                for word in says[:1]:
                    self.assertIn(word, " ".join(said.split()))

    def test_memory_that_is_too_small_says_which_batch_would_fit(self):
        faults = "memory=8M"
        sentence = self.refused(*self.large("new/run", 300), faults=faults,
                                says=["asked for", "used", "free", "300 doesn't"])
        fitting = int(re.search(r"--batch-size (\d+)", sentence).group(1))
        self.assertIn(fitting, range(20, 300))
        self.sidestep(*self.large("fits", fitting), env=self.environment(faults=faults))
        self.sidestep(*self.large("large", 300))

    def test_memory_that_is_too_small_for_data_and_weights(self):
        self.train_refused(faults="memory=100K", says=["memory", "asked for", "free"])

    def test_a_run_that_is_to_go_on_stays_as_it_is(self):
        run = self.on_device("run", "--epochs", "2", "--max-steps", "5")
        files = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
        for faults in ("no_driver", "memory=100K"):
            self.refused("train", "--resume", "--out", run, faults=faults)
            self.assertEqual({path: path.read_bytes() for path in run.rglob("*") if path.is_file()}, files)

    def alone(self):
        """The program without the libraries of devices beside it."""
        (self.folder / "bin").mkdir()
        return pathlib.Path(shutil.copy(SIDESTEP, self.folder / "bin" / "sidestep"))

    def test_a_build_without_the_backend(self):
        program = self.alone()
        for backend, mend in [("cuda", "SIDESTEP_CUDA=ON"), ("cuda-emulated", "sidestep_cuda_emulated")]:
            run = self.folder / f"with-{backend}"
            done = subprocess.run([program, "train", "--data", self.data, "--out", run, "--backend", backend],
                                  capture_output=True, text=True)
            self.assertEqual(done.returncode, 2)
            self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)
            for word in (f"sidestep: --backend {backend}: this build has no backend '{backend}'", mend, "--backend cpu"):
                self.assertIn(word, done.stderr)
            self.assertFalse(run.exists())

    def by_itself(self, program, name, faults=None):
        """A run whose backend nobody has named."""
        subprocess.run([program, *map(str, self.train_arguments(name, "--max-steps", "3"))], check=True,
                       capture_output=True, env=self.environment(faults=faults))
        return self.report(self.folder / name)

    def test_auto_is_the_device_where_one_is(self):
        """The emulated library under the name of the one for a device, at each place where that is looked for."""
        library, program = pathlib.Path(SIDESTEP).with_name("libsidestep_cuda_emulated.so"), self.alone()
        for number, place in enumerate(("bin", "lib", "lib/x86_64-linux-gnu")):
            (self.folder / place).mkdir(parents=True, exist_ok=True)
            installed = pathlib.Path(shutil.copy(library, self.folder / place / "libsidestep_cuda.so"))
            report = self.by_itself(program, f"on-a-device-{number}")
            self.assertEqual(report["backend"], "cuda", place)
            self.assertTrue(report["device"].startswith("cuda emulated on the CPU, compute 9.0"), report["device"])
            said = " ".join(subprocess.run([program, "info"], check=True, capture_output=True, text=True).stdout.split())
            self.assertNotIn("no backend 'cuda':", said)
            if place == "bin":  # and where it is there but doesn't serve
                self.assertEqual(self.by_itself(program, "no-driver", faults="no_driver")["backend"], "cpu")
            installed.unlink()

    def test_auto_is_the_cpu_where_no_device_is(self):
        program = self.alone()
        self.assertEqual(self.by_itself(program, "run")["backend"], "cpu")
        said = " ".join(subprocess.run([program, "info"], check=True, capture_output=True, text=True).stdout.split())
        for backend in ("cuda", "cuda-emulated"):
            self.assertIn(f"no backend '{backend}'", said)

    def test_info_says_what_is_here(self):
        said = " ".join(self.sidestep("info").stdout.split())
        self.assertIn("emulated on the CPU, compute capability 9.0", said)


class BrokenOff(DeviceTest):
    """A run that a fault of the device ends."""

    FAULT = ""
    OPTIONS = ["--epochs", "3"]

    def rows(self, run):
        text = (run / "metrics.jsonl").read_text()
        self.assertTrue(text.endswith("\n"))
        return [without_wall_time(json.loads(line)) for line in text.splitlines()]

    def broken(self, *arguments):
        return self.sidestep(*self.train_arguments("broken", *ON_DEVICE, *self.OPTIONS, *arguments), code=4,
                             env=self.environment(faults=self.FAULT))

    def sentence(self, done):
        """The one that says why."""
        sentences = [line for line in done.stderr.splitlines() if line.startswith("sidestep: ")]
        self.assertEqual(len(sentences), 1, done.stderr)
        self.assertNotIn("..", sentences[0])
        return sentences[0]

    def assertDelivered(self, run, whole, last):
        """All that was published is in the logs, up to the last step that was finished, as in a whole run."""
        report = self.report(run)
        self.assertEqual(report["state"], "failed")
        bus = report["bus"]
        self.assertEqual((bus["published"], bus["dropped"], bus["pending"]), (bus["delivered"], 0, 0))
        found, expected = self.rows(run), self.rows(whole)
        self.assertEqual(found.pop()["event"], "ExceptionRaised")
        steps = [row["step"] for row in found if row["event"] == "BatchEnd"]
        self.assertEqual(steps, list(range(1, last + 1)))
        self.assertEqual(found, expected[: len(found)])


class FullInTheMiddle(BrokenOff):
    """What a step works in is given back at each epoch's end, every third step. From step 4 on another program holds
    most of the device's memory, so the first step of epoch 3 doesn't get it back."""

    FAULT = "memory=6M@update_all:4"
    OPTIONS = ["--epochs", "3", "--callback", "memory_release"]

    def train_arguments(self, name, *arguments):
        return ["train", "--data", self.data, "--out", self.folder / name, "--batch-size", "150", *arguments]

    def test_says_what_would_fit_and_keeps_what_was_done(self):
        done, run = self.broken(), self.folder / "broken"
        sentence = self.sentence(done)
        for words in ("after step 6", "memory is full", "asked for", "used by this session", "free", "150 doesn't",
                      f"--resume --out {run}"):
            self.assertIn(words, sentence)
        fitting = int(re.search(r"--batch-size (\d+)", sentence).group(1))
        self.assertIn(fitting, range(50, 150))
        whole = self.on_device("whole", *self.OPTIONS)
        self.assertDelivered(run, whole, 6)
        self.assertEqual(len((run / "metrics.csv").read_text().splitlines()), 3)  # head and two epochs
        # the last whole checkpoint is that of epoch 2; with the memory back the run ends as if nothing had been
        self.assertEqual(trainer_state(run)["step"], 6)
        self.sidestep("evaluate", run / "checkpoints" / "last.safetensors", "--data", self.data)
        self.sidestep("train", "--resume", "--out", run)
        self.assertSame(run, whole)
        # and that batch does fit where so much memory is left
        self.sidestep("train", "--data", self.data, "--out", self.folder / "fits", *ON_DEVICE, "--epochs", "1",
                      "--batch-size", fitting, env=self.environment(faults="memory=6M"))


class FaultInAStep(BrokenOff):
    """The optimizer's kernel is launched once a step: its 14th launch belongs to step 14, the fourth of epoch 2."""

    FAULT = "illegal_address=update_all:14"

    def check(self, *sync):
        done, run = self.broken(*sync), self.folder / "broken"
        sentences = [line for line in done.stderr.splitlines() if line.startswith("sidestep: ")]
        # a checkpoint whose weights were still on their way to the host is said to be lost, and the run lacks it
        saved = (run / "checkpoints" / "last.safetensors").exists()
        if not saved:
            self.assertIn("checkpoint of step 10 was not saved", sentences.pop(0))
        self.assertEqual(len(sentences), 1, done.stderr)
        for words in ("after step 13", "training step 14", "cudaErrorIllegalAddress", f"--resume --out {run}"):
            self.assertIn(words, sentences[0])
        self.assertNotIn("..", sentences[0])
        whole = self.on_device("whole", *self.OPTIONS, *sync)
        self.assertDelivered(run, whole, 13)
        self.assertEqual(len((run / "metrics.csv").read_text().splitlines()), 2)  # head and the epoch that was over
        # the last whole checkpoint stays, and the run ends as if nothing had been
        if saved:
            self.sidestep("evaluate", run / "checkpoints" / "last.safetensors", "--data", self.data)
        self.sidestep("train", "--resume", "--out", run)
        self.assertSame(run, whole)

    def test_ends_the_run_with_all_that_was_done_before(self):
        self.check()

    def test_the_same_in_lockstep(self):
        self.check("--sync", "lag:0")

    def test_a_checkpoint_that_was_cut_ahead_of_its_records_is_whole(self):
        """Each is asked for on account of a step and cut two steps later, when the device is still at work there."""
        self.FAULT = "illegal_address=update_all:29"
        self.OPTIONS = [*self.OPTIONS, "--callback", "model_checkpoint:monitor=batch/loss,at=batch:3,save_top_k=0"]
        self.broken()
        run = self.folder / "broken"
        self.assertEqual([path.name for path in (run / "checkpoints").iterdir()], ["last.safetensors"])
        state = trainer_state(run)
        self.assertIn(state["step"], range(5, 29, 3))
        self.assertEqual(state["sums"]["samples"], min(31 * state["batch"], 303))
        self.sidestep("train", "--resume", "--out", run)
        self.assertSame(run, self.on_device("whole", *self.OPTIONS))

    def test_before_there_is_a_checkpoint(self):
        self.FAULT = "illegal_address=update_all:1"
        done = self.broken()
        self.assertIn("after step 0", done.stderr)
        self.assertIn("training step 1", done.stderr)
        self.sidestep("train", "--resume", "--out", self.folder / "broken")
        self.assertSame(self.folder / "broken", self.on_device("whole", *self.OPTIONS))

    def test_in_an_evaluation(self):
        self.FAULT = "illegal_address=write_evaluation:1"
        done = self.broken()
        self.assertIn("after step 10", done.stderr)
        self.assertIn("cudaErrorIllegalAddress", done.stderr)
        self.sidestep("train", "--resume", "--out", self.folder / "broken")
        self.assertSame(self.folder / "broken", self.on_device("whole", *self.OPTIONS))


if __name__ == "__main__":
    main()
