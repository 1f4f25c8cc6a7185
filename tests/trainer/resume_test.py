"""A run that is interrupted and resumed ends with the files of one that wasn't, bit for bit."""
import fcntl
import json
import os
import random
import signal
import subprocess
import time
import unittest

from runs import RunTest, evidence

# With many decisions on their way at any moment.
DECISIONS = ["--callback", "reduce_lr_on_plateau:monitor=batch/loss,at=batch:5,patience=1,factor=0.97,min_delta=0.1"]
INTERRUPTIONS = int(os.environ.get("SIDESTEP_INTERRUPTIONS", "8"))
EPOCHS = ["--epochs", "30", *DECISIONS, "--callback", "early_stopping:monitor=val/loss,patience=1000", "--threads", "1"]


class Resume(RunTest):
    def interrupt_until_done(self, name, number, *arguments, pauses):
        """Sends the signal again and again, and resumes each time. Returns how often it hit a run at work."""
        hits = 0
        command = self.command(*self.train_arguments(name, *arguments))
        for pause in pauses:
            process = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                       text=True)
            try:
                self.await_at_work(process, self.folder / name, number)
                time.sleep(pause)
                process.send_signal(number)
                output = process.communicate(timeout=60)
            finally:
                process.kill()
            if process.returncode == 0 or self.was_over(process, self.folder / name, number):
                return hits
            hits += 1
            self.assertEqual(process.returncode, -9 if number == signal.SIGKILL else 128 + number, output)
            if number != signal.SIGKILL:
                report = self.report(self.folder / name)
                self.assertEqual(report["state"], "interrupted")
                self.assertEqual(report["interrupted"]["by"], signal.Signals(number).name)
                self.assertIsNone(report["test"])
            command = self.command("train", "--resume", "--out", self.folder / name)
        self.sidestep("train", "--resume", "--out", self.folder / name)
        return hits

    def check_signal(self, number):
        whole = self.train("whole", *EPOCHS)
        self.assertGreater(len(self.report(whole)["boundary"]["decisions"]), 20)
        draw = random.Random(int(number))
        hits = self.interrupt_until_done("broken", number, *EPOCHS, pauses=[draw.uniform(0.05, 0.4) for _ in range(INTERRUPTIONS)])
        self.assertGreater(hits, 0)
        self.assertSame(self.folder / "broken", whole)
        report = self.report(self.folder / "broken")
        self.assertEqual(report["state"], "finished")
        self.assertIsNone(report["interrupted"])
        self.assertTrue(all(epoch["seconds"] > 0 for epoch in report["epochs"]))

    def test_after_sigint(self):
        self.check_signal(signal.SIGINT)

    def test_after_sigterm(self):
        self.check_signal(signal.SIGTERM)

    def test_after_kill_9(self):
        self.check_signal(signal.SIGKILL)

    def test_after_kill_9_before_there_is_a_checkpoint(self):
        options = ["--epochs", "1", "--limit-train", "1200", "--threads", "1", *DECISIONS]
        whole = self.train("whole", *options)
        for attempt in range(20):  # where the machine is quicker than we are, the run is simply over
            broken = self.folder / f"broken{attempt}"
            process = subprocess.Popen(self.command(*self.train_arguments(broken.name, *options)), stdout=subprocess.DEVNULL)
            while not (broken / "report.json").exists() and process.poll() is None:
                time.sleep(0.001)
            process.kill()
            if process.wait() == -signal.SIGKILL and not list((broken / "checkpoints").glob("[!.]*")):
                break
        else:
            self.fail("none of twenty runs was killed before it had a checkpoint")
        said = self.sidestep("train", "--resume", "--out", broken).stdout
        self.assertIn("has no checkpoint yet: it begins at the first step", said)
        self.assertSame(broken, whole)

    def test_after_kill_9_while_the_data_is_read(self):
        options = ["--epochs", "2"]
        whole = self.train("whole", *options)
        # Whoever opens a file that somebody has leased waits until he gives it back.
        images = os.open(self.data / "train-images-idx3-ubyte", os.O_RDWR)
        before = signal.signal(signal.SIGIO, signal.SIG_IGN)
        try:
            fcntl.fcntl(images, fcntl.F_SETLEASE, fcntl.F_WRLCK)
        except OSError as error:
            self.skipTest(f"files can't be leased here: {error}")
        run = self.folder / "run"
        process = subprocess.Popen(self.command(*self.train_arguments("run", *options)), cwd=self.folder,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        try:
            deadline = time.monotonic() + 30  # the system takes a lease away after 45 s
            while not (run / "config.toml").exists() and time.monotonic() < deadline:
                time.sleep(0.005)
            self.assertTrue((run / "config.toml").exists(), "the run has no folder while it reads its data")
            self.assertIn("begins just now", self.sidestep("watch", "run", code=2).stderr)
        finally:
            process.kill()
            process.communicate()
            os.close(images)
            signal.signal(signal.SIGIO, before)
        self.assertFalse((run / "report.json").exists())
        self.assertIn("has no checkpoint yet: it begins at the first step", self.sidestep("train", "--resume", "--out", run).stdout)
        self.assertSame(run, whole)

    def test_after_max_steps_in_mid_epoch_and_at_its_end(self):
        options = ["--epochs", "4", *DECISIONS]
        whole = self.train("whole", *options)
        early = [d for d in self.report(whole)["boundary"]["decisions"] if d["applied_step"] < 70]
        self.assertGreater(len([d for d in early if d["decision"] == "scale_learning_rate"]), 2)
        parts = self.train("parts", *options, "--max-steps", "20")
        report = self.report(parts)
        self.assertEqual([(e["epoch"], e.get("partial"), e["val"]) for e in report["epochs"]], [(1, True, None)])
        self.assertIsNotNone(report["test"])
        for steps in (39, 40, 77, 79, 1000):  # 39 and 78 end epochs
            self.sidestep("train", "--resume", "--out", parts, "--max-steps", steps)
        self.assertSame(parts, whole)

    def test_running_statistics_are_part_of_a_checkpoint(self):
        options = ["--model", "resnet8", "--epochs", "2", "--limit-train", "310"]
        whole = self.train("whole", *options)
        parts = self.train("parts", *options, "--max-steps", "4")
        for steps in (10, 13, 1000):  # 10 ends an epoch
            self.sidestep("train", "--resume", "--out", parts, "--max-steps", steps)
        self.assertSame(parts, whole)
        said = self.sidestep("evaluate", whole / "checkpoints" / "last.safetensors", "--data", self.data).stdout
        self.assertIn(f"{self.report(whole)['test']['accuracy']:.4f}", said)

    def test_one_that_was_over_goes_on_with_more_epochs(self):
        schedule = ["--schedule", "cosine:epochs=4"]
        whole = self.train("whole", "--epochs", "4", *schedule, *DECISIONS)
        longer = self.train("longer", "--epochs", "2", *schedule, *DECISIONS)
        self.sidestep("train", "--resume", "--out", longer, "--epochs", "4")
        self.assertSame(longer, whole, asked_for={"epochs"})

    def test_epochs_added_later_leave_the_schedule(self):
        run = self.train("run", "--epochs", "2")
        self.sidestep("train", "--resume", "--out", run, "--epochs", "3")
        self.assertAlmostEqual(self.report(run)["epochs"][2]["learning_rate"], 0.0)

    def files(self, run):
        return {path: path.read_bytes() for path in run.rglob("*") if path.is_file() and path.name != "events.jsonl"}

    def test_a_log_with_fewer_rows_than_the_checkpoint_is_refused_untouched(self):
        run = self.train("run", "--epochs", "3", *DECISIONS, "--max-steps", "100")
        for name, rows in (("metrics.csv", 2), ("metrics.jsonl", 40)):
            log = run / name
            whole = log.read_text()
            log.write_text("".join(whole.splitlines(keepends=True)[:rows]))
            # events.jsonl is the account of what happened to the run, this included
            before = self.files(run)
            said = self.sidestep("train", "--resume", "--out", run, "--max-steps", "1000", code=2).stderr
            self.assertEqual(len(said.strip().splitlines()), 1, said)
            self.assertIn(name, said)
            self.assertEqual(self.files(run), before)
            log.write_text(whole)
        self.sidestep("train", "--resume", "--out", run, "--max-steps", "1000")

    def test_early_stopping_keeps_its_patience_and_its_best_weights(self):
        options = ["--epochs", "40", "--lr", "0.02", "--schedule", "constant", "--callback",
                   "early_stopping:monitor=val/loss,patience=3,restore_best_weights=true"]
        whole = self.train("whole", *options)
        stopped = len(self.report(whole)["epochs"])
        self.assertLess(stopped, 40)
        names = [d["decision"] for d in self.report(whole)["boundary"]["decisions"]]
        self.assertIn("restore_best", names)
        # `last` has the weights of the stop, and the best ones, with which the run ended, beside them
        last = whole / "checkpoints" / "last.safetensors"
        said = self.sidestep("evaluate", last, "--data", self.data, "--kept", "early_stopping").stdout
        test = self.report(whole)["test"]
        self.assertIn(f"loss {test['loss']:.4f}  accuracy {test['accuracy']:.4f}", said)
        self.assertNotIn(f"loss {test['loss']:.4f} ", self.sidestep("evaluate", last, "--data", self.data).stdout)
        self.assertIn("'early_stopping'", self.sidestep("evaluate", last, "--data", self.data, "--kept", "early_stoping", code=2).stderr)
        parts = self.train("parts", *options, "--max-steps", 39 * (stopped - 2) + 7)
        self.sidestep("train", "--resume", "--out", parts, "--max-steps", "100000")
        self.assertSame(parts, whole)


class Over(RunTest):
    def everything(self, run):
        return {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}

    def assertIsOver(self, run, says):
        """Resuming it says this in one line, and changes nothing."""
        before = self.everything(run)
        done = self.sidestep("train", "--resume", "--out", run)
        self.assertEqual((done.stdout, done.stderr), (f"{run}: {says}\n", ""))
        done = self.sidestep("train", "--resume", "--out", run, "--quiet")
        self.assertEqual((done.stdout, done.stderr), ("", ""))
        self.assertEqual(self.everything(run), before)

    def test_a_finished_run_has_nothing_to_do_but_more_epochs(self):
        run = self.train("run", "--epochs", "2")
        self.assertIsOver(run, "finished at step 78: nothing to do; --epochs 3 or more trains on.")
        said = self.sidestep("train", "--resume", "--out", run, "--epochs", "3").stdout
        self.assertIn(f"goes on behind step 78, from {run / 'checkpoints' / 'last.safetensors'}\n", said)
        self.assertIsOver(run, "finished at step 117: nothing to do; --epochs 4 or more trains on.")

    def test_a_run_that_early_stopping_ended_stays_stopped_unless_more_epochs_are_asked_for(self):
        run = self.train("run", "--epochs", "9", "--callback", "early_stopping:monitor=val/loss,patience=0,min_delta=100")
        (stop,) = [d for d in self.report(run)["boundary"]["decisions"] if d["decision"] == "stop"]
        step = self.report(run)["epochs"][-1]["step"]
        self.assertEqual((step, stop["applied_step"]), (78, 78))
        self.assertIsOver(run, f"stopped by early_stopping at step 78 ({stop['reason']}): nothing to do; "
                               "--epochs 10 or more trains on.")
        self.sidestep("train", "--resume", "--out", run, "--epochs", "10")
        self.assertGreater(self.report(run)["epochs"][-1]["step"], 78)

    def test_a_run_killed_before_its_last_report_goes_on_from_its_last_checkpoint(self):
        run = self.train("run", "--epochs", "2")
        before = evidence(run)
        report = self.report(run)
        report.update(state="running", test=None)
        for text in (json.dumps(report), "{", None):
            (run / "report.json").unlink()
            if text is not None:
                (run / "report.json").write_text(text)
            self.sidestep("train", "--resume", "--out", run)
            self.assertEqual(self.report(run)["state"], "finished")
            again = evidence(run)
            if text in (None, "{"):  # how many samples an epoch had stands nowhere else
                again["epochs"] = before["epochs"]
            self.assertTrue(again == before)

    def test_one_without_a_checkpoint_says_that_it_begins_anew(self):
        run = self.train("run", "--epochs", "1")
        for name in ("best.safetensors", "last.safetensors"):
            (run / "checkpoints" / name).unlink()
        said = self.sidestep("train", "--resume", "--out", run).stdout
        self.assertIn(f"{run} has no checkpoint yet: it begins at the first step\n", said)
        self.assertEqual(self.report(run)["epochs"][-1]["step"], 39)


class WithoutLast(RunTest):
    """A run that saves its best, and `last` at its end alone."""

    OPTIONS = ["--epochs", "6", "--limit-train", "310", "--lr", "1e-4", "--schedule", "constant", "--threads", "1",
               "--callback", "model_checkpoint:save_last=no,save_top_k=1,monitor=val/loss,file=e{epoch}.safetensors"]

    def kill_when(self, name, *arguments, seen):
        """A run of 60 steps, killed as soon as `seen` holds. True: it was at work still."""
        process = subprocess.Popen(self.command(*arguments), cwd=self.folder, stdout=subprocess.DEVNULL)
        while process.poll() is None and not seen(self.folder / name / "checkpoints"):
            time.sleep(0.0005)
        process.kill()
        process.wait()
        return not (self.folder / name / "checkpoints" / "last.safetensors").exists()

    def test_killed_before_its_first_last_it_goes_on_from_the_newest_whole_one(self):
        whole = self.train("whole", *self.OPTIONS)
        for attempt in range(20):
            name = f"broken{attempt}"
            run = self.folder / name
            if self.kill_when(name, *self.train_arguments(name, *self.OPTIONS),
                              seen=lambda folder: (folder / "e1.safetensors").exists()):
                break
        else:
            self.fail("none of twenty runs was killed before it had its last checkpoint")
        saved = {int(path.name[1]): path for path in (run / "checkpoints").glob("e*.safetensors")}
        newest = saved[max(saved)]
        # a newer one that has come to harm since
        damaged = run / "checkpoints" / "e9.safetensors"
        bytes_of = newest.read_bytes()
        damaged.write_bytes(bytes_of[:-1] + bytes([bytes_of[-1] ^ 1]))
        said = self.sidestep("train", "--resume", "--out", run).stdout
        self.assertIn(f"goes on behind step {max(saved) * 10}, from {newest}\n", said)
        warnings = self.report(run)["warnings"]
        self.assertEqual(len(warnings), 1, warnings)
        self.assertIn("e9.safetensors", warnings[0])
        damaged.unlink()
        self.assertSame(run, whole)

    def test_what_the_last_of_an_earlier_process_names_stays(self):
        whole = self.train("whole", *self.OPTIONS)
        run = self.train("run", *self.OPTIONS, "--max-steps", "13")
        last = run / "checkpoints" / "last.safetensors"
        before = last.read_bytes()
        self.assertTrue((run / "checkpoints" / "e1.safetensors").exists())
        process = subprocess.Popen(self.command("train", "--resume", "--out", run, "--max-steps", "60"),
                                   cwd=self.folder, stdout=subprocess.DEVNULL)
        while process.poll() is None and not (run / "checkpoints" / "e3.safetensors").exists():
            time.sleep(0.0005)
        process.kill()
        process.wait()
        if last.read_bytes() == before:  # it was at work still
            self.assertTrue((run / "checkpoints" / "e1.safetensors").exists())
        self.sidestep("train", "--resume", "--out", run, "--max-steps", "60")
        self.assertSame(run, whole)


class Repeat(RunTest):
    OPTIONS = ["--epochs", "6", *DECISIONS]

    def test_threads_and_competing_load_change_nothing(self):
        first = self.train("first", *self.OPTIONS, "--threads", "1")
        self.assertGreater(len(self.report(first)["boundary"]["decisions"]), 10)
        load = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(3)]
        try:
            second = self.train("second", *self.OPTIONS, "--threads", "2")
        finally:
            for process in load:
                process.kill()
                process.wait()
        self.assertSame(second, first)

    def test_sync_decides_when_decisions_act(self):
        run = self.train("run", *self.OPTIONS)
        for decision in self.report(run)["boundary"]["decisions"]:
            if decision["by"] == "reduce_lr_on_plateau":
                self.assertEqual(decision["applied_step"], decision["cause_step"] + 2)
        run = self.train("lockstep", *self.OPTIONS, "--sync", "lockstep")
        for decision in self.report(run)["boundary"]["decisions"]:
            self.assertEqual(decision["applied_step"], decision["cause_step"])


class Evaluate(RunTest):
    def test_says_what_the_run_said(self):
        run = self.train("run", "--epochs", "2")
        said = self.sidestep("evaluate", run / "checkpoints" / "last.safetensors", "--data", self.data).stdout
        test = self.report(run)["test"]
        self.assertIn(f"loss {test['loss']:.4f}  accuracy {test['accuracy']:.4f}", said)
        self.assertGreater(test["accuracy"], 0.5)


if __name__ == "__main__":
    unittest.main(verbosity=2)
