"""report.json, schema 1: what its readers find in it during a run, when it was interrupted, and at its end."""
import json
import pathlib
import re
import signal
import subprocess
import time
import unittest

from runs import RunTest

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "training.md"


class Or:
    """One of these. `Or(None, float)`: null, or a number."""

    def __init__(self, *kinds):
        self.kinds = kinds


class Rows(list):
    """A list whose rows look like this one."""


# For JSON, 1 is a number as 1.0 is; a whole number never has a point. What JSON has no number for is null.
NUMBER = Or(float, None)
SCORE = {"loss": NUMBER, "accuracy": float}
SCHEMA = {
    "schema": int, "state": str, "interrupted": Or({"by": str, "step": int}, None), "version": str, "model": str,
    "backend": str, "sync": str, "seed": int, "threads": int,
    "epochs": Rows([{"epoch": int, "seconds": float, "samples_per_second": float, "learning_rate": float,
                     "train": SCORE, "val": Or(SCORE, None)}]),
    "test": Or(SCORE, None),
    "bus": {"events": int, "published": int, "delivered": int, "dropped": int, "pending": int, "publisher_waits": int,
            "publish_ns": {"p50": int, "p99": int, "p999": int, "max": int}},
    "reproducible": {"promised": bool, "broken": Rows([{"step": int, "by": str, "why": str}])},
    "boundary": {"count": int, "ns": {"p50": int, "p999": int}, "waits": int, "waited_ns": int,
                 "pending_at_end": Rows([{"decision": str, "by": str, "reason": str, "cause_step": int,
                                          "due_step": Or(int, None)}]),
                 "refused": Rows([{"decision": str, "by": str, "why": str, "cause_step": Or(int, None), "step": int}]),
                 "decisions": Rows([{"decision": str, "by": str, "reason": str, "cause_step": Or(int, None),
                                     "applied_step": int, "value": NUMBER, "learning_rate": float}])},
    "callbacks": Rows([{"name": str, "events": int, "cpu_seconds": float, "max_backlog": int,
                        "delay_ns": {"p50": int, "p99": int, "max": int}, "failures": int,
                        "last_error": Or(str, None)}]),
}
# What is there beside it, by the place where it stands; the page names each.
MORE = {"": {"device": str, "device_ms_per_step": Or(float, None), "resumed_at": Or(int, None),
             "failed": Rows([str]), "warnings": Rows([str]),
             "recording": {"name": str, "events": int, "bytes": int, "cpu_seconds": float, "max_backlog": int,
                           "delay_ns": {"p50": int, "p99": int, "max": int}, "failures": int,
                           "last_error": Or(str, None)}},
        "epochs": {"step": int, "samples": int, "partial": bool},
        "bus": {"publisher_waited_ns": int, "clock_step_ns": int}, "bus.publish_ns": {"timed": int},
        "boundary.ns": {"timed": int}, "boundary.decisions": {"file": str}}
OPTIONAL = {"partial", "file", "recording"}


def wrong(value, kind, place=""):
    """What in it isn't as its readers know it, one sentence each."""
    if isinstance(kind, Or):
        return min((wrong(value, each, place) for each in kind.kinds), key=len)
    if isinstance(kind, Rows):
        if not isinstance(value, list):
            return [f"{place} is no list: {value!r}"]
        return [each for row in value for each in wrong(row, kind[0], place)]
    if isinstance(kind, dict):
        if not isinstance(value, dict):
            return [f"{place} is no object: {value!r}"]
        more = MORE.get(place, {})
        known = {**kind, **more}
        found = [f"{place} lacks {key}" for key in known if key not in value and key not in OPTIONAL]
        found += [f"{place} has a {key} that nobody knows" for key in value if key not in known]
        for key in known.keys() & value.keys():
            found += wrong(value[key], known[key], f"{place}.{key}".lstrip("."))
        return found
    if kind is None:
        return [] if value is None else [f"{place} is {value!r}, not null"]
    fits = isinstance(value, kind) and not (isinstance(value, bool) and kind is not bool)
    if kind is float:
        fits = isinstance(value, (int, float)) and not isinstance(value, bool)
    return [] if fits else [f"{place} is {value!r}, not of type {kind.__name__}"]


class Report(RunTest):
    # Decisions in plenty; and the last steps' are still pending at the end.
    ASKING = ["--callback", "reduce_lr_on_plateau:monitor=batch/loss,at=batch:1,patience=1,factor=0.99,min_delta=10"]

    def assertHasItsSchema(self, report):
        self.assertEqual(wrong(report, SCHEMA), [], json.dumps(report, indent=1)[:20000])
        self.assertEqual(report["schema"], 1)
        bus = report["bus"]
        self.assertEqual(bus["published"], bus["delivered"] + bus["dropped"] + bus["pending"])
        publish = report["bus"]["publish_ns"]
        self.assertTrue(publish["p50"] <= publish["p99"] <= publish["p999"] <= publish["max"], publish)
        for epoch in report["epochs"]:
            self.assertEqual("partial" in epoch, epoch["val"] is None, epoch)
            self.assertTrue(epoch.get("partial", True))

    def read(self, run):
        return json.loads((run / "report.json").read_text())

    def test_of_a_finished_run(self):
        run = self.train("run", "--epochs", "3", "--seed", "5", "--threads", "1", *self.ASKING)
        report = self.read(run)
        self.assertHasItsSchema(report)
        expected = {"state": "finished", "interrupted": None, "model": "lenet", "backend": "cpu", "sync": "lag:2",
                    "seed": 5, "threads": 1, "failed": [], "warnings": []}
        self.assertEqual({key: report[key] for key in expected}, expected)
        self.assertEqual(self.sidestep("--version").stdout.split()[-1], report["version"])
        self.assertEqual([(epoch["epoch"], epoch["step"]) for epoch in report["epochs"]], [(1, 39), (2, 78), (3, 117)])
        self.assertIsNotNone(report["test"])
        self.assertEqual(report["bus"]["pending"], 0)
        self.assertEqual(report["boundary"]["count"], 117 + 3)
        # every row is really there to be looked at
        self.assertGreater(len(report["boundary"]["decisions"]), 10)
        self.assertEqual([row["cause_step"] for row in report["boundary"]["pending_at_end"]], [116, 117])
        saved = [row["file"] for row in report["boundary"]["decisions"] if row["decision"] == "save_checkpoint"]
        self.assertEqual(saved.count("last.safetensors"), 3)
        self.assertIn("best.safetensors", saved)
        self.assertFalse([row for row in report["boundary"]["decisions"]
                          if row["decision"] != "save_checkpoint" and "file" in row])
        self.assertEqual(len(report["callbacks"]), 8)

    def test_of_a_run_that_ends_in_mid_epoch(self):
        report = self.read(self.train("run", "--epochs", "3", "--max-steps", "50"))
        self.assertHasItsSchema(report)
        self.assertEqual([epoch.get("partial") for epoch in report["epochs"]], [None, True])
        self.assertIsNotNone(report["test"])

    def test_of_a_run_without_callbacks_and_of_a_relaxed_one(self):
        bare = self.read(self.train("bare", "--epochs", "1", "--no-default-callbacks"))
        self.assertHasItsSchema(bare)
        self.assertEqual(bare["callbacks"], [])
        relaxed = self.read(self.train("relaxed", "--epochs", "1", "--sync", "relaxed"))
        self.assertHasItsSchema(relaxed)
        self.assertEqual((relaxed["sync"], relaxed["reproducible"]["promised"]), ("relaxed", False))

    def test_of_a_run_in_which_something_failed(self):
        run = self.train("run", "--epochs", "1", "--callback", "early_stopping:monitor=val/los,mode=min", code=3)
        report = self.read(run)
        self.assertHasItsSchema(report)
        failed = [each["name"] for each in report["callbacks"] if each["last_error"] is not None]
        self.assertEqual(failed, ["early_stopping"])

    def test_of_a_run_whose_loss_is_no_number(self):
        report = self.read(self.train("run", "--epochs", "1", "--optimizer", "sgd", "--lr", "1000"))
        self.assertHasItsSchema(report)
        self.assertIsNone(report["epochs"][0]["train"]["loss"])

    def begin(self, name):
        """A run that is at work, with decisions and a checkpoint behind it, and what its report said until then."""
        run = self.folder / name
        process = subprocess.Popen(self.command(*self.train_arguments(name, "--epochs", "100000", *self.ASKING)),
                                   cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        reports = []
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            if (run / "report.json").exists():
                report = self.read(run)  # whole whenever one looks
                if not reports or report != reports[-1]:
                    reports.append(report)
                if len(report["epochs"]) > 1 and report["boundary"]["decisions"] and len(reports) > 2:
                    break
            time.sleep(0.002)
        self.assertIsNone(process.poll(), "it is over already")
        return run, process, reports

    def test_of_a_run_that_is_under_way(self):
        run, process, reports = self.begin("run")
        self.assertGreater(len(reports), 2)
        for report in reports:
            self.assertHasItsSchema(report)
            self.assertEqual((report["state"], report["interrupted"], report["test"]), ("running", None, None))
            self.assertTrue(all(epoch["step"] == 39 * epoch["epoch"] for epoch in report["epochs"]))
        for before, after in zip(reports, reports[1:]):  # lower bounds
            self.assertLessEqual(before["bus"]["delivered"], after["bus"]["delivered"])
            self.assertLessEqual(len(before["epochs"]), len(after["epochs"]))
        # whoever kills it leaves that very report: it says what was known at the last checkpoint
        process.kill()
        process.wait(timeout=60)
        left = self.read(run)
        self.assertHasItsSchema(left)
        self.assertEqual(left["state"], "running")

    def check_interrupted(self, number):
        run, process, _ = self.begin("run")
        process.send_signal(number)
        output = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 128 + number, output)
        report = self.read(run)
        self.assertHasItsSchema(report)
        self.assertEqual(report["state"], "interrupted")
        self.assertEqual(report["interrupted"]["by"], signal.Signals(number).name)
        self.assertEqual(report["interrupted"]["step"], report["epochs"][-1]["step"])
        self.assertIsNone(report["test"])
        self.assertEqual(report["bus"]["pending"], 0)

    def test_of_a_run_that_sigterm_ended(self):
        self.check_interrupted(signal.SIGTERM)

    def test_of_a_run_that_sigint_ended(self):
        self.check_interrupted(signal.SIGINT)

    def test_the_page_names_whatever_is_there_beside_the_schema(self):
        said = set(re.findall(r"`(?:\"?)([a-z_]+)(?:\"?)[`:]", PAGE.read_text()))
        for place, keys in MORE.items():
            for key in keys:
                self.assertIn(key, said, f"{PAGE.name} doesn't say what {place or 'the report'}'s {key} is")

    def test_a_report_that_lacks_or_mistypes_something_is_noticed(self):
        report = self.read(self.train("run", "--epochs", "1", *self.ASKING))

        def spoilt(value, place=""):
            """Each place at which something is gone, one too many, or of another type; restored when one goes on."""
            if isinstance(value, list):
                value = value[0] if value else None
            if not isinstance(value, dict):
                return
            value["strange"] = 1
            yield f"{place}.strange"
            del value["strange"]
            for key, old in list(value.items()):
                value[key] = {"odd": 1}
                yield f"{place}.{key} of another type"
                if key not in OPTIONAL:
                    del value[key]
                    yield f"{place}.{key} that is gone"
                value[key] = old
                yield from spoilt(old, f"{place}.{key}")

        count = 0
        for place in spoilt(report):
            self.assertNotEqual(wrong(report, SCHEMA), [], place)
            count += 1
        self.assertEqual(wrong(report, SCHEMA), [])
        self.assertGreater(count, 150)


if __name__ == "__main__":
    unittest.main(verbosity=2)
