"""What operators.py draws of com.microsoft with `--families microsoft_quantised`: quantised operators, and those that
move elements.
"""

import ml_dtypes
import numpy as np

from draws import registry
from microsoft_families import Case, close, constants, one_quantum, optional, quantised, real

FAMILIES, family = registry()


# Elementwise.


@family("QLinearAdd", "QLinearMul")
def arithmetic(d, op):
    dtype = d.one("u1", "i1")
    shape = d.shape(0, 4, zero=0)
    a, b = quantised(d, shape, dtype), quantised(d, d.broadcast(shape), dtype)
    if d.chance(0.3):
        a, b = b, a
    _, scale, zero = quantised(d, (), dtype)
    return Case(op, [*a, *b, np.float32(scale * (1 if op == "QLinearAdd" else 3)), zero], constants=constants(d, 3, 8))


@family("QLinearSigmoid", "QLinearLeakyRelu")
def activation(d, op):
    dtype = d.one("u1", "i1")
    x = quantised(d, d.shape(1, 4, zero=0), dtype)
    _, scale, zero = quantised(d, (), dtype)
    if op == "QLinearSigmoid":
        scale, zero = np.float32(1 / 256), np.array(0 if dtype == "u1" else -128, dtype)
    more = {"alpha": d.one(0.2, 0.5)} if op == "QLinearLeakyRelu" and d.chance(0.7) else {}
    return Case(op, [*x, scale, zero], constants=constants(d, 1, 5), **more)


@family("QLinearSoftmax")
def softmax(d, op):
    dtype = d.one("u1", "i1")
    shape = d.shape(1, 4, zero=0, most=7)
    x, scale, zero = quantised(d, shape, dtype)
    opset = d.one(11, 13)
    return Case(op, [x, scale, zero, np.float32(1 / 256), np.array(0 if dtype == "u1" else -128, dtype)], axis=d.axis(len(shape)),
                attributes={"opset": opset}, constants=constants(d, 1, 5))


@family("QLinearConcat")
def concat(d, op):
    dtype = d.one("u1", "i1")
    shape = d.shape(1, 4, zero=0)
    axis = d.axis(len(shape))
    inputs = []
    for _ in range(d.integer(1, 3)):
        part = list(shape)
        part[axis] = d.integer(1, 4)
        inputs += quantised(d, part, dtype)
    _, scale, zero = quantised(d, (), dtype)
    return Case(op, [scale, zero, *inputs], axis=axis, constants=(0, 1) if d.chance(0.5) else ())


@family("QLinearWhere")
def where(d, op):
    dtype = d.one("u1", "i1")
    shape = d.shape(1, 3, zero=0)
    condition = d.array(d.broadcast(shape), "?")
    _, scale, zero = quantised(d, (), dtype)
    return Case(op, [condition, *quantised(d, shape, dtype), *quantised(d, d.broadcast(shape), dtype), scale, zero],
                constants=d.one((), (2, 3, 5, 6, 7, 8)))


@family("QuantizeLinear", "DequantizeLinear")
def linear(d, op):
    dtype = d.one("u1", "i1", "u2", "i2")
    shape = d.shape(1, 3, zero=0)
    axis = d.axis(len(shape))
    per_axis = d.chance(0.5)
    scale = d.numbers.uniform(0.01, 0.1, shape[axis] if per_axis else ()).astype("f4")
    zero = d.numbers.integers(0, 50, shape[axis] if per_axis else ()).astype(dtype)
    x = real(d, *shape) * 3 if op == "QuantizeLinear" else quantised(d, shape, dtype)[0]
    return Case(op, [x, scale, zero], constants=constants(d, 1, 3), **({"axis": axis} if per_axis else {}))


# Windows.


def window(d, rank, extents):
    kernel = [d.integer(1, 3) for _ in range(rank)]
    more = {"kernel_shape": kernel}
    if d.chance(0.5):
        more["strides"] = [d.integer(1, 2) for _ in range(rank)]
    if d.chance(0.5):
        more["pads"] = [d.integer(0, k - 1) for k in kernel] * 2
    elif d.chance(0.5):
        more["auto_pad"] = d.one("SAME_UPPER", "SAME_LOWER", "VALID")
    if d.chance(0.3):
        more["ceil_mode"] = 1
    return more


@family("QLinearAveragePool", "QLinearGlobalAveragePool")
def average_pool(d, op):
    # Sums of a window are rounded in another order than onnxruntime's, and a mean may lie half way between two numbers.
    dtype, last, rank = d.one("u1", "i1"), d.integer(0, 1), d.one(1, 2, 2)
    extents = [d.integer(4, 8) for _ in range(rank)]
    channels = d.integer(1, 4)
    x, scale, zero = quantised(d, [d.integer(1, 2)] + ([*extents, channels] if last else [channels, *extents]), dtype)
    more = window(d, rank, extents) if op == "QLinearAveragePool" else {}
    if op == "QLinearAveragePool" and d.chance(0.4):
        more["count_include_pad"] = 1
    return Case(op, [x, scale, zero, np.float32(scale * d.one(0.5, 0.7, 1)), quantised(d, (), dtype)[2]], channels_last=last,
                constants=constants(d, 1, 5), tolerance=one_quantum if op == "QLinearAveragePool" else close, **more)


@family("NhwcMaxPool")
def max_pool(d, op):
    rank = d.one(1, 2, 2)
    extents = [d.integer(4, 8) for _ in range(rank)]
    more = window(d, rank, extents)
    if d.chance(0.3) and "auto_pad" not in more:
        more["dilations"] = [d.integer(1, 2) for _ in range(rank)]
    return Case(op, [quantised(d, [d.integer(1, 2), *extents, d.integer(1, 4)], d.one("u1", "i1"))[0]], **more)


@family("QLinearConv")
def conv(d, op):
    last, group = d.integer(0, 1), d.one(1, 1, 2)
    channels, filters = group * d.integer(1, 3), group * d.integer(1, 3)
    extents, kernel = [d.integer(4, 8) for _ in range(2)], [d.integer(1, 3) for _ in range(2)]
    x, x_scale, x_zero = quantised(d, [1, *extents, channels] if last else [1, channels, *extents], "u1")
    w, _, _ = quantised(d, [filters, channels // group, *kernel], "i1")
    scales = d.numbers.uniform(0.005, 0.02, d.one((), filters)).astype("f4")
    more = {"pads": [d.integer(0, 1) for _ in range(4)]} if d.chance(0.5) else {}
    bias = d.numbers.integers(-500, 500, filters).astype("i4")
    return Case(op, [x, x_scale, x_zero, w, scales, np.zeros(scales.shape, "i1"), np.float32(0.5), np.array(120, "u1"), optional(d, bias)],
                channels_last=last, group=group, constants=range(1, 9), tolerance=one_quantum, **more)


# Products.


@family("MatMulIntegerToFloat", "DynamicQuantizeMatMul")
def product(d, op):
    m, k, n = (d.integer(1, 6) for _ in range(3))
    batch = d.shape(0, 2, zero=0)
    dtype = d.one("u1", "i1")
    columns = n if d.chance(0.5) else 1
    b = d.numbers.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, (k, n), endpoint=True).astype(dtype)
    b_scale, b_zero = d.numbers.uniform(0.01, 0.1, columns).astype("f4"), d.numbers.integers(0, 50, columns).astype(dtype)
    bias, zero = optional(d, real(d, n)), optional(d, b_zero)
    if op == "DynamicQuantizeMatMul":
        return Case(op, [real(d, *batch, m, k), b, b_scale, zero, bias], constants=constants(d, 1, 5))
    a, a_scale, a_zero = quantised(d, [*batch, m, k], d.one("u1", dtype))
    return Case(op, [a, b, a_scale, b_scale, optional(d, a_zero), zero, bias], constants=constants(d, 1, 7))


@family("QGemm")
def gemm(d, op):
    m, k, n = (d.integer(1, 6) for _ in range(3))
    more = {name: 1 for name in ("transA", "transB") if d.chance(0.4)} | ({"alpha": 0.5} if d.chance(0.3) else {})
    a = quantised(d, (k, m) if "transA" in more else (m, k), d.one("u1", "i1"))
    dtype = d.one("u1", "i1")
    if a[0].dtype == np.int8:
        dtype = "i1"
    b = quantised(d, (n, k) if "transB" in more else (k, n), dtype)
    if d.chance(0.4):
        b[1], b[2] = d.numbers.uniform(0.01, 0.1, n).astype("f4"), np.full(n, b[2], dtype)
    c = optional(d, d.numbers.integers(-500, 500, d.one((n,), (1, n), (m, n))).astype("i4"))
    result = [np.float32(2.5), np.array(7, a[0].dtype)] if d.chance(0.6) else []
    return Case(op, [*a, *b, c, *result], constants=constants(d, 3, 9), **more)


@family("MatMulNBits")
def matmul_nbits(d, op):
    k, n, block, bits = d.integer(1, 4) * 16, d.integer(1, 6), d.one(16, 32), d.one(4, 4, 8)
    blocks = -(-k // block)
    b = d.numbers.integers(0, 256, (n, blocks, block * bits // 8)).astype("u1")
    zero = optional(d, d.numbers.integers(0, 256, (n, -(-blocks * bits // 8))).astype("u1"))
    if zero is not None and bits == 4 and d.chance(0.3):
        zero = d.numbers.uniform(0, 15, (n, blocks)).astype("f4")
    ordered = bits == 4 and (zero is None or zero.dtype == np.float32)  # otherwise onnxruntime ignores the zero points
    order = d.numbers.integers(0, blocks, k).astype("i4") if ordered and d.chance(0.4) else None
    return Case(op, [real(d, *d.shape(1, 2, zero=0), k), b, d.numbers.uniform(0.01, 0.1, (n, blocks)).astype("f4"), zero, order, optional(d, real(d, n))],
                constants=range(1, 6), K=k, N=n, block_size=block, bits=bits)


@family("GatherBlockQuantized")
def gather_block(d, op):
    return gather_narrow(d, op) if d.chance(0.5) else gather_bytes(d, op)


def gather_narrow(d, op):
    """Elements of four bits, of any rank, along any two axes."""
    dtype, rank, block = d.one(ml_dtypes.int4, ml_dtypes.uint4), d.integer(2, 3), d.one(16, 32)
    gathered, along = d.random.sample(range(rank), 2)
    shape = [d.integer(1, 4) for _ in range(rank)]
    shape[along] = d.integer(1, 5) * 8
    blocks = list(shape)
    blocks[along] = -(-shape[along] // block)
    low = -8 if dtype == ml_dtypes.int4 else 0

    def narrow(extents):
        return d.numbers.integers(low, low + 16, extents).astype("i1").astype(dtype)

    indices = d.numbers.integers(-shape[gathered], shape[gathered], d.shape(0, 2, zero=0)).astype(d.one("i4", "i8"))
    return Case(op, [narrow(shape), indices, d.numbers.uniform(0.01, 0.1, blocks).astype("f4"), optional(d, narrow(blocks))],
                gather_axis=d.one(gathered, gathered - rank), quantize_axis=d.one(along, along - rank), block_size=block,
                constants=(0, 2, 3))


def gather_bytes(d, op):
    """Elements of eight bits, or two of four in each byte."""
    bits, rows, columns = d.one(4, 8), d.integer(2, 6), 32 * d.integer(1, 3)
    block = d.one(16, 32)
    data = d.numbers.integers(0, 256, (rows, columns * bits // 8)).astype("u1")
    blocks = columns // block
    zero = optional(d, d.numbers.integers(0, 256, (rows, -(-blocks * bits // 8))).astype("u1"))
    indices = d.numbers.integers(-rows, rows, d.shape(0, 2, zero=0)).astype(d.one("i4", "i8"))
    return Case(op, [data, indices, d.numbers.uniform(0.01, 0.1, (rows, blocks)).astype("f4"), zero], gather_axis=0,
                quantize_axis=d.one(1, -1), block_size=block, bits=bits, constants=(0, 2, 3))


# Movement and others.


@family("Pad")
def pad(d, op):
    shape = d.shape(1, 3, zero=0)
    mode = d.one("constant", "edge", "reflect", "wrap")
    pads = np.array([d.integer(0, 1 if mode == "constant" else min(1, e - 1)) for e in shape * 2], "i8")
    return Case(op, [real(d, *shape), pads if d.chance(0.5) else pads[None], optional(d, np.float32(1.5))], mode=mode, constants=constants(d, 1, 2))


@family("Unique")
def unique(d, op):
    return Case(op, [d.array([d.integer(1, 12)], "f4", small=True)], 3)


@family("ExpandDims")
def expand_dims(d, op):
    shape = d.shape(0, 3)
    axis = d.integer(-len(shape) - 1, len(shape))
    return Case(op, [d.array(shape, d.one("f4", "i8", "u1")), np.array(axis, "i4")], constants=constants(d, 1, 2))


@family("GatherND")
def gather_nd(d, op):
    shape = d.shape(1, 3, zero=0)
    last = d.integer(1, len(shape))
    lead = d.shape(0, 2, zero=0)
    indices = np.stack([d.numbers.integers(-e, e, lead) for e in shape[:last]], -1).astype(d.one("i4", "i8"))
    return Case(op, [d.array(shape, d.one("f4", "i8")), indices])


@family("Trilu")
def trilu(d, op):
    return Case(op, [d.array(d.shape(2, 4), d.one("f4", "f8", "i8")), optional(d, np.array(d.integer(-3, 3), "i8"))], upper=d.integer(0, 1))


@family("GridSample")
def grid_sample(d, op):
    # Of bicubic samples at a border onnxruntime moves the place to it, other definitions move the neighbours.
    mode = d.one("bilinear", "nearest", "bicubic")
    padding = d.one("zeros", "reflection", *(["border"] if mode != "bicubic" else []))
    batch = d.integer(1, 2)
    grid = d.numbers.uniform(-1.3, 1.3, (batch, d.integer(1, 4), d.integer(1, 4), 2)).astype("f4")
    return Case(op, [real(d, batch, 2, d.integer(2, 5), d.integer(2, 5)), grid], mode=mode, padding_mode=padding, align_corners=d.integer(0, 1))


@family("Range")
def number_range(d, op):
    dtype = d.one("f4", "i4", "i8", "i2")
    ends = [np.array(v, dtype) for v in (d.integer(-3, 3), d.integer(4, 9))]
    return Case(op, [*ends, optional(d, np.array(d.integer(1, 3), dtype))], constants=d.one((0, 1, 2), ()))


@family("Inverse")
def inverse(d, op):
    n = d.integer(1, 6)
    return Case(op, [real(d, *d.shape(0, 2, zero=0), n, n, dtype=d.one("f4", "f8")) + 4 * np.eye(n, dtype="f4")])


@family("CDist")
def cdist(d, op):
    k, dtype = d.integer(1, 6), d.one("f4", "f8")
    return Case(op, [real(d, d.integer(1, 5), k, dtype=dtype), real(d, d.integer(1, 5), k, dtype=dtype)], metric=d.one("sqeuclidean", "euclidean"))


@family("CropAndResize")
def crop_and_resize(d, op):
    batch, boxes = d.integer(1, 3), d.integer(1, 4)
    corners = np.round(d.numbers.uniform(-0.2, 1.2, (boxes, 4)), 3).astype("f4")
    return Case(op, [real(d, batch, 2, d.integer(2, 7), d.integer(2, 7)), corners, d.numbers.integers(0, batch, boxes).astype("i4"),
                     np.array([d.integer(1, 5), d.integer(1, 5)], "i4")], mode=d.one("bilinear", "nearest"), extrapolation_value=d.one(0.0, 7.5))
