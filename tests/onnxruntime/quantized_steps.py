"""Random graphs of quantised tensors (QDQ): every value is dequantised behind an operator that is quantised."""

import numpy as np
from onnx import numpy_helper

from graph_steps import output_extent
from sketch import Sketch, Value


class QuantizedSketch(Sketch):
    """Outputs are quantised: what is rounded in another order may be a few quanta off."""

    quanta = 4

    def __init__(self, draw):
        super().__init__(draw)
        self.element = draw.one(np.uint8, np.uint8, np.int8)

    def steps_between(self, low, high):
        scale, limits = np.float32((high - low) / 255), np.iinfo(self.element)
        zero = self.element(np.clip(round(-low / scale) + limits.min, limits.min, limits.max))
        return self.constant(scale), self.constant(zero), float(scale)

    def quantize(self, x, low=-3.0, high=3.0, steps=None):
        steps = steps or self.steps_between(min(low, 0), max(high, 0))
        bytes_ = self.add("QuantizeLinear", [x, *steps[:2]], x.shape)
        y = self.put("DequantizeLinear", [bytes_, *steps[:2]], x.shape)
        y.steps = steps
        return y

    def weights(self, w, axis):
        """Dequantised weights, and their scales: one, or one for each extent of `axis`."""
        if self.draw.chance(0.7):
            others = tuple(i for i in range(w.ndim) if i != axis)
            scale = (np.maximum(np.abs(w).max(axis=others), 1e-3) / 127).astype("f4")
            spread = scale.reshape([-1 if i == axis else 1 for i in range(w.ndim)])
            more = {"axis": axis}
        else:
            scale = spread = np.float32(np.abs(w).max() / 127)
            more = {}
        values = np.clip(np.round(w / spread), -128, 127).astype("i1")
        operands = [self.constant(values), self.constant(scale), self.constant(np.zeros(scale.shape, "i1"))]
        return self.add("DequantizeLinear", operands, w.shape, **more), scale

    def bias(self, count, x, scale):
        values = self.normal(count, scale=0.5)
        if self.draw.chance(0.5):
            return self.constant(values)
        step = np.broadcast_to(np.float32(x.steps[2]) * scale, count).astype("f4")
        operands = [self.constant(np.round(values / step).astype("i4")), self.constant(step), self.constant(np.zeros(count, "i4"))]
        return self.add("DequantizeLinear", operands, (count,), axis=0)

    def tolerance(self, results):
        scales = {i.name: float(numpy_helper.to_array(i)) for i in self.constants if numpy_helper.to_array(i).ndim == 0}
        return {"rtol": 0, "atol": self.quanta * max(scales[n.input[1]] for n in self.nodes if n.op_type == "QuantizeLinear")}


def activation(g, y):
    d = g.draw
    op = d.one("Relu", "Relu", "Clip", "Swish", "HardSwish", "LeakyRelu", "", "")
    if op == "Clip":
        return g.add(op, [y, g.number(0), g.number(6)], y.shape)
    if op == "Swish":
        return g.add("Mul", [y, g.add("Sigmoid", [y], y.shape)], y.shape)
    return g.add(op, [y], y.shape) if op else y


def convolution(g, x):
    d = g.draw
    if x.rank != 4:
        return
    batch, channels, *plane = x.shape
    group = channels if d.chance(0.3) else 1
    results = channels if group > 1 else d.one(1, 4, 7, 8, 16, 17, 24, 32, 40, 64)
    kernel, stride = d.one(1, 1, 3, 3, 5), d.one(1, 1, 2)
    pad = d.one(0, kernel // 2, kernel // 2)
    result = [output_extent(e, kernel, stride, 2 * pad) for e in plane]
    if min(result) < 1:
        return
    terms = channels // group * kernel**2
    w, scale = g.weights(g.normal(results, channels // group, kernel, kernel, scale=terms**-0.5), 0)
    operands = [x, w] + ([g.bias(results, x, scale)] if d.chance(0.7) else [])
    y = g.add("Conv", operands, (batch, results, *result), kernel_shape=[kernel] * 2, pads=[pad] * 4, strides=[stride] * 2, group=group)
    if y.shape == x.shape and d.chance(0.2):
        y = g.add("Add", [y, x], y.shape)
    g.quantize(activation(g, y), *d.one((-3, 3), (0, 4), (-1, 5)))


def residual(g, x):
    """A product of the input's shape, quantised, and another value added to it."""
    d = g.draw
    if x.rank == 4:
        channels, kernel = x.shape[1], d.one(1, 3)
        w, scale = g.weights(g.normal(channels, channels, kernel, kernel, scale=(channels * kernel**2) ** -0.5), 0)
        y = g.add("Conv", [x, w, g.bias(channels, x, scale)], x.shape, kernel_shape=[kernel] * 2, pads=[kernel // 2] * 4)
    else:
        terms = x.shape[-1]
        y = g.add("MatMul", [x, g.weights(g.normal(terms, terms, scale=terms**-0.5), 1)[0]], x.shape)
    y = g.quantize(activation(g, y) if d.chance(0.2) else y, *d.one((-3, 3), (-1, 1), (0, 4)))
    terms = [y, g.like(x)] if d.chance(0.5) else [g.like(x), y]
    y = g.add("Add", terms, x.shape)
    g.quantize(activation(g, y) if d.chance(0.7) else y, *d.one((-5, 5), (0, 4)))


def arithmetic(g, x):
    y = g.add(g.draw.one("Add", "Add", "Mul"), [x, g.like(x)], x.shape)
    g.quantize(activation(g, y) if g.draw.chance(0.5) else y, -5, 5)


def pooling(g, x):
    if x.rank != 4:
        return
    op = g.draw.one("GlobalAveragePool", "MaxPool", "AveragePool")
    if op == "GlobalAveragePool":
        g.quantize(g.add(op, [x], (*x.shape[:2], 1, 1)), -2, 2)
        return
    shape = (*x.shape[:2], *[output_extent(e, 3, 2, 2) for e in x.shape[2:]])
    y = g.add(op, [x], shape, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
    g.quantize(y, steps=x.steps if op == "MaxPool" and g.draw.chance(0.7) else None)


def concatenate(g, x):
    axis = g.draw.integer(0, x.rank - 1)
    other = g.like(x, axis)
    shape = list(x.shape)
    shape[axis] += other.shape[axis]
    if np.prod(shape) <= g.most_elements:
        g.quantize(g.add("Concat", [x, other], shape, axis=axis), -4, 4)


def move(g, x):
    if g.draw.chance(0.5):
        shape = (x.shape[0], x.elements // x.shape[0])
        g.quantize(g.add("Reshape", [x, g.integers(*shape)], shape), steps=x.steps)
    else:
        order = g.draw.random.sample(range(x.rank), x.rank)
        g.quantize(g.add("Transpose", [x], [x.shape[i] for i in order], perm=order), steps=x.steps)


def product(g, x):
    d = g.draw
    if x.rank not in (2, 3):
        return
    terms, columns = x.shape[-1], d.one(1, 3, 16, 17, 32, 64)
    w, shape = g.normal(terms, columns, scale=terms**-0.5), (*x.shape[:-1], columns)
    if x.rank == 2 and d.chance(0.5):
        weights, scale = g.weights(w.T.copy(), 0)
        y = g.add("Gemm", [x, weights] + ([g.bias(columns, x, scale)] if d.chance(0.6) else []), shape, transB=1)
    else:
        y = g.add("MatMul", [x, g.weights(w, 1)[0]], shape)
        if d.chance(0.5):
            y = g.add("Add", [y, g.constant(g.normal(columns))], shape)
    g.quantize(activation(g, y))


def scores(g, x):
    if x.rank != 3:
        return
    turned = g.quantize(g.add("Transpose", [x], (x.shape[0], x.shape[2], x.shape[1]), perm=[0, 2, 1]), steps=x.steps)
    y = g.quantize(g.add("MatMul", [x, turned], (x.shape[0], x.shape[1], x.shape[1])), -20, 20)
    g.quantize(g.add("Softmax", [y], y.shape, axis=-1), 0, 1)


def function(g, x):
    g.quantize(g.add(g.draw.one("Sigmoid", "Tanh", "HardSigmoid"), [x], x.shape), -1, 1)


STEPS = [convolution] * 5 + [arithmetic, product, residual] * 2 + [pooling, concatenate, move, scores, function]


def grow(draw):
    g = QuantizedSketch(draw)
    kind = draw.one("image", "image", "image", "rows", "sequence")
    if kind == "image":
        shape = (draw.one(1, 1, 2), draw.one(3, 8, 16, 24, 32), draw.one(5, 8, 14), draw.one(5, 8, 14))
    elif kind == "rows":
        shape = (draw.one(1, 4, 9), draw.one(16, 33, 64))
    else:
        shape = (draw.one(1, 2), draw.one(5, 16), draw.one(16, 32, 40))
    x = g.input(shape)
    g.values = []
    g.quantize(Value(x.name, shape))
    for _ in range(draw.integer(2, 9)):
        x = g.some_value()
        if x.elements <= g.most_elements:
            draw.one(*STEPS)(g, x)
    return g
