"""The same run on a device and on the CPU, and again on the device in other orders and under load."""
import json
import os
import pathlib
import struct
import unittest

from device_support import BACKEND, ON_DEVICE, REAL, DeviceTest, main

FASHION_MNIST = pathlib.Path(os.environ.get("SIDESTEP_DATA", "/usr/share/datasets/fashion-mnist"))

# Thresholds that a difference in the last bits of a loss doesn't reach.
PLATEAU = ["--callback", "reduce_lr_on_plateau:monitor=batch/loss,at=batch:2,patience=1,factor=0.9,min_delta=0.05"]
STOPPING = ["--callback", "early_stopping:monitor=val/loss,patience=1,min_delta=0.3"]
SGD = ["--optimizer", "sgd", "--lr", "0.02", "--schedule", "constant"]


def rows(run, event):
    lines = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return [line for line in lines if line["event"] == event]


def tensors(checkpoint):
    """All bytes of a checkpoint but for its header's texts, which say how the run was synchronised."""
    whole = checkpoint.read_bytes()
    (length,) = struct.unpack_from("<Q", whole)
    header = json.loads(whole[8 : 8 + length])
    header.pop("__metadata__")
    return header, whole[8 + length :]


class AsOnTheCpu(DeviceTest):
    def decisions(self, run):
        """Who decided what, on account of which step, and where it took effect."""
        return [(d["by"], d["decision"], d["cause_step"], d["applied_step"], d["learning_rate"])
                for d in self.report(run)["boundary"]["decisions"]]

    def check_decisions(self, *options, tolerance, same_steps=100):
        """Losses are equal to `tolerance` through `same_steps`; the decisions to the end."""
        device = self.on_device("device", *options)
        cpu = self.train("cpu", *options)
        made = self.decisions(device)
        self.assertEqual(made, self.decisions(cpu))
        kinds = [decision for _, decision, *_ in made]
        self.assertGreater(kinds.count("scale_learning_rate"), 4, made)
        self.assertIn("stop", kinds)
        for _, decision, cause, applied, _ in made:
            if decision == "scale_learning_rate":
                self.assertEqual(applied, cause + 2)
        self.assertEqual(self.report(device)["backend"], BACKEND)
        ours, theirs = rows(device, "BatchEnd"), rows(cpu, "BatchEnd")
        self.assertEqual([(row["step"], row["learning_rate"]) for row in ours],
                         [(row["step"], row["learning_rate"]) for row in theirs])
        self.assertLess(len(ours), 100)  # it was stopped, by that decision
        for one, other in zip(ours[:same_steps], theirs):
            self.assertAlmostEqual(one["loss"], other["loss"], delta=tolerance * other["loss"])

    def test_lenet_decides_alike(self):
        self.check_decisions("--epochs", "10", *SGD, *PLATEAU, *STOPPING, tolerance=1e-4)

    def test_resnet8_decides_alike(self):
        # At this rate a ReLU that falls on the other side of 0, step 8 or so, is a difference that grows; how fast
        # depends on the CPU's own kernels. device_agreement_test.cpp has the bound of the last bits.
        self.check_decisions("--epochs", "10", "--model", "resnet8", *SGD, *PLATEAU, *STOPPING, tolerance=1e-3, same_steps=7)

    def check_five_thousand_images(self, *options):
        self.data = FASHION_MNIST
        options = ["--batch-size", "64", "--limit-train", "5000", "--epochs", "1", "--optimizer", "sgd", "--lr", "0.02", *options]
        runs = [self.folder / "device", self.folder / "cpu"]
        for run, backend in zip(runs, (ON_DEVICE, ["--backend", "cpu"])):
            self.sidestep("train", "--out", run, *options, *backend)
        device, cpu = map(self.report, runs)
        for accuracies in [(device["test"]["accuracy"], cpu["test"]["accuracy"]),
                           (device["epochs"][0]["val"]["accuracy"], cpu["epochs"][0]["val"]["accuracy"])]:
            self.assertAlmostEqual(*accuracies, delta=0.005)
            self.assertGreater(min(accuracies), 0.55)
        print(f"test accuracy {device['test']['accuracy']} on {BACKEND}, {cpu['test']['accuracy']} on the CPU; "
              f"{79 / device['epochs'][0]['seconds']:.1f} steps a second there", flush=True)

    @unittest.skipUnless(FASHION_MNIST.is_dir(), f"{FASHION_MNIST} isn't there")
    def test_five_thousand_images_are_learnt_as_well(self):
        self.check_five_thousand_images()

    @unittest.skipUnless(FASHION_MNIST.is_dir(), f"{FASHION_MNIST} isn't there")
    @unittest.skipUnless(REAL or "SIDESTEP_SOAK" in os.environ, "emulated, two minutes: a soak")
    def test_resnet8_learns_five_thousand_images_as_well(self):
        self.check_five_thousand_images("--model", "resnet8")


class AgainOnTheDevice(DeviceTest):
    OPTIONS = ["--epochs", "3", *PLATEAU]

    def check_orders(self, *options):
        first = self.on_device("first", *options, seed=1)
        self.assertGreater(len(self.report(first)["boundary"]["decisions"]), 4)
        with self.load():
            second = self.on_device("second", *options, seed=4711)
        self.assertSame(second, first)

    def test_neither_order_nor_load_change_a_bit_of_lenet(self):
        self.check_orders(*self.OPTIONS)

    def test_neither_order_nor_load_change_a_bit_of_resnet8(self):
        self.check_orders(*self.OPTIONS, "--model", "resnet8")

    def test_nor_in_lockstep(self):
        self.check_orders(*self.OPTIONS, "--sync", "lag:0")

    def test_how_far_the_host_is_ahead_changes_no_weight(self):
        """Without callbacks that decide, all ways to synchronise train the same network."""
        options = ["--epochs", "2", "--no-default-callbacks", "--callback", "jsonl_logger"]
        ways = {"lockstep": ["--sync", "lag:0"], "lag": ["--sync", "lag:2"], "far": ["--sync", "lag:7"],
                "relaxed": ["--sync", "relaxed", "--run-ahead", "5"], "near": ["--sync", "relaxed", "--run-ahead", "0"]}
        found = {}
        for name, sync in ways.items():
            run = self.on_device(name, *options, *sync, seed=len(name))
            report = self.report(run)
            self.assertEqual(report["state"], "finished")
            self.assertEqual(report["failed"], [])
            losses = [(row["step"], row["loss"], row["accuracy"]) for row in rows(run, "BatchEnd")]
            self.assertEqual([step for step, *_ in losses], list(range(1, 21)))
            found[name] = (losses, report["test"], tensors(run / "checkpoints" / "last.safetensors"))
        for name in ways:
            self.assertEqual(found[name][:2], found["lockstep"][:2], name)
            self.assertTrue(found[name][2] == found["lockstep"][2], name)

    def test_relaxed_takes_decisions_whenever_they_come(self):
        run = self.on_device("run", *self.OPTIONS, "--sync", "relaxed", "--run-ahead", "4")
        report = self.report(run)
        self.assertEqual(report["state"], "finished")
        self.assertFalse(report["reproducible"]["promised"])
        made = [d for d in report["boundary"]["decisions"] if d["decision"] == "scale_learning_rate"]
        self.assertGreater(len(made), 2)
        for decision in made:
            self.assertGreaterEqual(decision["applied_step"], decision["cause_step"])


if __name__ == "__main__":
    main()
