"""Times training steps of lenet and resnet8 in PyTorch on a GPU, eager and compiled, and prints JSON.

The same shapes, batches, optimizer and arithmetic as bench/gpu_bench.cpp: the data set lies on the device as bytes, each
step gathers its batch there, normalises it, and reads no result back. Each way of running it is timed in rounds of many
steps between two events; the figure is the median of the rounds.
"""
import argparse
import json
import pathlib
import statistics
import sys
import time

import torch
from torch import nn

SAMPLES = 55_000


def norm_conv(channels, filters, kernel=3, stride=1):
    return [nn.Conv2d(channels, filters, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(filters)]


class Residual(nn.Module):
    def __init__(self, channels, filters, stride=1):
        super().__init__()
        self.body = nn.Sequential(*norm_conv(channels, filters, 3, stride), nn.ReLU(inplace=True),
                                  *norm_conv(filters, filters))
        same = channels == filters and stride == 1
        self.shortcut = nn.Identity() if same else nn.Sequential(*norm_conv(channels, filters, 1, stride))

    def forward(self, x):
        return torch.relu(self.body(x) + self.shortcut(x))


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 5, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(1568, 128), nn.ReLU(inplace=True), nn.Linear(128, 10))


def resnet8():
    return nn.Sequential(*norm_conv(1, 16), nn.ReLU(inplace=True), Residual(16, 16), Residual(16, 32, 2),
                         Residual(32, 64, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


MODELS = {"lenet": lenet, "resnet8": resnet8}
#: name: (options of torch.compile or None, memory format). reduce-overhead is the one that replays CUDA graphs.
MODES = {"eager": (None, torch.contiguous_format),
         "eager channels_last": (None, torch.channels_last),
         "compile": ({}, torch.contiguous_format),
         "compile reduce-overhead": ({"mode": "reduce-overhead"}, torch.contiguous_format),
         "compile reduce-overhead channels_last": ({"mode": "reduce-overhead"}, torch.channels_last)}


def precision(tf32):
    torch.backends.cudnn.benchmark = True
    torch.set_float32_matmul_precision("high" if tf32 else "highest")
    torch.backends.cudnn.allow_tf32 = tf32


class Loss(nn.Module):
    """A batch's loss from its samples' indices. The data set is its buffer: what lies still isn't copied into graphs."""

    def __init__(self, network, memory_format, device):
        super().__init__()
        self.network = network
        self.memory_format = memory_format
        self.register_buffer("images", torch.randint(0, 256, (SAMPLES, 1, 28, 28), dtype=torch.uint8, device=device))
        self.register_buffer("labels", torch.randint(0, 10, (SAMPLES,), device=device))

    def forward(self, chosen):
        x = self.images.index_select(0, chosen).float().div(255).sub(0.286).div(0.353)
        x = x.contiguous(memory_format=self.memory_format)
        return nn.functional.cross_entropy(self.network(x), self.labels.index_select(0, chosen))


class Training:
    def __init__(self, model, batch, tf32, mode, device):
        precision(tf32)
        compiling, memory_format = MODES[mode]
        torch.manual_seed(1)
        self.batch, self.device = batch, device
        self.order = torch.randperm(SAMPLES, device=device)
        network = MODELS[model]().to(device).to(memory_format=memory_format)
        self.optimizer = torch.optim.AdamW(network.parameters(), lr=1e-3, fused=device.type == "cuda" or None)
        self.loss_of = Loss(network, memory_format, device)
        if compiling is not None:
            self.loss_of = torch.compile(self.loss_of, **compiling)
        self.number = 0
        self.loss = None

    def step(self):
        at = self.number * self.batch % (SAMPLES // self.batch * self.batch)
        self.number += 1
        self.optimizer.zero_grad(set_to_none=True)
        self.loss = self.loss_of(self.order[at:at + self.batch])
        self.loss.backward()
        self.optimizer.step()

    def seconds(self, steps):
        """A step's, over so many."""
        self.settle()
        begin = time.perf_counter()
        for _ in range(steps):
            self.step()
        self.settle()
        return (time.perf_counter() - begin) / steps

    def settle(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize()


def measure(model, batch, tf32, mode, device, rounds, warm_up, stretch):
    begin = time.perf_counter()
    training = Training(model, batch, tf32, mode, device)
    for _ in range(warm_up):
        training.step()
    training.settle()
    first = time.perf_counter() - begin
    steps = max(1, min(2_000, int(stretch / training.seconds(warm_up))))
    times = [training.seconds(steps) for _ in range(rounds)]
    middle = statistics.median(times)
    return {"step_us": 1e6 * middle, "steps_per_second": 1 / middle, "samples_per_second": batch / middle,
            "rounds_us": [1e6 * t for t in times], "steps_a_round": steps, "seconds_before": first,
            "loss": float(training.loss.detach())}


def options():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--device", default="cuda", help="cpu only shows that the script runs")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--batches", nargs="+", type=int, default=[128, 64, 1024])
    parser.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES))
    parser.add_argument("--precisions", nargs="+", choices=["fp32", "tf32"], default=["fp32", "tf32"])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--warm-up", type=int, default=20)
    parser.add_argument("--stretch", type=float, default=0.1, help="seconds a round")
    parser.add_argument("--seconds", type=float, default=200, help="no new measurement begins after so many")
    parser.add_argument("--json", type=pathlib.Path, help="a file to write instead, anew after each measurement")
    return parser.parse_args()


def main():
    chosen = options()
    if chosen.device == "cuda" and not torch.cuda.is_available():
        print(json.dumps({"skipped": f"PyTorch {torch.__version__} finds no GPU here"}))
        return 0
    device = torch.device(chosen.device)
    named = torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"
    out = {"torch": torch.__version__, "cuda": torch.version.cuda, "device": named, "measurements": [], "left_out": []}
    begin = time.perf_counter()
    todo = [{"model": model, "batch": batch, "precision": arithmetic, "mode": mode}
            for batch in chosen.batches for arithmetic in chosen.precisions for model in chosen.models
            for mode in chosen.modes]
    todo.sort(key=lambda what: MODES[what["mode"]][0] is not None)  # what must be compiled takes long: it comes last
    for what in todo:
        if time.perf_counter() - begin > chosen.seconds:
            out["left_out"].append(what)
            continue
        words = f"  PyTorch {what['model']}, batch {what['batch']}, {what['precision']}, {what['mode']}:"
        try:
            torch.compiler.reset()
            what |= measure(what["model"], what["batch"], what["precision"] == "tf32", what["mode"], device,
                            chosen.rounds, chosen.warm_up, chosen.stretch)
            words += f" {what['step_us']:,.1f} us"
        except Exception as error:  # one way that fails here says nothing of the others
            what["error"] = f"{type(error).__name__}: {error}".splitlines()[0]
            words += " " + what["error"]
        print(words, file=sys.stderr, flush=True)
        out["measurements"].append(what)
        if chosen.json:
            chosen.json.write_text(json.dumps(out, indent=1) + "\n")
    if not chosen.json:
        print(json.dumps(out, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
