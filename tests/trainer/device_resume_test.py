"""A run on a device that is interrupted and resumed ends with the files of one that wasn't, bit for bit."""
import random
import signal
import subprocess
import time

from device_support import BACKEND, ON_DEVICE, REAL, DeviceTest, main, trainer_state

DECISIONS = ["--callback", "reduce_lr_on_plateau:monitor=batch/loss,at=batch:2,patience=1,factor=0.97,min_delta=0.1"]

# Long enough for a signal in their midst: a GPU takes a thousand such steps in the time of the emulation's one.
LONG, SHORT = ("1500", "400") if REAL else ("8", "3")


class DeviceResume(DeviceTest):
    def until_done(self, name, number, *options):
        """Sends the signal, resumes, and so on until the run is over, each time in another order of the device's
        threads. Returns how often a run was hit at work."""
        run, draw, hits = self.folder / name, random.Random(int(number)), 0
        command = self.command(*self.train_arguments(name, *ON_DEVICE, *options))
        while hits < 4:
            process = subprocess.Popen(command, cwd=self.folder, env=self.environment(seed=hits + 2), text=True,
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            try:
                self.await_at_work(process, run, number)
                time.sleep(draw.uniform(0.2, 0.8))
                process.send_signal(number)
                output = process.communicate(timeout=60)
            finally:
                process.kill()
            if process.returncode == 0 or self.was_over(process, run, number):
                return hits
            self.assertEqual(process.returncode, -9 if number == signal.SIGKILL else 128 + number, output)
            hits += 1
            if number != signal.SIGKILL:
                self.assertEqual(self.report(run)["state"], "interrupted")
            command = self.command("train", "--resume", "--out", run)
        self.sidestep("train", "--resume", "--out", run, env=self.environment(seed=1))
        return hits

    def check_signal(self, number, *options):
        whole = self.on_device("whole", *options)
        self.assertGreater(len(self.report(whole)["boundary"]["decisions"]), 10)
        self.assertGreater(self.until_done("broken", number, *options), 0)
        self.assertSame(self.folder / "broken", whole)
        self.assertEqual(self.report(self.folder / "broken")["state"], "finished")

    def test_after_sigint(self):
        self.check_signal(signal.SIGINT, "--epochs", LONG, *DECISIONS)

    def test_after_kill_9(self):
        self.check_signal(signal.SIGKILL, "--epochs", LONG, *DECISIONS, "--callback",
                          "model_checkpoint:monitor=batch/loss,at=batch:3")

    def test_running_statistics_after_sigint(self):
        self.check_signal(signal.SIGINT, "--epochs", SHORT, "--model", "resnet8", *DECISIONS)

    def check_parts(self, *options):
        whole = self.on_device("whole", "--epochs", "3", *options)
        parts = self.on_device("parts", "--epochs", "3", *options, "--max-steps", "4")
        for seed, steps in enumerate((9, 10, 11, 25, 1000)):  # 10 ends an epoch, with a smaller batch
            self.sidestep("train", "--resume", "--out", parts, "--max-steps", steps, env=self.environment(seed))
        self.assertSame(parts, whole)
        return whole

    def test_cut_at_any_step(self):
        self.check_parts(*DECISIONS)
        self.assertEqual(trainer_state(self.folder / "parts"), trainer_state(self.folder / "whole"))

    def test_cut_at_any_step_of_resnet8(self):
        self.check_parts("--model", "resnet8", *DECISIONS)

    def test_with_products_rounded_to_tf32(self):
        options = ["--epochs", "2", "--tf32"]
        whole = self.on_device("whole", *options)
        parts = self.on_device("parts", *options, "--max-steps", "7")
        self.sidestep("train", "--resume", "--out", parts, "--max-steps", "13", env=self.environment(seed=3))
        self.sidestep("train", "--resume", "--out", parts, "--max-steps", "1000", env=self.environment(seed=4))
        self.assertSame(parts, whole)
        algorithms = trainer_state(parts)["algorithms"]
        self.assertEqual(algorithms, trainer_state(whole)["algorithms"])
        self.assertIn("tf32 = true", (parts / "config.toml").read_text())
        if not REAL:  # whose heuristics may find single precision as fast
            self.assertIn("conv1.forward@31=1", algorithms)
            self.assertNotIn("=30", algorithms)  # 300 and more compute in single precision throughout

    def test_a_checkpoint_holds_the_algorithms_that_were_chosen(self):
        run = self.on_device("run", "--epochs", "1", "--max-steps", "4")
        algorithms = trainer_state(run)["algorithms"]
        for batch in (31, 24):  # 24: the epoch's last, prepared before the first step
            for entry in ("conv1.forward", "conv2.backward_data", "conv2.backward_filter"):
                self.assertIn(f"{entry}@{batch}=", algorithms)
        self.sidestep("train", "--resume", "--out", run, "--max-steps", "10")
        self.assertEqual(trainer_state(run)["algorithms"], algorithms)
        self.assertTrue(self.report(run)["device"].startswith(f"{BACKEND} "))


if __name__ == "__main__":
    main()
