"""The lenet that `sidestep train` trains by default, in eager PyTorch, tuned as its users would."""
import gzip
import pathlib
import time

import torch
from torch import nn

BATCH = 128


def read_idx(path, header):
    """The bytes of a gzipped IDX file behind its header, as a tensor."""
    return torch.frombuffer(bytearray(gzip.decompress(path.read_bytes())), dtype=torch.uint8, offset=header)


def fashion_mnist(folder):
    """The 55,000 samples that Sidestep trains on: images [n, 1, 28, 28] as bytes, labels [n]."""
    folder = pathlib.Path(folder)
    images = read_idx(folder / "train-images-idx3-ubyte.gz", 16).view(-1, 1, 28, 28)
    labels = read_idx(folder / "train-labels-idx1-ubyte.gz", 8).long()
    return images[:55_000].contiguous(), labels[:55_000].contiguous()


def lenet():
    return nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 5, padding=2), nn.ReLU(inplace=True), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(1568, 128), nn.ReLU(inplace=True), nn.Linear(128, 10))


def train(data, steps, memory_format=torch.contiguous_format, optimizer="fused", bytes_in_memory=False):
    """(samples per second, last loss) of the first steps of a run; the whole data set is in memory."""
    images, labels = data
    if not bytes_in_memory:
        images = images.float().div_(255)
    torch.manual_seed(1)
    model = lenet().to(memory_format=memory_format)
    adamw = torch.optim.AdamW(model.parameters(), lr=2e-3, **{optimizer: True})
    order = torch.randperm(len(images))

    def step(number):
        chosen = order[number * BATCH:(number + 1) * BATCH]
        batch = images.index_select(0, chosen)
        if bytes_in_memory:
            batch = batch.float().div_(255)
        adamw.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(model(batch.contiguous(memory_format=memory_format)),
                                           labels.index_select(0, chosen))
        loss.backward()
        adamw.step()
        return loss

    warm_up = 5  # The first steps create oneDNN's primitives; they are PyTorch's, and not counted against it.
    for number in range(warm_up):
        step(number)
    begin = time.perf_counter()
    for number in range(warm_up, warm_up + steps):
        loss = step(number)
    seconds = time.perf_counter() - begin
    return steps * BATCH / seconds, loss.item()


def tune(data, steps=60, say=print):
    """The options of `train` that are fastest here: each is tried, and kept if it helps."""
    best, fastest = {}, 0.0
    for option in ({}, {"memory_format": torch.channels_last}, {"bytes_in_memory": True}, {"optimizer": "foreach"}):
        rate = max(train(data, steps, **(best | option))[0] for _ in range(3))
        say(f"  PyTorch with {describe(best | option)}: {rate:,.0f} samples/s")
        if rate > fastest:
            best, fastest = best | option, rate
    return best


def describe(options):
    words = {"memory_format": lambda value: str(value).removeprefix("torch."),
             "bytes_in_memory": lambda value: "images as bytes", "optimizer": lambda value: f"{value} AdamW"}
    return ", ".join(words[name](value) for name, value in options.items()) or "its defaults, fused AdamW"
