#!/usr/bin/env python3
"""Trains the orientation network on letter patches and writes src/imaging/orient/weights.rs.

The network gives a patch one number, how upright it looks: 256 inputs, one hidden layer of rectified linear units, one
output without bias. It sees each patch turned back by 0, 1, 2 and 3 quarters; the loss is the cross-entropy of the true
turn under the softmax over the four numbers. Adam, linearly falling rate. Afterwards the input weights are rounded to
8 bits with one scale for each hidden unit.
"""

import argparse
import subprocess
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
SIDE = 16
PIXELS = SIDE * SIDE
BATCH = 512
LEARNING_RATE, LAST_LEARNING_RATE = 3e-3, 1e-5
MOMENTUM, SECOND_MOMENTUM = 0.9, 0.999
DECAY = 1e-5

HEADER = """\
//! Weights of the network that judges whether a letter stands upright.
//!
//! Made by `models/orientation/train.py`; its README tells from what, and how well they do.

/// Hidden units.
pub(super) const HIDDEN: usize = {hidden};

/// What one step of [`INPUT`] is worth, for each hidden unit.
pub(super) static SCALE: [f32; HIDDEN] = [{scale}];

/// Added before the rectifier.
pub(super) static BIAS: [f32; HIDDEN] = [{bias}];

/// What each hidden unit adds to the answer.
pub(super) static OUTPUT: [f32; HIDDEN] = [{output}];

/// Weights of the pixels, row by row.
#[rustfmt::skip]
pub(super) static INPUT: [[i8; 256]; HIDDEN] = [
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", type=Path, nargs="+", help="folders with patches.bin to learn from, in this order")
    parser.add_argument("--test", type=Path, nargs="*", default=[], help="folders to report on after every epoch")
    parser.add_argument("--hidden", type=int, default=20)
    parser.add_argument("--epochs", type=int, default=7)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--out", type=Path, default=ROOT / "src/imaging/orient/weights.rs")
    arguments = parser.parse_args()

    train = load(arguments.folders)
    test = load(arguments.test) if arguments.test else None
    print(f"{len(train)} letters")
    network = Network(arguments.hidden, np.random.default_rng(arguments.seed))
    for epoch in network.train(train, arguments.epochs):
        report = f"epoch {epoch + 1}: learnt {network.judge(train[:8000])}"
        print(report + (f", test {network.judge(test)}" if test is not None else ""), flush=True)
    arguments.out.write_text(network.rust())
    subprocess.run(["rustfmt", "--edition", "2024", "--config-path", ROOT, arguments.out], check=True)


def load(folders):
    """Letters by four turns by pixels; the first turn has them upright, each next one a quarter further to the left."""
    files = [np.fromfile(folder / "patches.bin", np.uint8) for folder in folders]
    records = np.concatenate(files).reshape(-1, 1 + PIXELS)
    quarters, patches = records[:, 0], records[:, 1:].reshape(-1, SIDE, SIDE)
    turned = np.empty((len(patches), 4, PIXELS), np.uint8)
    for quarter in range(4):
        these = np.flatnonzero(quarters == quarter)
        for turn in range(4):
            # rot90 turns counterclockwise.
            turned[these, turn] = np.rot90(patches[these], quarter + turn, axes=(1, 2)).reshape(-1, PIXELS)
    return turned


def pixels(turned):
    return turned.reshape(-1, PIXELS).astype(np.float32) / 255


class Network:
    def __init__(self, hidden, chance):
        self.chance = chance
        self.input = (chance.normal(0, 1, (PIXELS, hidden)) * np.sqrt(2 / PIXELS)).astype(np.float32)
        self.bias = np.zeros(hidden, np.float32)
        self.output = (chance.normal(0, 1, hidden) / np.sqrt(hidden)).astype(np.float32)

    def answer(self, turned):
        """Inputs, hidden units, and the four answers for each letter less the greatest of them."""
        inputs = pixels(turned)
        hidden = np.maximum(inputs @ self.input + self.bias, 0)
        answers = (hidden @ self.output).reshape(-1, 4)
        return inputs, hidden, answers - answers.max(1, keepdims=True)

    def gradients(self, turned):
        inputs, hidden, answers = self.answer(turned)
        odds = np.exp(answers)
        odds /= odds.sum(1, keepdims=True)
        odds[:, 0] -= 1
        slope = (odds / len(turned)).reshape(-1)
        slope_hidden = np.outer(slope, self.output) * (hidden > 0)
        return inputs.T @ slope_hidden + DECAY * self.input, slope_hidden.sum(0), hidden.T @ slope

    def train(self, letters, epochs):
        """Goes through the letters `epochs` times, yields after each."""
        parameters = [self.input, self.bias, self.output]
        first = [np.zeros_like(p) for p in parameters]
        second = [np.zeros_like(p) for p in parameters]
        batches, step = len(letters) // BATCH, 0
        for epoch in range(epochs):
            order = self.chance.permutation(len(letters))
            for i in range(batches):
                gradients = self.gradients(letters[order[i * BATCH : (i + 1) * BATCH]])
                rate = LEARNING_RATE * (1 - step / (epochs * batches)) + LAST_LEARNING_RATE
                step += 1
                for parameter, gradient, m, v in zip(parameters, gradients, first, second):
                    m *= MOMENTUM
                    m += (1 - MOMENTUM) * gradient
                    v *= SECOND_MOMENTUM
                    v += (1 - SECOND_MOMENTUM) * gradient * gradient
                    mean, square = m / (1 - MOMENTUM**step), v / (1 - SECOND_MOMENTUM**step)
                    parameter -= (rate * mean / (np.sqrt(square) + 1e-8)).astype(np.float32)
            yield epoch

    def judge(self, letters):
        """Mean loss and share of single letters that are told right, in words."""
        loss, right = 0.0, 0
        for i in range(0, len(letters), 4000):
            answers = self.answer(letters[i : i + 4000])[2]
            loss -= (answers[:, 0] - np.log(np.exp(answers).sum(1))).sum()
            right += (answers.argmax(1) == 0).sum()
        return f"loss {loss / len(letters):.4f} right {right / len(letters):.4f}"

    def rust(self):
        weights = self.input / 255
        scale = np.abs(weights).max(0) / 127
        rounded = np.round(weights / scale).astype(int)
        header = HEADER.format(
            hidden=len(scale),
            scale=", ".join(f"{v:.5e}" for v in scale),
            bias=", ".join(f"{v:.5f}" for v in self.bias),
            output=", ".join(f"{v:.5f}" for v in self.output),
        )
        rows = []
        for unit in rounded.T:
            lines = (", ".join(map(str, unit[i : i + 32])) for i in range(0, PIXELS, 32))
            rows.append("    [\n" + "".join(f"        {line},\n" for line in lines) + "    ],\n")
        return header + "".join(rows) + "];\n"


if __name__ == "__main__":
    main()
