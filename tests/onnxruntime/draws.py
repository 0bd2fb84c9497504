"""What families of random cases are made of: draws, cases, and a registry of families."""

import random

import numpy as np


class Draw:
    """What is drawn for one case."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.numbers = np.random.default_rng(seed)

    def one(self, *choices):
        return self.random.choice(choices)

    def chance(self, p):
        return self.random.random() < p

    def integer(self, low, high):
        return self.random.randint(low, high)

    def shape(self, low=0, high=4, zero=0.05, most=5):
        return [0 if self.chance(zero) else self.integer(1, most) for _ in range(self.integer(low, high))]

    def array(self, shape, dtype="f4", special=0.0, small=False):
        """Numbers of which several are equal; a few NaN and infinite where `special`."""
        dtype = np.dtype(dtype)
        if dtype.kind == "b":
            return self.numbers.integers(0, 2, shape).astype("?")
        if dtype.kind == "u":
            return self.numbers.integers(0, 6 if small else 250, shape).astype(dtype)
        if dtype.kind == "i":
            return self.numbers.integers(-6 if small else -120, 6 if small else 120, shape).astype(dtype)
        x = np.round(self.numbers.standard_normal(shape) * 3, 0 if self.chance(0.3) else 3).astype(dtype)
        if special and x.ndim and x.size:
            mask = self.numbers.random(shape) < special
            x[mask] = self.numbers.choice([np.nan, np.inf, -np.inf, 0.0, -0.0], mask.sum())
        return np.asarray(x)

    def axis(self, rank):
        return self.integer(-rank, rank - 1)

    def axes(self, rank, least=0):
        chosen = self.random.sample(range(rank), self.integer(min(least, rank), rank))
        return [a - rank if self.chance(0.4) else a for a in chosen]

    def broadcast(self, shape):
        """A shape that broadcasts to `shape`."""
        kept = shape[self.integer(0, len(shape)) if self.chance(0.4) else 0:]
        return [1 if self.chance(0.25) else extent for extent in kept]


class Case:
    """A node: its inputs (None where omitted), names of outputs ("" where omitted) or how many, and attributes.

    `constants` are the inputs that are initializers, and `tolerance` how far outputs may be off, as a function of them:
    of what they are times `rtol`, and `atol`. `types` are of outputs, by name, whose type onnxruntime does not infer.
    """

    def __init__(self, op, inputs, outputs=1, opset=None, domain="", constants=(), tolerance=None, attributes=None,
                 types=None, **more):
        self.op, self.inputs, self.domain = op, inputs, domain
        self.outputs = [f"y{i}" for i in range(outputs)] if isinstance(outputs, int) else outputs
        self.opset, self.attributes, self.constants = opset, more | (attributes or {}), constants
        self.types = types or {}
        self.tolerance = tolerance or (lambda results: {"rtol": 2e-3, "atol": 2e-5})


def registry():
    """An empty dictionary of families, and the decorator that adds one under the names of its operators."""
    families = {}

    def family(*ops):
        def add(f):
            for op in ops:
                families[op] = lambda d, op=op: f(d, op)
            return f
        return add

    return families, family
