"""Random graphs of float32: convolutional nets, transformers, and what stands between them."""

import numpy as np

from sketch import Sketch


def output_extent(extent, kernel, stride, pads, dilation=1):
    return (extent + pads - dilation * (kernel - 1) - 1) // stride + 1


def activation(g, x):
    d = g.draw
    op = d.one("Relu", "LeakyRelu", "Sigmoid", "Tanh", "HardSwish", "HardSigmoid", "Elu", "Abs", "Neg", "Clip", "Softplus",
               "Erf", "Gelu", "Swish", "Softsign", "Selu", "PRelu", "Mish", "Celu", "Cube", "Cos")
    if op == "Clip":
        return g.put(op, [x, g.number(-0.5), g.number(d.one(0.7, 6.0))], x.shape)
    if op == "Swish":
        operands = [x, g.add("Sigmoid", [x], x.shape)]
        return g.put("Mul", operands if d.chance(0.5) else operands[::-1], x.shape)
    if op == "PRelu":
        return g.put(op, [x, g.constant(g.normal(*([x.shape[1]] + [1] * (x.rank - 2) if x.rank > 1 else [1])))], x.shape)
    if op == "Cube":
        return g.put("Pow", [x, g.number(3)], x.shape)
    return g.put(op, [x], x.shape, **({"approximate": d.one("none", "tanh")} if op == "Gelu" else {}))


def convolution(g, x):
    d = g.draw
    if x.rank not in (3, 4):
        return
    batch, channels, *plane = x.shape
    group, results = 1, d.one(1, 2, 3, 4, 5, 7, 8, 12, 16, 17, 20, 24, 31, 32, 33, 48)
    if d.chance(0.25):
        group, results = channels, channels * d.one(1, 1, 1, 2)
    elif d.chance(0.2):
        group = d.one(*[k for k in range(1, channels + 1) if channels % k == 0])
        results = group * d.one(1, 2, 3, 4, 8)
    if d.chance(0.6):
        kernel = [d.one(1, 1, 3, 3, 5, 7)] * len(plane)
        strides, dilations, pads = [d.one(1, 1, 2)] * len(plane), [d.one(1, 1, 2)] * len(plane), [kernel[0] // 2] * 2 * len(plane)
    else:
        kernel, strides = [d.one(1, 2, 3, 5) for _ in plane], [d.one(1, 2, 3) for _ in plane]
        dilations, pads = [d.one(1, 1, 2) for _ in plane], [d.integer(0, k // 2 + 1) for k in kernel * 2]
    n = len(plane)
    result = [output_extent(e, k, s, pads[i] + pads[n + i], dil)
              for i, (e, k, s, dil) in enumerate(zip(plane, kernel, strides, dilations))]
    if min(result) < 1:
        return
    terms = channels // group * int(np.prod(kernel))
    operands = [x, g.constant(g.normal(results, channels // group, *kernel, scale=terms**-0.5))]
    if d.chance(0.7):
        operands.append(g.constant(g.normal(results)))
    y = g.put("Conv", operands, (batch, results, *result), kernel_shape=kernel, strides=strides, pads=pads, dilations=dilations,
              group=group)
    if d.chance(0.3):
        scale, shift, mean = (g.constant(g.normal(results)) for _ in range(3))
        y = g.put("BatchNormalization", [y, scale, shift, mean, g.constant(np.abs(g.normal(results)) + np.float32(0.5))], y.shape)
    if d.chance(0.5):
        y = activation(g, y)
    if d.chance(0.2):
        g.put("Add", [y, g.like(y)], y.shape)


def transposed_convolution(g, x):
    d = g.draw
    if x.rank not in (3, 4):
        return
    batch, channels, *plane = x.shape
    group = channels if d.chance(0.3) else 1
    results = channels if group > 1 else d.one(1, 2, 3, 8, 16, 17)
    kernel, strides = [d.one(1, 2, 3, 4) for _ in plane], [d.one(1, 2, 3) for _ in plane]
    pads, more = [d.integer(0, (k - 1) // 2) for k in kernel], [d.integer(0, s - 1) for s in strides]
    result = [(e - 1) * s + k - 2 * p + m for e, s, k, p, m in zip(plane, strides, kernel, pads, more)]
    if min(result) < 1 or np.prod(result) > 5000:
        return
    operands = [x, g.constant(g.normal(channels, results // group, *kernel, scale=0.3))]
    if d.chance(0.5):
        operands.append(g.constant(g.normal(results)))
    g.put("ConvTranspose", operands, (batch, results, *result), kernel_shape=kernel, strides=strides, pads=pads * 2,
          output_padding=more, group=group)


def pooling(g, x):
    d = g.draw
    if x.rank not in (3, 4):
        return
    batch, channels, *plane = x.shape
    if d.chance(0.25):
        g.put(d.one("GlobalAveragePool", "GlobalMaxPool"), [x], (batch, channels, *[1] * len(plane)))
        return
    kernel, strides = [d.one(1, 2, 3, 5) for _ in plane], [d.one(1, 2, 3) for _ in plane]
    pads = [d.integer(0, k // 2) for k in kernel]
    result = [output_extent(e, k, s, 2 * p) for e, k, s, p in zip(plane, kernel, strides, pads)]
    if min(result) < 1:
        return
    op = d.one("MaxPool", "AveragePool")
    more = {"count_include_pad": d.integer(0, 1)} if op == "AveragePool" else {}
    g.put(op, [x], (batch, channels, *result), kernel_shape=kernel, strides=strides, pads=pads * 2, **more)


def squeeze_excitation(g, x):
    d = g.draw
    if x.rank != 4:
        return
    channels, middle, flat = x.shape[1], d.one(1, 2, 4, 8), (x.shape[0], x.shape[1], 1, 1)

    def product(y, inputs, outputs):
        operands = [y, g.constant(g.normal(outputs, inputs, 1, 1, scale=0.3)), g.constant(g.normal(outputs))]
        return g.add("Conv", operands, (x.shape[0], outputs, 1, 1))
    y = product(g.add("GlobalAveragePool", [x], flat), channels, middle)
    y = product(g.add(d.one("Relu", "HardSwish"), [y], y.shape), middle, channels)
    g.put("Mul", [x, g.add(d.one("Sigmoid", "HardSigmoid"), [y], flat)], x.shape)


def arithmetic(g, x):
    d = g.draw
    op = d.one("Add", "Add", "Mul", "Mul", "Sub", "Max", "Min")
    partners = [v for v in g.values
                if v.rank == x.rank and all(a == b or 1 in (a, b) for a, b in zip(v.shape, x.shape))]
    if d.chance(0.6):
        y = d.one(*partners)
        shape = np.maximum(x.shape, y.shape)
        if np.prod(shape) > g.most_elements:
            return
    else:
        y, shape = g.constant(g.normal(*d.broadcast(x.shape))), x.shape
    g.put(op, [x, y] if d.chance(0.6) else [y, x], shape)


def condition(g, x):
    greater = g.add("Greater", [x, g.number(0.1)], x.shape)
    g.put("Where", [greater, x, g.constant(g.normal(1))], x.shape)


def transpose(g, x):
    order = g.draw.random.sample(range(x.rank), x.rank)
    g.put("Transpose", [x], [x.shape[i] for i in order], perm=order)


def reshape(g, x):
    shape, rest = [1] * g.draw.one(1, 2, 3, 4, 4), x.elements
    for prime in (2, 2, 2, 2, 2, 2, 3, 3, 5, 7):
        if rest % prime == 0:
            shape[g.draw.integer(0, len(shape) - 1)] *= prime
            rest //= prime
    shape[g.draw.integer(0, len(shape) - 1)] *= rest
    g.put("Reshape", [x, g.integers(*shape)], shape)


def shuffle_channels(g, x):
    groups = [k for k in range(2, x.shape[1]) if x.shape[1] % k == 0] if x.rank == 4 else []
    if not groups:
        return
    (batch, channels, *plane), k = x.shape, g.draw.one(*groups)
    split = g.add("Reshape", [x, g.integers(batch, k, channels // k, *plane)], (batch, k, channels // k, *plane))
    turned = g.add("Transpose", [split], (batch, channels // k, k, *plane), perm=[0, 2, 1, 3, 4])
    g.put("Reshape", [turned, g.integers(*x.shape)], x.shape)


def rearrange(g, x):
    d = g.draw
    if x.rank == 4 and x.shape[1] % 4 == 0 and d.chance(0.5):
        batch, channels, height, width = x.shape
        g.put("DepthToSpace", [x], (batch, channels // 4, height * 2, width * 2), blocksize=2, mode=d.one("DCR", "CRD"))
    elif x.rank == 4 and x.shape[2] % 2 == 0 and x.shape[3] % 2 == 0:
        batch, channels, height, width = x.shape
        g.put("SpaceToDepth", [x], (batch, channels * 4, height // 2, width // 2), blocksize=2)
    else:
        axis = d.integer(0, x.rank)
        g.put("Flatten", [x], (np.prod(x.shape[:axis]), np.prod(x.shape[axis:])), axis=axis)


def cut(g, x):
    axis, step = g.draw.integer(0, x.rank - 1), g.draw.one(1, 1, 2, -1)
    extent = x.shape[axis]
    first = g.draw.integer(0, extent - 1)
    last = g.draw.integer(first + 1, extent)
    start, end = (first, last) if step > 0 else (last - 1, first - 1 if first else -2 * extent)
    shape = list(x.shape)
    shape[axis] = -(-(last - first) // abs(step))
    g.put("Slice", [x, g.integers(start), g.integers(end), g.integers(axis), g.integers(step)], shape)


def gather(g, x):
    axis, rank = g.draw.integer(0, x.rank - 1), g.draw.integer(0, 2)
    indices = g.draw.numbers.integers(-x.shape[axis], x.shape[axis], [g.draw.integer(1, 3) for _ in range(rank)]).astype("i8")
    g.put("Gather", [x, g.constant(indices)], x.shape[:axis] + indices.shape + x.shape[axis + 1:], axis=axis)


def concatenate(g, x):
    axis = g.draw.integer(0, x.rank - 1)
    parts = [x] + [g.like(x, axis) for _ in range(g.draw.integer(1, 2))]
    g.draw.random.shuffle(parts)
    shape = list(x.shape)
    shape[axis] = sum(p.shape[axis] for p in parts)
    if np.prod(shape) <= g.most_elements:
        g.put("Concat", parts, shape, axis=axis)


def pad(g, x):
    d = g.draw
    pads = [d.integer(0, min(2, e - 1)) if d.chance(0.5) else 0 for e in x.shape * 2]
    shape = [e + a + b for e, a, b in zip(x.shape, pads, pads[x.rank:])]
    g.put("Pad", [x, g.integers(*pads)], shape, mode=d.one("constant", "reflect", "edge"))


def resize(g, x):
    d = g.draw
    if x.rank not in (3, 4):
        return
    shape = list(x.shape[:2]) + [d.one(e, e * 2, e * 2, e * 3, max(e // 2, 1), 1) for e in x.shape[2:]]
    if np.prod(shape) > g.most_elements:
        return
    # Where a scale is no exact float32, onnxruntime takes the neighbour that its rounding error points to.
    exact = all(r >= e or (e % r == 0 and (e // r) & (e // r - 1) == 0) for e, r in zip(x.shape, shape))
    mode = d.one("nearest", "linear", "cubic") if exact else d.one("linear", "cubic")
    more = {"nearest_mode": d.one("floor", "round_prefer_floor")} if mode == "nearest" else {}
    g.put("Resize", [x, None, None, g.integers(*shape)], shape, mode=mode,
          coordinate_transformation_mode=d.one("half_pixel", "asymmetric"), **more)


def softmax(g, x):
    g.put(g.draw.one("Softmax", "Softmax", "LogSoftmax"), [x], x.shape, axis=g.draw.axis(x.rank))


def reduction(g, x):
    d = g.draw
    axes, keep = d.axes(x.rank, 1), d.integer(0, 1)
    reduced = {a % x.rank for a in axes}
    shape = [1 if i in reduced else e for i, e in enumerate(x.shape) if keep or i not in reduced]
    op = d.one("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceL1", "ReduceSumSquare", "ReduceLogSumExp")
    g.put(op, [x, g.integers(*axes)], shape, keepdims=keep)


def normalization(g, x):
    d = g.draw
    epsilon = 0.01  # onnxruntime's variance is a difference of large numbers where values hardly differ
    if x.rank >= 3 and d.chance(0.5):
        scale, shift = g.constant(g.normal(x.shape[1])), g.constant(g.normal(x.shape[1]))
        if d.chance(0.5):
            g.put("InstanceNormalization", [x, scale, shift], x.shape, epsilon=epsilon)
        else:
            groups = d.one(*[k for k in range(1, x.shape[1] + 1) if x.shape[1] % k == 0])
            g.put("GroupNormalization", [x, scale, shift], x.shape, num_groups=groups, epsilon=epsilon)
        return
    axis = d.integer(0, x.rank - 1)
    operands = [x] + [g.constant(g.normal(*x.shape[axis:])) for _ in range(d.integer(1, 2))]
    g.put("LayerNormalization", operands, x.shape, axis=axis)


def product(g, x):
    d = g.draw
    if x.rank < 2:
        return
    terms, columns = x.shape[-1], d.one(1, 2, 5, 8, 16, 17, 31, 64)
    shape = (*x.shape[:-1], columns)
    y = g.put("MatMul", [x, g.constant(g.normal(terms, columns, scale=terms**-0.5))], shape)
    if d.chance(0.5):
        y = g.put("Add", [y, g.constant(g.normal(columns))], shape)
    if d.chance(0.4):
        activation(g, y)


def attention(g, x):
    if x.rank not in (3, 4) or x.shape[-2] ** 2 * x.elements > 10**7:
        return
    turned = (*x.shape[:-2], x.shape[-1], x.shape[-2])
    order = [*range(x.rank - 2), x.rank - 1, x.rank - 2]
    scores = (*x.shape[:-1], x.shape[-2])
    y = g.add("MatMul", [x, g.add("Transpose", [x], turned, perm=order)], scores)
    y = g.add("Mul", [y, g.number(x.shape[-1]**-0.5)], scores)
    y = g.put("MatMul", [g.add("Softmax", [y], scores, axis=-1), x], x.shape)
    if g.draw.chance(0.5):
        transpose(g, y)


STEPS = [convolution] * 6 + [activation, arithmetic, product, pooling] * 2 + [
    transposed_convolution, squeeze_excitation, condition, transpose, reshape, shuffle_channels, rearrange, cut, gather,
    concatenate, pad, resize, softmax, reduction, normalization, attention]


def grow(draw):
    g = Sketch(draw)
    plane = [draw.one(1, 4, 7, 8, 9, 14, 16, 17) for _ in range(draw.one(1, 2, 2, 2))]
    image = g.input((draw.one(1, 1, 1, 2, 3), draw.one(1, 3, 4, 8, 16, 16, 24, 32, 40), *plane))
    if draw.chance(0.3):
        g.input(image.shape)
    if draw.chance(0.2):
        g.input((draw.integer(1, 9), draw.one(8, 16, 17, 64)))
    for _ in range(draw.integer(3, 12)):
        x = g.some_value()
        if 0 < x.elements <= g.most_elements and x.rank > 0:
            draw.one(*STEPS)(g, x)
    if not g.nodes:
        activation(g, image)
    return g
