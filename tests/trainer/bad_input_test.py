"""Whatever is wrong with what it is given: exit code 2, one sentence, no trace, no damage."""
import gzip
import hashlib
import os
import shutil
import struct
import unittest

from runs import RunTest


def tree(folder):
    """All that lies there, with its bytes."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


class BadInput(RunTest):
    def refused(self, *arguments, says=()):
        """It is refused with one sentence that holds these words, and nothing on the disk is another than before."""
        before = tree(self.folder)
        done = self.sidestep(*arguments, code=2)
        self.assertEqual(tree(self.folder), before, arguments)
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        self.assertTrue(lines[0].startswith("sidestep: "), lines[0])
        self.assertRegex(lines[0], r"[.?]$")
        for word in says:
            self.assertIn(word, lines[0])

    def train_refused(self, *arguments, says=(), data=None):
        self.refused("train", "--data", data or self.data, "--out", self.folder / "new" / "run", *arguments, says=says)

    def test_options(self):
        for arguments, says in [
            (["--model", "lenett"], ["lenett", "'lenet'"]),
            (["--backend", "cdu"], ["cdu", "backend"]),
            (["--optimizer", "adam"], ["adam", "adamw"]),
            (["--epoch", "3"], ["--epoch", "--epochs"]),
            (["--epochs", "many"], ["--epochs", "many"]),
            (["--batch-size", "0"], ["--batch-size", "0"]),
            (["--batch-size", "1201"], ["--batch-size 1201", "the 1200 samples", "--batch-size 1200 or less"]),
            # as many as --limit-train leaves, not as many as there are
            (["--limit-train", "100", "--batch-size", "1000"], ["--batch-size 1000", "the 100 samples", "--batch-size 100 or less"]),
            (["--limit-train", "100", "--batch-size", "1201"], ["the 100 samples", "--batch-size 100 or less"]),
            # the default too, where somebody asks for it
            (["--limit-train", "10", "--batch-size", "128"], ["--batch-size 128", "the 10 samples", "--batch-size 10 or less"]),
            (["--lr", "nan"], ["--lr", "nan"]),
            (["--callback", "csv_logger:separator=\n"], ["csv_logger", "separator="]),
            (["--out"], ["--out has no value"]),
            (["--seed", "--quiet"], ["--seed has no value before --quiet"]),
            (["--lr", "-1"], ["--lr", "-1"]),
            (["--schedule", "cosin"], ["cosin", "cosine"]),
            (["--sync", "lag:-1"], ["--sync", "lag:-1"]),
            (["--threads", "0"], ["--threads"]),
            (["--backend", "cpu", "--tf32"], ["--tf32: is for devices", "--backend cuda"]),
            (["--callback", "early_stoping"], ["early_stoping", "early_stopping"]),
            (["--callback", "early_stopping:patiense=3"], ["patiense", "patience"]),
            (["--callback", "early_stopping:patience=-1"], ["patience", "-1"]),
            (["--callback", "early_stopping:monitor=val/loss,patience=x"], ["patience", "x"]),
            (["--callback", "early_stopping:monitor"], ["monitor"]),
            (["--callback", "csv_logger:file=/nowhere/metrics.csv"], ["/nowhere/metrics.csv"]),
        ]:
            with self.subTest(arguments):
                self.train_refused(*arguments, says=says)

    def test_a_file_of_options(self):
        file = self.folder / "run.toml"
        for text, says in [
            ('lr = 0.5\ncallback = ["early_stoping"]\n', [f"{file}, line 2: callback 'early_stoping'", "'early_stopping'"]),
            ("batch-size = 31\nbatch_size = 40\n", [str(file), "batch-size is given twice"]),
            ('out = "x"\n', [f"{file}, line 1: ", "'out' belongs on the command line: --out."]),
            ('backend = "cpu"\ntf32 = true\n', [f"{file}: tf32: is for devices"]),
            ("batch-size = 1201\n", [f"{file}: batch-size 1201: is larger than the 1200 samples"]),
        ]:
            with self.subTest(text):
                file.write_text(text)
                self.train_refused("--config", file, says=says)

    def test_a_run_that_is_refused_empties_no_file_and_makes_none(self):
        old = self.folder / "old.csv"
        old.write_text("epoch,loss\n0,1.5\n")
        for name in ("old.csv", "new.csv"):
            self.train_refused("--callback", f"csv_logger:file={self.folder / name}", "--callback",
                               "jsonl_logger:file=/nowhere/metrics.jsonl", says=["/nowhere/metrics.jsonl"])
        self.assertEqual(old.read_text(), "epoch,loss\n0,1.5\n")
        self.assertFalse((self.folder / "new.csv").exists())

    def test_a_callback_has_a_file_of_its_own(self):
        for callback, says in [
            ("csv_logger:file=config.toml", ["config.toml", "the run's own"]),
            ("csv_logger:file=./sub/../report.json", ["report.json", "the run's own"]),
            ("csv_logger:file=events-2.log", ["events-2.log", "the run's own"]),
            ("csv_logger:file=metrics.jsonl", ["metrics.jsonl", "another callback"]),
            ("jsonl_logger:events=metrics.csv", ["metrics.csv", "another callback"]),
            ("csv_logger:file=checkpoints/last.safetensors", ["last.safetensors", "checkpoints lie there"]),
        ]:
            with self.subTest(callback):
                self.train_refused("--callback", callback, says=says)

    def test_a_callback_that_is_given_twice(self):
        for first, second, says in [
            ("early_stopping", "early_stopping", ["--callback early_stopping: is given twice", "Leave one out."]),
            ("early_stopping:patience=0", "early_stopping:monitor=val/loss", ["early_stopping:monitor=val/loss: is given twice"]),
            ("terminate_on_nan", "terminate_on_nan", ["--callback terminate_on_nan: is given twice"]),
            ("progress:interval=1", "progress:interval=2", ["--callback progress:interval=2: a run has one progress"]),
            ("learning_rate_schedule:shape=step", "learning_rate_schedule", ["a run has one learning_rate_schedule"]),
            ("csv_logger", "csv_logger:separator=;", ["metrics.csv", "another callback"]),
            ("model_checkpoint", "model_checkpoint:monitor=val/loss", ["best.safetensors", "another callback", "file=NAME"]),
        ]:
            with self.subTest(second):
                self.train_refused("--callback", first, "--callback", second, says=says)

    def test_data(self):
        def spoil(name, change):
            folder = self.folder / "spoilt"
            shutil.rmtree(folder, ignore_errors=True)
            shutil.copytree(self.data, folder)
            path = folder / name
            change(path)
            return folder

        images, labels = "train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"

        def truncated_gzip(path):
            packed = gzip.compress(path.read_bytes())
            path.unlink()
            path.with_name(path.name + ".gz").write_bytes(packed[: len(packed) // 2])

        def corrupt_gzip(path):
            packed = bytearray(gzip.compress(path.read_bytes()))
            packed[len(packed) // 2] ^= 0xFF
            path.unlink()
            path.with_name(path.name + ".gz").write_bytes(packed)

        def patched(at, new):
            def patch(path):
                whole = bytearray(path.read_bytes())
                whole[at : at + len(new)] = new
                path.write_bytes(whole)

            return patch

        cases = {
            "missing folder": lambda: self.folder / "nowhere",
            "empty folder": lambda: (self.folder / "empty").mkdir() or self.folder / "empty",
            "missing file": lambda: spoil(labels, os.unlink),
            "truncated": lambda: spoil(images, lambda path: path.write_bytes(path.read_bytes()[:-1])),
            "truncated gzip": lambda: spoil(images, truncated_gzip),
            "corrupt gzip": lambda: spoil(images, corrupt_gzip),
            "wrong magic": lambda: spoil(images, patched(2, b"\x0d")),
            "sizes that disagree": lambda: spoil(images, patched(4, struct.pack(">I", 7))),
            "label out of range": lambda: spoil(labels, patched(8, b"\x0a")),
        }
        for name, make in cases.items():
            with self.subTest(name):
                folder = make()
                self.train_refused(data=folder, says=[str(folder)])
        for name in ("missing folder", "missing file"):
            said = self.sidestep("train", "--data", cases[name](), "--out", self.folder / "new", code=2).stderr
            self.assertIn("on the command line with --data DIR.", said)
            self.assertNotIn("fashion_mnist(", said)  # that is C++

    def test_what_nobody_may_read(self):
        """As a user who may not: root may read everything."""
        run = self.train("run", "--epochs", "1", "--limit-train", "100")
        (self.folder / "runs").mkdir()
        self.folder.chmod(0o777)
        self.sidestep("train", "--data", self.data, "--epochs", "1", "--limit-train", "100")  # into runs/
        user = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
        try:
            self.sidestep("--version", **user)
        except PermissionError:
            self.skipTest("nobody may not run the command here")
        checkpoint = run / "checkpoints" / "last.safetensors"
        train = ["train", "--out", self.folder / "new"]
        (self.folder / "file.toml").write_text("epochs = 1\n")
        for closed, arguments, names in [
            (self.data, [*train, "--data", self.data], self.data),
            (self.data, ["evaluate", checkpoint, "--data", self.data], self.data),
            (self.folder / "outer", [*train, "--data", self.folder / "outer" / "data"], self.folder / "outer" / "data"),
            (run, ["train", "--resume", "--out", run], run),
            (self.folder / "outer", ["train", "--resume", "--out", self.folder / "outer" / "run"], self.folder / "outer" / "run"),
            (self.folder / "runs", ["train", "--resume"], "runs"),
            (self.folder / "outer", [*train, "--config", self.folder / "outer" / "file.toml"], self.folder / "outer" / "file.toml"),
        ]:
            with self.subTest(arguments):
                closed.mkdir(exist_ok=True)
                closed.chmod(0)
                try:
                    said = self.sidestep(*arguments, code=2, **user).stderr
                finally:
                    closed.chmod(0o755)
                self.assertEqual(said, f"sidestep: {names}: can't be read. Check its permissions.\n")

    def test_images_that_the_model_cannot_take(self):
        from runs import write_data

        odd = write_data(self.folder / "odd", train=60, test=20, side=7)
        self.train_refused("--batch-size", "20", data=odd, says=["lenet", "7"])

    def test_what_a_good_checkpoint_is_measured_on(self):
        from runs import write_data

        run = self.train("run", "--epochs", "1", "--limit-train", "100")
        good = run / "checkpoints" / "last.safetensors"
        nowhere = self.folder / "nowhere"
        self.refused("evaluate", good, "--data", nowhere, says=[str(nowhere), "no such data folder", "--data"])
        for side in (8, 16):
            with self.subTest(side=side):
                other = write_data(self.folder / f"side{side}", train=60, test=20, side=side)
                self.refused("evaluate", good, "--data", other,
                             says=[str(other), f"{side}x{side}", str(good), "another size", "--data"])
        self.sidestep("evaluate", good, "--data", self.data)
        self.refused("evaluate", good, "--data", self.data, "--kept", "early_stopping",
                     says=[str(good), "keeps no weights", "without --kept"])
        bigger = write_data(self.folder / "bigger", side=16)
        before = tree(run)
        self.refused("train", "--resume", "--out", run, "--epochs", "2", "--data", bigger,
                     says=["last.safetensors", "'dense1.weight'", "images of 16x16", "images of the size, that wrote it"])
        self.assertEqual(tree(run), before)

    def test_a_folder_where_a_file_is_meant(self):
        run = self.train("run", "--epochs", "1", "--limit-train", "100")
        for folder in (run, run / "checkpoints"):
            self.refused("evaluate", folder, "--data", self.data,
                         says=[f"Name a checkpoint in it: {run}/checkpoints/best.safetensors"])
        (run / "checkpoints" / "best.safetensors").unlink()
        self.refused("evaluate", run, "--data", self.data, says=[f"in it: {run}/checkpoints/last.safetensors"])
        self.refused("evaluate", self.data, "--data", self.data, says=[str(self.data), "isn't a file", "checkpoint"])
        self.refused("log", "cat", run, says=[f"Name the log in it: {run}/events.log"])
        self.refused("log", "info", self.data, says=[str(self.data), "without an events.log", "--no-record"])

    def test_folders(self):
        run = self.train("run", "--epochs", "1", "--limit-train", "100")
        (self.folder / "other").mkdir()
        (self.folder / "other" / "thesis.txt").write_text("years of work")
        for name, text in [("mine", "epochs = 1\nmax-steps = 5\n"), ("site", 'baseURL = "x"\n')]:
            (self.folder / name).mkdir()
            (self.folder / name / "config.toml").write_text(text)
            (self.folder / name / "metrics.csv").write_text("precious")
        for arguments, says in [
            (["--out", run], [str(run), "--resume"]),
            (["--out", self.folder / "other"], ["other"]),
            (["--out", "/proc/nowhere/run"], ["/proc"]),
            (["--out", self.folder / "other", "--resume"], ["other", "config.toml"]),
            (["--out", self.folder / "mine", "--resume"], ["mine", "isn't a run of Sidestep"]),
            (["--out", self.folder / "site", "--resume"], ["site", "isn't a run of Sidestep"]),
            (["--out", self.folder / "absent", "--resume"], ["absent"]),
            (["--resume"], ["runs"]),
            (["--out", "--quiet"], ["--out has no value before --quiet"]),
            (["--out", run, "--resume", "--batch-size", "64"], ["--batch-size", "64"]),
            (["--out", run, "--resume", "--data", self.folder / "nowhere"], ["nowhere"]),
        ]:
            with self.subTest(arguments):
                self.refused("train", *(["--data", self.data] if "--resume" not in arguments else []), *arguments,
                             says=says)

    def test_checkpoints_that_cannot_be_written(self):
        run = self.train("run", "--epochs", "1", "--limit-train", "100")
        checkpoints = run / "checkpoints"
        shutil.move(checkpoints, self.folder / "away")
        checkpoints.write_text("a file")
        resume = ["train", "--resume", "--out", run, "--epochs", "3"]
        self.refused(*resume, says=[str(checkpoints), "cannot be made", "in the way"])
        checkpoints.unlink()
        closed = "/sys/kernel"  # nobody can make a file there, root neither
        if os.path.isdir(closed):
            checkpoints.symlink_to(closed)
            self.refused(*resume, says=[f"{checkpoints}: cannot be written to", "."])
            checkpoints.unlink()
        shutil.move(self.folder / "away", checkpoints)
        self.sidestep(*resume)

    def test_names_that_are_too_long(self):
        long = "x" * 300
        for arguments in [["--out", self.folder / long], ["--callback", f"csv_logger:file={long}"],
                          ["--callback", f"jsonl_logger:events={long}"]]:
            with self.subTest(arguments):
                self.refused("train", "--data", self.data, *arguments, says=[long, "too long", "Choose a shorter name"])

    def test_quiet_hides_no_bad_option(self):
        self.train_refused("--quiet", "--callback", "progress:interval=-1", says=["interval=-1"])
        self.train_refused("--quiet", "--callback", "progress:columns=5", says=["columns=5", "20"])

    def test_a_damaged_checkpoint_says_what_comes_of_deleting_it(self):
        run = self.train("run", "--epochs", "2", "--limit-train", "100")
        best, last = (run / "checkpoints" / f"{name}.safetensors" for name in ("best", "last"))
        whole = best.read_bytes()
        resume = ["train", "--resume", "--out", run, "--epochs", "4"]
        for file in (best, last):  # they may be one file
            file.unlink()
            file.write_bytes(whole)
        last.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        done = self.sidestep(*resume, code=2)
        step = int(done.stderr.rstrip(".\n").rsplit(" ", 1)[1])
        self.refused(*resume, says=[f"{last}: ", "after it was written. Delete it, and resuming goes on from {}, step {}.".format(best, step)])
        best.write_bytes(whole[:100])
        self.refused(*resume, says=[f"{last}: ", "Delete it, and resuming begins at the first step: there is no other of this run."])
        best.write_bytes(whole)
        last.unlink()
        self.assertIn(f"goes on behind step {step}, from {best}", self.sidestep(*resume).stdout)

    def test_a_last_checkpoint_that_is_no_file(self):
        run = self.train("run", "--epochs", "1", "--limit-train", "100")
        last = run / "checkpoints" / "last.safetensors"
        last.unlink()
        for make, says in [
            (lambda: last.symlink_to(last.name), "can't be read (Too many levels of symbolic links). Delete it, and resuming goes on from "),
            (last.mkdir, "isn't a file. Delete it, and resuming goes on from "),
            (lambda: os.mkfifo(last), "isn't a file. Delete it, and resuming goes on from "),
        ]:
            make()
            self.refused("train", "--resume", "--out", run, "--epochs", "2", says=[f"{last}: {says}{run}/checkpoints/best.safetensors"])
            last.rmdir() if last.is_dir() else last.unlink()

    def test_a_config_that_is_not_the_runs(self):
        run = self.train("run", "--epochs", "1", "--limit-train", "100")
        config = run / "config.toml"
        whole = config.read_text()
        resume = ["train", "--resume", "--out", run, "--epochs", "2"]
        for old, new, says in [
            ("lr = 0.002\n", "", [f"{config}: has no 'lr', which the run began with"]),
            ("lr = 0.002\n", "lr = 0.1\n", ["last.safetensors", "learning rate 0.002, this one has 0.1"]),
            ('"cosine:epochs=1"', '"constant"', ["last.safetensors", "schedule cosine:epochs=1, this one has constant"]),
            ("callback = []", 'callback = [\n  "earlystopping",\n]', [f"{config}, line ", "'early_stopping'"]),
        ]:
            with self.subTest(new):
                self.assertIn(old, whole)
                config.write_text(whole.replace(old, new))
                self.refused(*resume, says=says)
        (run / "checkpoints" / "last.safetensors").unlink()  # one that isn't the last is no more passed over
        config.write_text(whole.replace("lr = 0.002\n", "lr = 0.1\n"))
        self.refused(*resume, says=["best.safetensors", "learning rate 0.002, this one has 0.1"])
        config.write_text(whole)
        self.sidestep(*resume)

    def test_checkpoints(self):
        run = self.train("run", "--epochs", "1", "--limit-train", "100")
        other = self.train("other", "--epochs", "1", "--limit-train", "100", "--model", "mlp")
        last = run / "checkpoints" / "last.safetensors"
        good = last.read_bytes()
        middle = len(good) // 2
        for name, bad, says in [
            ("flipped byte", good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :], []),
            ("truncated", good[:middle], []),
            ("empty", b"", []),
            ("another model's", (other / "checkpoints" / "last.safetensors").read_bytes(), ["mlp", "lenet"]),
        ]:
            with self.subTest(name):
                last.unlink()
                last.write_bytes(bad)
                self.refused("train", "--resume", "--out", run, "--epochs", "2", says=["last.safetensors", *says])
                if name != "another model's":
                    self.refused("evaluate", last, "--data", self.data, says=["last.safetensors"])
        self.refused("evaluate", self.folder / "absent", "--data", self.data, says=["absent"])
        self.refused("evaluate", self.data / "t10k-labels-idx1-ubyte", "--data", self.data,
                     says=["t10k", "isn't a safetensors file: it doesn't begin with a header's length."])


if __name__ == "__main__":
    unittest.main(verbosity=2)
