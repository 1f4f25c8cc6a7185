"""What `sidestep train` says and leaves."""
import json
import os
import subprocess
import unittest

from runs import RunTest, evidence

FILES = {"config.toml", "report.json", "metrics.csv", "metrics.jsonl", "events.jsonl", "events.log", "checkpoints"}
CALLBACKS = ["progress", "csv_logger", "jsonl_logger", "history", "model_checkpoint", "early_stopping",
             "reduce_lr_on_plateau", "terminate_on_nan"]


class Train(RunTest):
    def names(self, folder):
        return {path.name for path in folder.iterdir()}

    def callbacks(self, run):
        return [each["name"] for each in self.report(run)["callbacks"]]

    def test_leaves_its_files_and_says_how_it_went(self):
        said = self.sidestep(*self.train_arguments("run", "--epochs", "2")).stdout
        run = self.folder / "run"
        self.assertEqual(self.names(run), FILES)
        self.assertEqual(self.names(run / "checkpoints"), {"best.safetensors", "last.safetensors"})
        self.assertEqual(self.callbacks(run), CALLBACKS)
        report = self.report(run)
        self.assertEqual(report["schema"], 1)
        self.assertEqual(report["state"], "finished")
        self.assertEqual(report["bus"]["published"],
                         report["bus"]["delivered"] + report["bus"]["dropped"] + report["bus"]["pending"])
        self.assertEqual(report["bus"]["pending"], 0)
        for words in ["epoch 1/2", "epoch 2/2", "test  loss", "callback ", "published", "save_checkpoint", str(run)]:
            self.assertIn(words, said)
        self.assertTrue(all(len(line) <= 140 for line in said.splitlines()), said)
        first, last = said.splitlines()[0], said.splitlines()[-1]
        for words in ["lenet", f"data {self.data} (1200 train, 109 validation, 200 test)", report["device"], "thread",
                      "sync lag:2"]:
            self.assertIn(words, first)
        self.assertEqual(last, f"files: {run}")
        # the two files of one boundary are told apart, and all of it fits a terminal
        table = said[said.index("save_checkpoint by model_checkpoint"):].splitlines()
        self.assertEqual(table[1].split(), ["cause", "applied", "file", "reason"])
        self.assertIn("39       39  best.safetensors  val/accuracy is ", table[2])
        self.assertIn("39       39  last.safetensors  the last", table[3])
        self.assertLessEqual(max(map(len, table[:-1])), 80)

    def test_config_repeats_the_run(self):
        run = self.train("run", "--epochs", "2", "--lr", "0.003", "--seed", "7", "--schedule", "step:every=1,by=0.5")
        self.sidestep("train", "--config", run / "config.toml", "--out", self.folder / "again")
        self.assertSame(self.folder / "again", run)

    def test_another_seed_is_another_run(self):
        self.assertNotEqual(evidence(self.train("one", "--epochs", "1", "--seed", "1"))["test"],
                            evidence(self.train("two", "--epochs", "1", "--seed", "2"))["test"])

    def test_a_named_callback_replaces_the_default_of_that_name(self):
        run = self.train("run", "--epochs", "1", "--callback", "csv_logger:file=rows.csv", "--callback",
                         "memory_release")
        self.assertIn("rows.csv", self.names(run))
        self.assertNotIn("metrics.csv", self.names(run))
        self.assertEqual(self.callbacks(run).count("csv_logger"), 1)
        self.assertIn("memory_release", self.callbacks(run))

    def test_several_callbacks_of_one_name_all_run(self):
        run = self.train("run", "--epochs", "9", "--callback", "early_stopping:monitor=val/loss,patience=1000",
                         "--callback", "early_stopping:monitor=val/accuracy,patience=0,min_delta=1",
                         "--callback", "model_checkpoint:monitor=val/loss,file=loss",
                         "--callback", "model_checkpoint:monitor=val/accuracy,file=accuracy,save_last=no")
        self.assertEqual(self.names(run / "checkpoints"),
                         {"loss.safetensors", "accuracy.safetensors", "last.safetensors"})
        names = self.callbacks(run)
        for name in ("early_stopping", "model_checkpoint"):  # each has a row, and the default of that name isn't there
            self.assertEqual([each for each in names if each.startswith(name)], [name, f"{name}-2"])
        report = self.report(run)
        self.assertTrue(all(each["events"] > 0 for each in report["callbacks"]))
        stop = [each for each in report["boundary"]["decisions"] if each["decision"] == "stop"]
        self.assertEqual([each["by"] for each in stop], ["early_stopping-2"])  # the second, while the first is patient
        self.assertEqual(len(report["epochs"]), 2)
        self.sidestep("train", "--config", run / "config.toml", "--out", self.folder / "again")
        self.assertSame(self.folder / "again", run)

    def test_without_callbacks(self):
        run = self.train("run", "--epochs", "1", "--no-default-callbacks")
        self.assertEqual(self.names(run), {"config.toml", "report.json", "events.log", "checkpoints"})
        self.assertEqual(self.names(run / "checkpoints"), {"last.safetensors"})
        self.assertEqual(self.callbacks(run), [])

    def test_quiet_says_nothing(self):
        done = self.sidestep(*self.train_arguments("run", "--epochs", "1", "--quiet"))
        self.assertEqual((done.stdout, done.stderr), ("", ""))

    def test_relaxed_says_what_it_means_for_checkpoints(self):
        done = self.sidestep(*self.train_arguments("run", "--epochs", "1", "--sync", "relaxed"))
        self.assertIn("sync relaxed", done.stdout.splitlines()[0])
        self.assertIn("relaxed: a best checkpoint", done.stdout.splitlines()[1])
        self.assertFalse(self.report(self.folder / "run")["reproducible"]["promised"])

    def test_a_loss_that_is_no_number_ends_the_run_as_decided(self):
        said = self.sidestep(*self.train_arguments("run", "--epochs", "3", "--optimizer", "sgd", "--lr", "1000")).stdout
        report = self.report(self.folder / "run")
        (stop,) = [row for row in report["boundary"]["decisions"] if row["by"] == "terminate_on_nan"]
        self.assertEqual(stop["decision"], "stop")
        self.assertEqual(stop["applied_step"], stop["cause_step"] + 2)
        self.assertIn(f"step {stop['cause_step']}", stop["reason"])
        (epoch,) = report["epochs"]
        self.assertEqual(epoch["step"], stop["applied_step"])
        self.assertLess(epoch["step"], 39)
        self.assertTrue(epoch["partial"])
        self.assertIsNone(epoch["train"]["loss"])
        self.assertEqual(report["state"], "finished")
        self.assertIn("terminate_on_nan", said)
        self.assertIn(f"epoch 1/3 (cut short at step {epoch['step']})  loss nan  accuracy ", said)
        self.assertNotIn("-nan", said)
        self.assertNotIn("-nan", stop["reason"])
        # the trainer's own words of it: the loss was a number until its cause, and no step came behind the stop
        events = [json.loads(line) for line in (self.folder / "run" / "metrics.jsonl").read_text().splitlines()]
        losses = {event["step"]: event["loss"] for event in events if event["event"] == "BatchEnd"}
        self.assertEqual(max(losses), stop["applied_step"])
        for step in range(1, stop["cause_step"]):
            self.assertIsInstance(losses[step], float, step)
        self.assertNotIsInstance(losses[stop["cause_step"]], float)

    def test_whose_loss_is_no_number_is_never_of_a_sign_and_gains_nothing_by_more_steps(self):
        run = self.train("run", "--epochs", "3", "--optimizer", "sgd", "--lr", "1000")
        said = self.sidestep("evaluate", run / "checkpoints" / "last.safetensors", "--data", self.data).stdout
        self.assertIn("test  loss nan", said)
        self.assertNotIn("-nan", said)
        said = self.sidestep("train", "--resume", "--out", run).stdout
        self.assertIn("stopped by terminate_on_nan at step ", said)
        self.assertIn("Begin a new run", said)
        self.assertNotIn("trains on", said)
        bare = self.train("bare", "--epochs", "1", "--optimizer", "sgd", "--lr", "1000", "--no-default-callbacks",
                          "--callback", "csv_logger")
        self.assertIn(",nan,", (bare / "metrics.csv").read_text())
        self.assertNotIn("-nan", (bare / "metrics.csv").read_text())

    def test_a_run_that_is_too_short_for_a_look_says_so_and_ends_well(self):
        said = self.sidestep(*self.train_arguments("run", "--max-steps", "5"))
        note = ("No whole epoch ran: early_stopping never saw val/loss, model_checkpoint never saw val/accuracy, "
                "reduce_lr_on_plateau never saw val/loss.")
        self.assertIn(f"note: {note}\n", said.stdout)
        self.assertEqual(said.stderr, "")
        self.assertEqual(self.report(self.folder / "run")["warnings"], [note])
        # whoever goes on and comes to an epoch's end has nothing to say
        self.sidestep("train", "--resume", "--out", self.folder / "run", "--max-steps", "40")
        self.assertEqual(self.report(self.folder / "run")["warnings"], [])

    def test_a_learning_rate_of_zero_is_shown(self):
        said = self.sidestep(*self.train_arguments("run", "--epochs", "3", "--schedule", "cosine:epochs=1")).stdout
        lines = [line for line in said.splitlines() if line.startswith("epoch 3/3")]
        self.assertTrue(lines and all("  lr 0  " in line for line in lines), said)

    def test_a_live_line_is_drawn_only_where_it_can_be(self):
        for number, (term, live) in enumerate([("xterm", True), ("dumb", False), ("", False), (None, False)]):
            with self.subTest(term):
                process, terminal = self.on_a_terminal(*self.train_arguments(f"run{number}", "--epochs", "1"), term=term)
                said = self.rest_of_terminal(terminal)
                self.assertEqual(process.wait(self.longest), 0)
                self.assertEqual("\x1b[K" in said, live, said)
                self.assertEqual("\r" in said.replace("\r\n", "\n"), live, said)
                self.assertIn("epoch 1/1", said)

    def test_nobody_who_reads_is_named_as_what_it_is(self):
        reads, writes = os.pipe()
        os.close(reads)
        try:
            done = self.sidestep(*self.train_arguments("run", "--epochs", "1"), code=3, stdout=writes)
        finally:
            os.close(writes)
        self.assertIn("standard output: cannot be written: Broken pipe. Nobody reads it any more", done.stderr)
        self.assertNotIn("Check the disk", done.stderr)
        self.assertEqual(self.report(self.folder / "run")["state"], "finished")

    def test_whatever_cannot_say_its_words_fails(self):
        for target, says in [("/dev/full", "disk is full"), (None, "Bad file descriptor. It is closed")]:
            for command in (["info"], ["callbacks"], ["operators", "take"], ["--version"]):
                with self.subTest(command, target=target):
                    arguments = self.command(*command)
                    shell = ["sh", "-c", '"$@" ' + (f">{target}" if target else ">&-"), "sh", *arguments]
                    done = subprocess.run(shell, stderr=subprocess.PIPE, text=True, timeout=self.longest)
                    self.assertEqual(done.returncode, 3, done.stderr)
                    self.assertIn("standard output: cannot be written: ", done.stderr)
                    self.assertIn(says, done.stderr)

    def test_a_log_that_cannot_be_shown_says_why(self):
        run = self.train("run", "--epochs", "1", "--record")
        for target, says in [(">/dev/full", "disk is full"), (">&-", "Bad file descriptor. It is closed")]:
            for action in (["cat"], ["export", "--format", "csv"]):
                arguments = self.command("log", action[0], run / "events.log", *action[1:])
                done = subprocess.run(["sh", "-c", f'"$@" {target}', "sh", *arguments], stderr=subprocess.PIPE, text=True)
                self.assertEqual(done.returncode, 4, done.stderr)
                self.assertIn("standard output: cannot be written: ", done.stderr)
                self.assertIn(says, done.stderr)

    def test_a_closed_output_lands_in_no_file(self):
        arguments = self.command(*self.train_arguments("run", "--epochs", "1", "--no-share"))
        done = subprocess.run(["sh", "-c", '"$@" <&- >&- 2>&-', "sh", *arguments], timeout=self.longest)
        self.assertEqual(done.returncode, 3)
        run = self.folder / "run"
        self.assertEqual(self.names(run), FILES)
        for path in run.glob("metrics.*"):
            self.assertNotIn("test  loss", path.read_text(), path)
            self.assertNotIn("files: ", path.read_text(), path)

    def test_without_terminate_on_nan_the_same_run_goes_on(self):
        run = self.train("run", "--epochs", "1", "--optimizer", "sgd", "--lr", "1000", "--no-default-callbacks")
        self.assertEqual(self.report(run)["epochs"][0]["step"], 39)

    def test_a_metric_that_never_comes_is_a_failure(self):
        done = self.sidestep(*self.train_arguments("run", "--epochs", "1", "--callback",
                                                   "early_stopping:monitor=val/los,mode=min"), code=3)
        self.assertIn("early_stopping", done.stderr)
        self.assertIn("val/loss", done.stderr)
        self.assertEqual(self.report(self.folder / "run")["state"], "finished")

    def test_another_sync_on_resuming_is_remarked_upon(self):
        run = self.train("run", "--epochs", "2", "--max-steps", "20")
        said = self.sidestep("train", "--resume", "--out", run, "--sync", "lag:5", "--max-steps", "100").stdout
        self.assertIn("lag:5", said)
        self.assertEqual(self.report(run)["sync"], "lag:5")

    def test_a_schedule_as_a_callback_begins_at_the_runs_rate(self):
        run = self.train("run", "--epochs", "1", "--lr", "0.0005", "--callback", "learning_rate_schedule:shape=constant")
        self.assertEqual(self.report(run)["epochs"][0]["learning_rate"], 0.0005)
        run = self.train("told", "--epochs", "1", "--lr", "0.0005", "--callback",
                         "learning_rate_schedule:shape=constant,lr=0.001")
        self.assertEqual(self.report(run)["epochs"][0]["learning_rate"], 0.001)


if __name__ == "__main__":
    unittest.main(verbosity=2)
