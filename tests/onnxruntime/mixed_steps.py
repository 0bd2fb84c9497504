"""Random graphs of floats, integers and booleans: masks, computed indices, recurrences, and shapes that are computed.

What decides something (a comparison, an index, a cast to integers) takes exact values only: inputs, and what moves, selects
or negates them.
"""

import numpy as np
from onnx import TensorProto, helper

import graph_steps
from sketch import Sketch, Value


class MixedSketch(Sketch):
    """`values` are floats; `whole` are int64, `truths` bool."""

    def __init__(self, draw):
        super().__init__(draw)
        self.whole, self.truths = [], []

    def input(self, shape):
        value = super().input(shape)
        value.exact = True
        return value

    def whole_input(self, shape):
        value = Value(self.fresh("x"), shape, exact=True)
        self.inputs.append(helper.make_tensor_value_info(value.name, TensorProto.INT64, value.shape))
        self.feeds[value.name] = self.draw.numbers.integers(-40, 40, value.shape)
        self.whole.append(value)

    def exact(self, op, operands, shape, to=None, **attributes):
        """An exact value, which later steps may use, of the kind of `to`."""
        value = self.add(op, operands, shape, **attributes)
        value.exact = True
        (self.values if to is None else to).append(value)
        return value

    def exact_value(self, rank=None):
        return self.draw.one(*[v for v in self.values if v.exact and v.rank and v.elements])

    def integer(self, value):
        return self.constant(np.int64(value))

    def shape_of(self, x, axis):
        """The extent of an axis, as exporters compute it: a tensor of one integer."""
        shape = self.add("Shape", [x], [x.rank])
        return self.add("Gather", [shape, self.integers(axis)], [1], axis=0)

    def model(self):
        if self.draw.chance(0.4):
            for info in self.inputs:
                for i, extent in enumerate(info.type.tensor_type.shape.dim):
                    extent.dim_param = f"{info.name}_{i}"
        return super().model()


def move(g):
    """Data movement of exact values keeps them exact."""
    d, x = g.draw, g.exact_value()
    op = d.one("Transpose", "Neg", "Abs", "Relu", "Unsqueeze", "Tile", "Expand", "Identity", "Max")
    if op == "Transpose":
        order = d.random.sample(range(x.rank), x.rank)
        g.exact(op, [x], [x.shape[i] for i in order], perm=order)
    elif op == "Unsqueeze" and x.rank < 5:
        axis = d.integer(0, x.rank)
        g.exact(op, [x, g.integers(axis)], [*x.shape[:axis], 1, *x.shape[axis:]])
    elif op == "Tile" and x.elements < 8000:
        times = [d.one(1, 1, 2, 3) for _ in x.shape]
        g.exact(op, [x, g.integers(*times)], np.multiply(x.shape, times))
    elif op == "Expand" and x.elements < 8000:
        shape = [d.one(1, 2, 3)] * d.integer(0, 1) + [d.one(e, 1) if e > 1 else d.one(1, 4) for e in x.shape]
        result = shape[:-x.rank] + [max(a, b) for a, b in zip(shape[-x.rank:], x.shape)]
        g.exact(op, [x, g.integers(*shape)], result)
    elif op == "Max":
        g.exact(op, [x, g.constant(g.normal(*d.broadcast(x.shape)))], x.shape)
    elif op in ("Neg", "Abs", "Relu", "Identity"):
        g.exact(op, [x], x.shape)


def compare(g):
    d, x = g.draw, g.exact_value()
    y = g.constant(g.normal(*d.broadcast(x.shape))) if d.chance(0.7) else d.one(
        *[v for v in g.values if v.exact and v.shape == x.shape])
    g.exact(d.one("Greater", "Less", "GreaterOrEqual", "LessOrEqual", "Equal"), [x, y], x.shape, to=g.truths)


def logic(g):
    d = g.draw
    if not g.truths:
        return compare(g)
    x = d.one(*g.truths)
    if d.chance(0.3):
        g.exact("Not", [x], x.shape, to=g.truths)
    else:
        y = d.one(*[v for v in g.truths if v.shape == x.shape])
        g.exact(d.one("And", "Or", "Xor"), [x, y], x.shape, to=g.truths)


def select(g):
    d = g.draw
    if not g.truths:
        return compare(g)
    c = d.one(*g.truths)
    fitting = [v for v in g.values if v.shape == c.shape]
    if not fitting:
        return
    x, y = d.one(*fitting), d.one(*fitting, None)
    operands = [x, y or g.number(d.one(0, 1, -1e4))]
    value = g.put("Where", [c, *(operands if d.chance(0.5) else operands[::-1])], c.shape)
    value.exact = x.exact and (y is None or y.exact)


def convert(g):
    d = g.draw
    kind = d.one("truth", "whole", "float", "half")
    if kind == "truth" and g.truths:
        cast(g, d.one(*g.truths), d.chance(0.5))
    elif kind == "whole" and g.whole:
        cast(g, d.one(*g.whole), True)
    elif kind == "float":
        x = g.exact_value()
        cast(g, g.add("Mul", [x, g.number(8)], x.shape), False)
    else:
        x = g.exact_value()
        cast(g, g.add("Cast", [x], x.shape, to=TensorProto.FLOAT16), True)


def cast(g, x, to_float):
    value = g.add("Cast", [x], x.shape, to=TensorProto.FLOAT if to_float else TensorProto.INT64)
    value.exact = True
    (g.values if to_float else g.whole).append(value)


def count(g):
    """Arithmetic of integers."""
    d = g.draw
    if not g.whole:
        return choose(g)
    x = d.one(*g.whole)
    op = d.one("Add", "Sub", "Mul", "Max", "Min", "Mod", "Div", "Neg", "Abs", "CumSum", "ReduceSum", "Greater")
    if op in ("Neg", "Abs"):
        g.exact(op, [x], x.shape, to=g.whole)
    elif op == "CumSum" and x.rank:
        g.exact(op, [x, g.integer(d.axis(x.rank))], x.shape, to=g.whole, exclusive=d.integer(0, 1), reverse=d.integer(0, 1))
    elif op == "ReduceSum" and x.rank:
        axis = d.integer(0, x.rank - 1)
        g.exact(op, [x, g.integers(axis)], x.shape[:axis] + x.shape[axis + 1:], to=g.whole, keepdims=0)
    elif op in ("Mod", "Div"):
        g.exact(op, [g.add("Abs", [x], x.shape), g.integer(d.one(1, 2, 3, 7, 16))], x.shape, to=g.whole)
    elif op == "Greater":
        g.exact(op, [x, g.integer(d.integer(-3, 3))], x.shape, to=g.truths)
    elif op == "Mul":
        g.exact(op, [g.add("Mod", [x, g.integer(50)], x.shape), g.integer(d.integer(-3, 3))], x.shape, to=g.whole)
    elif op in ("Add", "Sub", "Max", "Min"):
        y = d.one(*[v for v in g.whole if v.shape == x.shape], None)
        g.exact(op, [x, y or g.integer(d.integer(-9, 9))], x.shape, to=g.whole)


def choose(g):
    d, x = g.draw, g.exact_value()
    axis = d.integer(0, x.rank - 1)
    if d.chance(0.5):
        keep = d.integer(0, 1)
        shape = [1 if i == axis else e for i, e in enumerate(x.shape) if keep or i != axis]
        g.exact(d.one("ArgMax", "ArgMin"), [x], shape, to=g.whole, axis=axis, keepdims=keep, select_last_index=d.integer(0, 1))
        return
    most = d.integer(1, x.shape[axis])
    shape = [most if i == axis else e for i, e in enumerate(x.shape)]
    values, places = Value(g.fresh("v"), shape, exact=True), Value(g.fresh("v"), shape, exact=True)
    g.nodes.append(helper.make_node("TopK", [x.name, g.integers(most)], [values.name, places.name], name=f"n{g.count}",
                                    axis=axis, largest=d.integer(0, 1)))
    g.values.append(values)
    g.whole.append(places)


def look_up(g):
    """Gathers by computed indices."""
    d, x = g.draw, g.some_value()
    if not g.whole or not x.rank or not x.elements:
        return choose(g)
    i = d.one(*[v for v in g.whole])
    axis = d.integer(0, x.rank - 1)
    places = g.add("Mod", [i, g.integer(x.shape[axis])], i.shape)
    shape = (*x.shape[:axis], *i.shape, *x.shape[axis + 1:])
    fits = i.rank == x.rank and all(a <= b or k == axis for k, (a, b) in enumerate(zip(i.shape, x.shape)))
    if fits:
        g.put("GatherElements", [x, places], i.shape, axis=axis).exact = x.exact
    elif np.prod(shape) <= g.most_elements and len(shape) < 6:
        g.put("Gather", [x, places], shape, axis=axis).exact = x.exact


def scatter(g):
    d, x = g.draw, g.some_value()
    if not x.rank or not x.elements:
        return
    axis = d.integer(0, x.rank - 1)
    rows = d.random.sample(range(x.shape[axis]), d.integer(1, min(4, x.shape[axis])))
    shape = [len(rows) if k == axis else e for k, e in enumerate(x.shape)]
    if axis == 0 and d.chance(0.5):
        indices = g.constant(np.asarray(rows, "i8").reshape(-1, 1))
        g.put("ScatterND", [x, indices, g.constant(g.normal(*shape))], x.shape, reduction=d.one("none", "add", "max"))
        return
    view = [-1 if k == axis else 1 for k in range(x.rank)]
    indices = g.constant(np.broadcast_to(np.reshape(np.asarray(rows, "i8"), view), shape).copy())
    g.put("ScatterElements", [x, indices, g.constant(g.normal(*shape))], x.shape, axis=axis, reduction=d.one("none", "add", "mul"))


def one_hot(g):
    d = g.draw
    fitting = [v for v in g.whole if v.elements < 3000 and v.rank < 4]
    if not fitting:
        return choose(g)
    x, depth = d.one(*fitting), d.integer(2, 9)
    places = g.add("Mod", [x, g.integer(depth)], x.shape)
    g.exact("OneHot", [places, g.integer(depth), g.constant(np.float32([0, 1]))], (*x.shape, depth), axis=-1)


def split(g):
    d, x = g.draw, g.some_value()
    if not x.rank:
        return
    axis = d.integer(0, x.rank - 1)
    if x.shape[axis] < 2:
        return
    first = d.integer(1, x.shape[axis] - 1)
    parts = [Value(g.fresh("v"), [e if k == axis else s for k, s in enumerate(x.shape)], exact=x.exact)
             for e in (first, x.shape[axis] - first)]
    g.nodes.append(helper.make_node("Split", [x.name, g.integers(first, x.shape[axis] - first)], [p.name for p in parts],
                                    name=f"n{g.count}", axis=axis))
    g.values += parts


def fold_shape(g):
    """A reshape whose extents are computed from the shape, as exporters write it."""
    d, x = g.draw, g.some_value()
    if x.rank < 2 or not x.elements:
        return
    axis = d.integer(0, x.rank - 1)
    extents = g.add("Concat", [g.shape_of(x, axis), g.integers(-1)], [2], axis=0)
    shape = (x.shape[axis], x.elements // x.shape[axis])
    if d.chance(0.5):
        order = [axis, *[k for k in range(x.rank) if k != axis]]
        x = g.add("Transpose", [x], [x.shape[k] for k in order], perm=order)
    g.put("Reshape", [x, extents], shape)


def product(g):
    """Products of two activations, of vectors, and Gemm."""
    d, x = g.draw, g.some_value()
    if not x.rank or not x.elements:
        return
    kind = d.one("vector", "pair", "gemm", "einsum")
    if kind == "vector":
        weights = g.constant(g.normal(x.shape[-1], scale=x.shape[-1]**-0.5))
        g.put("MatMul", [x, weights], x.shape[:-1])
    elif kind == "gemm" and x.rank == 2:
        turned, columns = d.chance(0.4), d.one(1, 3, 8, 17, 32)
        rows, terms = x.shape[::-1] if turned else x.shape
        across = d.chance(0.5)
        weights = g.constant(g.normal(*((columns, terms) if across else (terms, columns)), scale=terms**-0.5))
        bias = [g.constant(g.normal(*d.broadcast((rows, columns))))] if d.chance(0.6) else []
        g.put("Gemm", [x, weights, *bias], (rows, columns), transA=int(turned), transB=int(across), alpha=d.one(1.0, 0.5),
              beta=d.one(1.0, 2.0))
    elif x.rank >= 2 and x.elements * x.shape[-2] < 10**6:
        y = g.add("Transpose", [x], (*x.shape[:-2], x.shape[-1], x.shape[-2]), perm=[*range(x.rank - 2), x.rank - 1, x.rank - 2])
        z = g.add("Tanh", [y], y.shape)
        shape = (*x.shape[:-1], x.shape[-2])
        if kind == "einsum" and x.rank == 3:
            g.put("Einsum", [x, z], shape, equation="bij,bjk->bik")
        else:
            g.put("MatMul", [g.add("Mul", [x, g.number(0.1)], x.shape), z], shape)


def masked_attention(g):
    d = g.draw
    x = g.some_value()
    if x.rank not in (3, 4) or x.shape[-2] ** 2 * x.elements > 10**7:
        return
    rows = x.shape[-2]
    scores = (*x.shape[:-1], rows)
    turned = g.add("Transpose", [x], (*x.shape[:-2], x.shape[-1], rows), perm=[*range(x.rank - 2), x.rank - 1, x.rank - 2])
    y = g.add("MatMul", [g.add("Tanh", [x], x.shape), turned], scores)
    if d.chance(0.5):
        mask = g.constant(np.triu(np.full((rows, rows), -1e4, "f4"), 1))
        y = g.add("Add", [y, mask], scores)
    else:
        y = g.add("Where", [g.constant(np.tri(rows, dtype="?")), y, g.number(-1e9)], scores)
    g.put("MatMul", [g.add("Softmax", [y], scores, axis=-1), x], x.shape)


def root_mean_square(g):
    x = g.some_value()
    if not x.rank:
        return
    mean = g.add("ReduceMean", [g.add("Mul", [x, x], x.shape), g.integers(-1)], (*x.shape[:-1], 1), keepdims=1)
    root = g.add("Sqrt", [g.add("Add", [mean, g.number(1e-3)], mean.shape)], mean.shape)
    g.put("Mul", [g.put("Div", [x, root], x.shape), g.constant(g.normal(x.shape[-1]))], x.shape)


def rotate(g):
    """A rotary embedding written out."""
    x = g.some_value()
    if not x.rank or x.shape[-1] % 2:
        return
    half = (*x.shape[:-1], x.shape[-1] // 2)
    low = g.add("Slice", [x, g.integers(0), g.integers(half[-1]), g.integers(-1)], half)
    high = g.add("Slice", [x, g.integers(half[-1]), g.integers(2**62), g.integers(x.rank - 1)], half)
    turned = g.add("Concat", [g.add("Neg", [high], half), low], x.shape, axis=-1)
    cos, sin = (g.constant(g.normal(*x.shape[-2:])) for _ in range(2))
    g.put("Add", [g.add("Mul", [x, cos], x.shape), g.add("Mul", [turned, sin], x.shape)], x.shape)


def recurrence(g):
    d, x = g.draw, g.some_value()
    if x.rank != 3 or x.elements > 20000:
        return
    op, (steps, batch, width) = d.one("LSTM", "GRU", "RNN"), x.shape
    gates, hidden = {"LSTM": 4, "GRU": 3, "RNN": 1}[op], d.one(1, 4, 8, 16, 20)
    direction = d.one("forward", "reverse", "bidirectional")
    ways = 2 if direction == "bidirectional" else 1
    operands = [x, g.constant(g.normal(ways, gates * hidden, width, scale=width**-0.5)),
                g.constant(g.normal(ways, gates * hidden, hidden, scale=hidden**-0.5))]
    if d.chance(0.7):
        operands.append(g.constant(g.normal(ways, 2 * gates * hidden)))
    more = {"linear_before_reset": d.integer(0, 1)} if op == "GRU" else {}
    g.put(op, operands, (steps, ways, batch, hidden), hidden_size=hidden, direction=direction, **more)


def flat(g):
    """What graph_steps.py does to one float value."""
    x = g.some_value()
    if 0 < x.elements <= g.most_elements and x.rank > 0:
        g.draw.one(*graph_steps.STEPS)(g, x)


STEPS = [flat] * 8 + [move, compare, logic, select, select, convert, count, count, choose, look_up, look_up, scatter, one_hot,
                      split, fold_shape, product, product, masked_attention, root_mean_square, rotate, recurrence]


def grow(draw):
    g = MixedSketch(draw)
    extents = [1, 2, 3, 4, 7, 8, 16, 17, 24]
    for _ in range(draw.integer(1, 3)):
        g.input([draw.one(*extents) for _ in range(draw.integer(1, 4))])
    if draw.chance(0.5):
        g.whole_input([draw.integer(1, 6) for _ in range(draw.integer(0, 3))])
    for _ in range(draw.integer(4, 16)):
        draw.one(*STEPS)(g)
    if not g.nodes:
        move(g)
    if not g.nodes:
        graph_steps.activation(g, g.values[0])
    return g
