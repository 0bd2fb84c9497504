#!/usr/bin/env python3
"""Trains the digit classifier of this example and writes digits.onnx and the pictures in digits/ beside this file.

Data: scikit-learn's handwritten digits, 1,797 pictures of 8x8 pixels with 17 grey levels. Four fifths train the network,
the rest, which it never sees, measures it and gives the pictures. One thread and fixed seeds: the same packages write
the same files. Needs torch, onnx, scikit-learn and Pillow.
"""
import pathlib

import numpy
import torch
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

HERE = pathlib.Path(__file__).resolve().parent


def network():
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.25), nn.Linear(128, 10))


def jitter(pictures):
    """Each picture turned by up to 12 degrees, scaled by up to 10 % and moved by up to half a pixel."""
    count = len(pictures)
    angle = (torch.rand(count) - 0.5) * 0.42
    scale = 1 + (torch.rand(count) - 0.5) * 0.2
    shift = (torch.rand(count, 2) - 0.5) / 4
    rows = [torch.stack([scale * angle.cos(), -angle.sin(), shift[:, 0]], 1),
            torch.stack([angle.sin(), scale * angle.cos(), shift[:, 1]], 1)]
    grid = nn.functional.affine_grid(torch.stack(rows, 1), list(pictures.shape), align_corners=False)
    return nn.functional.grid_sample(pictures, grid, align_corners=False)


def train(model, pictures, labels, epochs=80, batch=32):
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for _ in range(epochs):
        for chosen in torch.randperm(len(pictures)).split(batch):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(jitter(pictures[chosen])), labels[chosen]).backward()
            optimizer.step()
        schedule.step()


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    data = load_digits()
    pictures = torch.tensor(data.images / 16, dtype=torch.float32).unsqueeze(1)
    labels = torch.tensor(data.target)
    training, held_out = train_test_split(numpy.arange(len(labels)), test_size=0.2, random_state=0, stratify=labels)

    model = network()
    train(model, pictures[training], labels[training])
    model.eval()
    with torch.no_grad():
        right = model(pictures[held_out]).argmax(1) == labels[held_out]
    print(f"{100 * right.float().mean():.2f} % of {len(held_out)} held-out pictures are right")

    torch.onnx.export(model, pictures[:1], HERE / "digits.onnx", opset_version=13, input_names=["image"],
                      output_names=["scores"], dynamic_axes={"image": {0: "batch"}, "scores": {0: "batch"}})
    (HERE / "digits").mkdir(exist_ok=True)
    for digit in range(10):
        first = next(i for i in held_out if labels[i] == digit)
        grey = numpy.rint(data.images[first] * 255 / 16).astype(numpy.uint8)
        Image.fromarray(grey).save(HERE / "digits" / f"{digit}.png")


if __name__ == "__main__":
    main()
