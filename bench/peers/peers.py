"""Trains the same network in eager PyTorch and in Sidestep, in turn, and prints both rates and their ratio."""
import argparse
import json
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile

import torch

import torch_lenet


def options():
    parser = argparse.ArgumentParser(prog="./dev bench peers", description=__doc__)
    parser.add_argument("--sidestep", type=pathlib.Path, help="the command to measure")
    parser.add_argument("--json", type=pathlib.Path, help="where the figures go")
    parser.add_argument("--data", type=pathlib.Path, default="/usr/share/datasets/fashion-mnist")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--threads", type=int, default=2)
    chosen, others = parser.parse_known_args()
    strange = [other for other in others if not other.startswith("--benchmark_")]
    if strange:
        parser.error(f"unknown option {strange[0]}")
    return chosen


def train_sidestep(chosen):
    """(samples per second, last training loss) of a run of its own process, as its report says."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder, "run")
        subprocess.run([chosen.sidestep, "train", "--no-default-callbacks", "--quiet", "--max-steps", str(chosen.steps),
                        "--threads", str(chosen.threads), "--data", chosen.data, "--out", out],
                       check=True, stdout=subprocess.DEVNULL)
        epochs = json.loads((out / "report.json").read_text())["epochs"]
        seconds = sum(epoch["seconds"] for epoch in epochs)
        samples = sum(epoch["seconds"] * epoch["samples_per_second"] for epoch in epochs)
        return samples / seconds, epochs[-1]["train"]["loss"]


def processor():
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.split(": ", 1)[1] for line in lines if line.startswith("model name")), platform.machine())


def summary(name, rounds):
    rates = [rate for rate, _ in rounds]
    middle = statistics.median(rates)
    print(f"  {name:<18} {middle:>9,.0f} samples/s   ({min(rates):,.0f} to {max(rates):,.0f}, {len(rates)} rounds)")
    return {"samples_per_second": middle, "min": min(rates), "max": max(rates), "rounds": rates,
            "last_loss": [loss for _, loss in rounds]}


def main():
    chosen = options()
    torch.set_num_threads(chosen.threads)
    torch.set_flush_denormal(True)
    data = torch_lenet.fashion_mnist(chosen.data)
    print(f"lenet on Fashion-MNIST, batch {torch_lenet.BATCH}, AdamW, fp32, {chosen.threads} threads, {processor()}")
    best = torch_lenet.tune(data)

    ours_is_there = chosen.sidestep is not None and chosen.sidestep.exists()
    theirs, ours = [], []
    for number in range(1, chosen.rounds + 1):
        theirs.append(torch_lenet.train(data, chosen.steps, **best))
        words = f"  round {number} of {chosen.rounds}: PyTorch {theirs[-1][0]:,.0f}"
        if ours_is_there:
            ours.append(train_sidestep(chosen))
            words += f", Sidestep {ours[-1][0]:,.0f}, ratio {ours[-1][0] / theirs[-1][0]:.2f}"
        print(words, flush=True)

    print(f"medians of {chosen.steps} steps each:")
    figures = {"processor": processor(), "threads": chosen.threads, "batch": torch_lenet.BATCH, "steps": chosen.steps,
               "torch_version": torch.__version__, "torch_options": torch_lenet.describe(best),
               "torch": summary(f"PyTorch {torch.__version__.split('+')[0]}", theirs)}
    if ours:
        figures["sidestep"] = summary("Sidestep", ours)
        figures["ratio"] = figures["sidestep"]["samples_per_second"] / figures["torch"]["samples_per_second"]
        figures["ratios"] = [mine[0] / other[0] for mine, other in zip(ours, theirs)]
        print(f"  Sidestep / PyTorch  {figures['ratio']:.2f}   (by round {min(figures['ratios']):.2f} to "
              f"{max(figures['ratios']):.2f})")
    if chosen.json:
        chosen.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 0 if ours_is_there else f"{chosen.sidestep} is not there: only PyTorch was measured"


if __name__ == "__main__":
    sys.exit(main())
