"""What operators.py draws: for each operator a node with random shapes, attributes and values.

Families leave out what onnxruntime computes otherwise than the standard says, and what the standard leaves open.
"""

import numpy as np
from onnx import helper

from draws import Case, registry

FLOATS = ["f4", "f4", "f4", "f8"]
INTEGERS = ["i4", "i8"]
NARROW = ["i1", "u1", "i2", "u2", "u4", "u8"]

FAMILIES, family = registry()


@family("Add", "Sub", "Mul", "Div")
def arithmetic(d, op):
    shape = d.shape()
    dtype = d.one(*FLOATS, *INTEGERS, *NARROW[:2])
    other = d.broadcast(shape)
    b = d.array(other, dtype, small=True)
    if op == "Div" and np.dtype(dtype).kind != "f":
        b = np.where(b == 0, 1, b).astype(dtype)
    pair = [d.array(shape, dtype, 0.1), b]
    if d.chance(0.5):
        pair.reverse()
        if op == "Div" and np.dtype(dtype).kind != "f":
            pair[1] = np.where(pair[1] == 0, 1, pair[1]).astype(dtype)
    return Case(op, pair, opset=d.one(7, 13, 14))


@family("Pow")
def power(d, op):
    shape = d.shape()
    a, b = d.one(("f4", "f4"), ("f4", "i4"), ("i4", "f4"), ("i8", "i8"), ("f8", "f4"), ("i4", "i4"), ("f4", "i8"))
    x, y = d.array(shape, a, small=True), d.array(d.broadcast(shape), b, small=True)
    if a[0] == "i":
        x, y = np.abs(x) if b[0] == "f" else x, np.abs(y)
    return Case(op, [x, y], opset=d.one(12, 13, 15))


@family("Mod")
def mod(d, op):
    shape = d.shape()
    dtype = d.one("f4", "f8", "i4", "i8", "i1", "u1", "i2")
    b = d.array(d.broadcast(shape), dtype, small=True)
    b = np.where(b == 0, 3, b).astype(dtype)
    fmod = 1 if dtype[0] == "f" else d.integer(0, 1)
    return Case(op, [d.array(shape, dtype), b], opset=d.one(10, 13), fmod=fmod)


@family("Max", "Min", "Sum", "Mean")
def variadic(d, op):
    shape = d.shape()
    dtype = d.one("f4", "f8", "i4", "i8", "u4") if op in ("Max", "Min") else d.one("f4", "f8")
    xs = [d.array(d.broadcast(shape), dtype, 0.2) for _ in range(d.integer(1, 3))] + [d.array(shape, dtype, 0.2)]
    d.random.shuffle(xs)
    return Case(op, xs, opset=d.one(12, 13) if op in ("Max", "Min") else d.one(8, 13))


@family("Clip")
def clip(d, op):
    dtype = d.one("f4", "f8", "i4", "i8", "i1", "u1")
    bounds = [d.array([], dtype, small=True) if d.chance(0.7) else None for _ in range(2)]
    return Case(op, [d.array(d.shape(), dtype, 0.0 if None in bounds else 0.2), *bounds], opset=d.one(12, 13))


@family("Cast")
def cast(d, op):
    source = d.one("f4", "f8", "f2", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "?")
    target = d.one("f4", "f8", "f2", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "?")
    x = d.array(d.shape(), source)
    if np.dtype(source).kind == "f" and np.dtype(target).kind == "u":
        x = np.abs(x)  # negative ones are undefined
    return Case(op, [x.astype(source)], opset=d.one(9, 13, 19),
                to=int(helper.np_dtype_to_tensor_dtype(np.dtype(target))))


@family("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSum",
        "ReduceLogSumExp", "ReduceSumSquare")
def reduction(d, op):
    extremes = op in ("ReduceMax", "ReduceMin")
    shape = d.shape(1, zero=0.0 if extremes or op in ("ReduceMean", "ReduceLogSumExp") else 0.05)
    dtype = d.one("f4", "f4", "f8", "i4") if op not in ("ReduceLogSum", "ReduceL2", "ReduceLogSumExp") else "f4"
    x = d.array(shape, dtype, small=True)
    if op == "ReduceLogSum":
        x = np.abs(x) + 1
    attributes = {"keepdims": d.integer(0, 1)} if d.chance(0.8) else {}
    axes = None if d.chance(0.25) else d.axes(len(shape), 1)
    as_input = op == "ReduceSum" or d.chance(0.5)
    version = d.one(13, 18) if op == "ReduceSum" else 18 if as_input else d.one(11, 13)
    if not as_input:
        return Case(op, [x], opset=version, **attributes, **({"axes": axes} if axes is not None else {}))
    if d.chance(0.3):
        attributes["noop_with_empty_axes"] = d.integer(0, 1)
        if d.chance(0.5):
            axes = []
    return Case(op, [x] + ([] if axes is None else [np.array(axes, "i8")]), opset=version, **attributes)


@family("ArgMax", "ArgMin")
def arg(d, op):
    shape = d.shape(1, zero=0)
    return Case(op, [d.array(shape, d.one("f4", "f8", "i4", "i1", "u1"), small=True)], opset=d.one(12, 13),
                axis=d.axis(len(shape)),
                keepdims=d.integer(0, 1), select_last_index=d.integer(0, 1))


@family("TopK")
def top_k(d, op):
    shape = d.shape(1, zero=0)
    axis = d.axis(len(shape))
    k = d.integer(0, shape[axis])
    return Case(op, [d.array(shape, d.one("f4", "f8", "i4", "i8"), small=True), np.array([k], "i8")], outputs=2,
                opset=11, axis=axis,
                largest=d.integer(0, 1), sorted=1)


@family("Split")
def split(d, op):
    shape = d.shape(1, zero=0)
    axis = d.axis(len(shape))
    parts = d.integer(1, 3)
    if d.chance(0.5):
        lengths = [d.integer(0, 3) for _ in range(parts)]
        shape[axis] = sum(lengths)
        return Case(op, [d.array(shape), np.array(lengths, "i8")], outputs=parts, opset=d.one(13, 18), axis=axis)
    return Case(op, [d.array(shape)], outputs=parts, opset=18, axis=axis, num_outputs=parts)


@family("Slice")
def slice_(d, op):
    shape = d.shape(1)
    axes = d.axes(len(shape), 1)
    steps = [d.one(1, 1, 2, 3, -1, -2, 2**31 - 1, -2**31) for _ in axes]
    most = d.one(2**63 - 1, 2**31 - 1)
    starts = [d.one(most, -most - 1) if d.chance(0.25) else d.integer(-7, 7) for _ in axes]
    ends = [(most if step > 0 else -most - 1) if d.chance(0.25) else d.integer(-7, 7) for step in steps]
    kind = "i8" if most > 2**31 else "i4"
    xs = [d.array(shape, d.one("f4", "i8", "u1")), np.array(starts), np.array(ends), np.array(axes), np.array(steps)]
    return Case(op, [xs[0]] + [x.astype(kind) for x in xs[1:]], opset=d.one(10, 11, 13))


@family("Gather", "GatherElements", "GatherND")
def gather(d, op):
    shape = d.shape(1, zero=0)
    x = d.array(shape, d.one("f4", "i8", "u1", "f8"))
    if op == "GatherND":
        batch = d.integer(0, len(shape) - 1)
        depth = d.integer(1, len(shape) - batch)
        extents = shape[batch:batch + depth]
        index = np.stack([d.numbers.integers(-e, e, shape[:batch] + [3]) for e in extents], -1)
        return Case(op, [x, index.astype("i8")], opset=d.one(12, 13), batch_dims=batch)
    axis = d.axis(len(shape))
    own = d.shape(0, 3) if op == "Gather" else [d.integer(1, e) for e in shape]
    if op == "GatherElements":
        own[axis] = d.integer(1, 5)
    index = d.numbers.integers(-shape[axis], shape[axis], own).astype(d.one("i4", "i8"))
    return Case(op, [x, index], opset=d.one(11, 13), axis=axis)


@family("ScatterElements", "ScatterND")
def scatter(d, op):
    shape = d.shape(1, zero=0)
    dtype = d.one("f4", "i8", "f8")
    x = d.array(shape, dtype)
    reduce = d.one("none", "add", "mul", "max", "min")
    if op == "ScatterND":
        depth = d.integer(1, len(shape))
        count = 1 if reduce == "none" else 3
        index = np.stack([d.numbers.integers(-e, e, [count]) for e in shape[:depth]], -1).astype("i8")
        return Case(op, [x, index, d.array([count] + shape[depth:], dtype)], opset=18, reduction=reduce)
    axis = d.axis(len(shape))
    own = [d.integer(1, e) for e in shape]
    if reduce == "none":
        own[axis] = 1
    index = d.numbers.integers(-shape[axis], shape[axis], own).astype("i8")
    return Case(op, [x, index, d.array(own, dtype)], opset=18, axis=axis, reduction=reduce)


@family("Pad")
def pad(d, op):
    shape = d.shape(1, zero=0.03)
    mode = d.one("constant", "constant", "reflect", "edge", "wrap")
    low = -1 if mode != "wrap" and d.chance(0.3) else 0
    most = lambda e: max(0, e - 1) if mode in ("reflect", "wrap") else 3
    axes = d.axes(len(shape), 1) if d.chance(0.4) else None
    chosen = [shape[a] for a in axes] if axes is not None else shape
    pads = [d.integer(max(low, -e), most(e)) for e in chosen] + [d.integer(0, most(e)) for e in chosen]
    dtype = d.one("f4", "f8", "i4", "i8")
    value = d.array([], dtype) if mode == "constant" and d.chance(0.6) else None
    xs = [d.array(shape, dtype), np.array(pads, "i8"), value] + ([np.array(axes, "i8")] if axes is not None else [])
    return Case(op, xs, opset=19 if mode == "wrap" or axes is not None else d.one(13, 18, 19), mode=mode)


@family("OneHot")
def one_hot(d, op):
    shape = d.shape(0, 3)
    n = d.integer(1, 5)
    index = d.numbers.integers(-n, n, shape).astype(d.one("i8", "f4", "i4"))
    dtype = "f4" if index.dtype != np.int64 else d.one("f4", "i8", "i4")
    depth_type = {"f4": "f4", "i8": "i8", "i4": "i4"}[index.dtype.str[1:]]
    if index.dtype == np.int32:
        depth_type = "f4"
    return Case(op, [index, np.array(n, depth_type), d.array([2], dtype)], opset=11,
                axis=d.integer(-len(shape) - 1, len(shape)))


@family("Unique")
def unique(d, op):
    shape = d.shape(1, zero=0, most=3)
    attributes = {"axis": d.axis(len(shape))} if d.chance(0.5) else {}
    return Case(op, [d.array(shape, d.one("f4", "i8"), small=True)], outputs=4, opset=11, sorted=d.integer(0, 1),
                **attributes)


def windows(d, spatial):
    kernel = [d.integer(1, 3) for _ in range(spatial)]
    attributes = {"kernel_shape": kernel}
    if d.chance(0.6):
        attributes["strides"] = [d.integer(1, 3) for _ in range(spatial)]
    if d.chance(0.4):
        attributes["dilations"] = [d.integer(1, 2) for _ in range(spatial)]
    mode = d.one("none", "pads", "SAME_UPPER", "SAME_LOWER", "VALID")
    if mode == "pads":
        attributes["pads"] = [d.integer(0, k - 1) for k in kernel * 2]
    elif mode != "none":
        attributes["auto_pad"] = mode
    return attributes


@family("Conv")
def conv(d, op):
    spatial = d.integer(1, 3)
    attributes = windows(d, spatial)
    group, per_in, per_out = d.one(1, 1, 2, 3), d.integer(1, 3), d.integer(1, 3)
    if d.chance(0.15):
        attributes.pop("kernel_shape") if "auto_pad" not in attributes else None
        kernel = [2] * spatial
        if "kernel_shape" in attributes:
            kernel = attributes["kernel_shape"]
        elif "pads" in attributes:
            attributes["pads"] = [min(p, 1) for p in attributes["pads"]]
    else:
        kernel = attributes["kernel_shape"]
    x = d.array([d.integer(1, 2), group * per_in] + [d.integer(3, 9) for _ in range(spatial)])
    w = d.array([group * per_out, per_in] + kernel)
    return Case(op, [x, w] + ([d.array([group * per_out])] if d.chance(0.5) else []), opset=11, group=group,
                constants=d.one((), (1, 2), (1,)),
                **attributes)


@family("ConvTranspose")
def conv_transpose(d, op):
    spatial = d.integer(1, 2)
    attributes = windows(d, spatial)
    if attributes.get("auto_pad") != "VALID":
        attributes.pop("auto_pad", None)
    group, per_in, per_out = d.one(1, 1, 2), d.integer(1, 3), d.integer(1, 3)
    strides = attributes.get("strides", [1] * spatial)
    if d.chance(0.3):
        attributes["output_padding"] = [d.integer(0, s - 1) for s in strides]
    x = d.array([d.integer(1, 2), group * per_in] + [d.integer(2, 6) for _ in range(spatial)])
    w = d.array([group * per_in, per_out] + attributes["kernel_shape"])
    return Case(op, [x, w] + ([d.array([group * per_out])] if d.chance(0.5) else []), opset=11, group=group,
                **attributes)


@family("MaxPool", "AveragePool", "LpPool")
def pool(d, op):
    spatial = d.integer(1, 3)
    attributes = windows(d, spatial)
    if "auto_pad" in attributes:
        attributes.pop("dilations", None)
        attributes["strides"] = [d.integer(1, k) for k in attributes["kernel_shape"]]
    elif op != "LpPool":
        attributes["ceil_mode"] = d.integer(0, 1)
    if op == "AveragePool":
        attributes["count_include_pad"] = d.integer(0, 1)
    if op == "LpPool":
        attributes["p"] = d.integer(1, 3)
    version = {"MaxPool": 12, "AveragePool": 19, "LpPool": 18}[op]
    x = d.array([d.integer(1, 2), d.integer(1, 3)] + [d.integer(5, 9) for _ in range(spatial)])
    return Case(op, [x], outputs=2 if op == "MaxPool" and d.chance(0.4) else 1, opset=version, **attributes)


@family("Resize")
def resize(d, op):
    by_scales = d.chance(0.5)
    coordinate = d.one("half_pixel", "asymmetric", "half_pixel_symmetric",
                       *([] if by_scales else ["align_corners", "pytorch_half_pixel"]))
    mode = d.one("nearest", "linear", "cubic")
    shape = [1, d.integer(1, 2), d.integer(2, 6), d.integer(2, 6)]
    attributes = {"mode": mode, "coordinate_transformation_mode": coordinate}
    if mode == "nearest":
        attributes["nearest_mode"] = d.one("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")
    if mode == "cubic":
        attributes["cubic_coeff_a"] = d.one(-0.75, -0.5)
        attributes["exclude_outside"] = d.integer(0, 1)
    x = d.array(shape)
    if by_scales:
        return Case(op, [x, None, np.array([1, 1, d.one(0.6, 1.5, 2, 3.3), d.one(0.5, 1.25, 2)], "f4")], opset=19,
                    **attributes)
    return Case(op, [x, None, None, np.array(shape[:2] + [d.integer(2, 12), d.integer(2, 12)], "i8")], opset=19,
                **attributes)


@family("QuantizeLinear", "DequantizeLinear")
def quantize(d, op):
    shape = d.shape(1)
    kind = d.one("i1", "u1")
    axis = d.axis(len(shape))
    own = [] if d.chance(0.5) else [shape[axis]]
    scale = (np.abs(d.array(own)) + 0.25).astype("f4")
    x = d.array(shape, "f4", 0.0) * 20 if op == "QuantizeLinear" else d.array(shape, kind)
    return Case(op, [x.astype("f4") if op == "QuantizeLinear" else x, scale] + [d.array(own, kind)],
                opset=d.one(13, 19), axis=axis)


@family("CenterCropPad")
def center_crop_pad(d, op):
    shape = d.shape(1, 3, zero=0)
    axes = d.axes(len(shape), 1)
    return Case(op, [d.array(shape), np.array([d.integer(1, 7) for _ in axes], "i8")], opset=18, axes=axes)


@family("MatMulNBits")
def matmul_nbits(d, op):
    block, k, n = d.one(16, 32, 64, 128, 256, 512), d.integer(1, 3) * d.one(16, 24, 100), d.integer(1, 5)
    blocks = -(-k // block)
    xs = [d.array([d.integer(1, 3), k]), d.numbers.integers(0, 256, [n, blocks, block // 2]).astype("u1"),
                  d.array([n * blocks])]
    if d.chance(0.5):
        xs.append(d.numbers.integers(0, 256, [n * -(-blocks // 2)]).astype("u1"))
    return Case(op, xs, domain="com.microsoft", constants=(1, 2, 3), K=k, N=n, bits=4, block_size=block)
