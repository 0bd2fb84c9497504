"""What operators.py draws of onnxruntime's own domain, com.microsoft, with `--families microsoft_families`.

Real results must agree to 1e-5 of what they are and of the largest of them, float16 to 2e-3. Quantised ones must be equal,
or differ by one where the family says why.
"""

import numpy as np

from draws import registry
from draws import Case as AnyCase
from sessions import build, expect

FAMILIES, family = registry()

ACTIVATIONS = {"Relu": {}, "Tanh": {}, "Sigmoid": {}, "LeakyRelu": {"alpha": 0.1}, "HardSigmoid": {"alpha": 0.25, "beta": 0.4}}


def close(results):
    """The tolerance of real results."""
    numbers = [np.abs(r.astype("f8")) for r in results if r.dtype.kind == "f"]
    numbers = [x[x < 1e30] for x in numbers]  # not the least one, of masks
    largest = max((x.max(initial=0) for x in numbers), default=0)
    part = 2e-3 if any(r.dtype == np.float16 for r in results) else 1e-5
    return {"rtol": part, "atol": part * float(largest)}


def one_quantum(_):
    return {"rtol": 0, "atol": 1}


def Case(op, inputs, outputs=1, domain="com.microsoft", tolerance=close, **more):
    return AnyCase(op, inputs, outputs, domain=domain, tolerance=tolerance, **more)


def real(d, *shape, dtype="f4"):
    return d.numbers.standard_normal(shape).astype(dtype)


def quantised(d, shape, dtype):
    """Elements, scale and zero point."""
    limits = np.iinfo(dtype)
    x = d.numbers.integers(limits.min, limits.max, shape, endpoint=True).astype(dtype)
    return [x, np.float32(d.numbers.uniform(0.005, 0.1)), np.array(d.integer(limits.min // 3, limits.max // 3), dtype)]


def optional(d, x, chance=0.5):
    return x if d.chance(chance) else None


def constants(d, first, last):
    """Inputs from `first` on as initializers, or none."""
    return range(first, last) if d.chance(0.6) else ()


# Activations and fused products.


@family("Gelu", "QuickGelu")
def gelu(d, op):
    more = {"alpha": d.one(1.0, 1.702, 0.5)} if op == "QuickGelu" and d.chance(0.7) else {}
    return Case(op, [real(d, *d.shape(0, 4)) * 2], **more)


@family("BiasGelu", "FastGelu")
def bias_gelu(d, op):
    x = real(d, *d.shape(1, 4, zero=0)) * 2
    bias = real(d, x.shape[-1])
    return Case(op, [x, bias if op == "BiasGelu" else optional(d, bias)], constants=constants(d, 1, 2))


@family("FusedConv")
def fused_conv(d, op):
    group, rank = d.one(1, 1, 2), d.one(1, 2, 2, 2)
    channels, filters = group * d.integer(1, 3), group * d.integer(1, 3)
    kernel = [d.integer(1, 3) for _ in range(rank)]
    x, w = real(d, d.integer(1, 2), channels, *[d.integer(5, 9) for _ in range(rank)]), real(d, filters, channels // group, *kernel)
    more = {"pads": [d.integer(0, 1) for _ in range(2 * rank)]} if d.chance(0.5) else {"auto_pad": d.one("SAME_UPPER", "SAME_LOWER", "VALID")}
    if d.chance(0.5):
        more["strides"] = [d.integer(1, 2) for _ in range(rank)]
    if d.chance(0.3) and "pads" in more:
        more["dilations"] = [d.integer(1, 2) for _ in range(rank)]
    if d.chance(0.5):
        more["kernel_shape"] = kernel
    activation, parameters = d.one(*ACTIVATIONS.items(), ("Clip", {"min": -0.5, "max": 1.5}))
    if d.chance(0.9):
        more |= {"activation": activation, "activation_params": list(parameters.values())}
        if not parameters:
            del more["activation_params"]
    inputs = [x, w, optional(d, real(d, filters)), None]
    if d.chance(0.4) and rank == 2:
        inputs[3] = real(d, *output_shape(AnyCase("Conv", inputs[:2], group=group, **{k: v for k, v in more.items() if "act" not in k})))
        inputs[2] = real(d, filters) if inputs[2] is None else inputs[2]
    return Case(op, inputs, constants=constants(d, 1, 3), group=group, **more)


def output_shape(case):
    return expect(*build(case))[0].shape


@family("FusedGemm")
def fused_gemm(d, op):
    m, n, k = (d.integer(1, 7) for _ in range(3))
    more = {name: 1 for name in ("transA", "transB") if d.chance(0.4)}
    more |= {name: d.one(0.5, 2.0) for name in ("alpha", "beta") if d.chance(0.4)}
    activation, parameters = d.one(*ACTIVATIONS.items(), ("Elu", {"alpha": 0.7}), ("Softplus", {}))
    more |= {"activation": activation} | {f"activation_{p}": v for p, v in parameters.items()}
    c = optional(d, real(d, *d.broadcast([m, n])), 0.7)
    return Case(op, [real(d, *((k, m) if "transA" in more else (m, k))), real(d, *((n, k) if "transB" in more else (k, n))), c],
                constants=constants(d, 1, 3), **more)


@family("FusedMatMul", "TransposeMatMul")
def fused_matmul(d, op):
    names = ["transA", "transB"] + (["transBatchA", "transBatchB"] if op == "FusedMatMul" else [])
    more = {name: 1 for name in names if d.chance(0.4)}
    if d.chance(0.5):
        more["alpha"] = d.one(0.125, 3.0)
    m, n, k = (d.integer(1, 6) for _ in range(3))
    batch = d.shape(0, 2, zero=0) or ([2] if "transBatchA" in more or "transBatchB" in more else [])

    def factor(rows, columns, transposed, moved):
        first, last = (columns, rows) if transposed else (rows, columns)
        return real(d, *([first, *batch, last] if moved else [*batch, first, last]))

    return Case(op, [factor(m, k, "transA" in more, "transBatchA" in more), factor(k, n, "transB" in more, "transBatchB" in more)],
                constants=constants(d, 1, 2), **more)


# Normalisations.


@family("SkipLayerNormalization", "SkipSimplifiedLayerNormalization")
def skip_normalization(d, op):
    centred = op == "SkipLayerNormalization"
    shape, dtype = [d.integer(1, 3), d.integer(1, 5), d.integer(2, 17)], d.one("f4", "f4", "f2")
    x, skip = real(d, *shape, dtype=dtype), real(d, *d.one(shape, shape, [1, *shape[1:]], shape[1:]), dtype=dtype)

    def vector():
        return real(d, shape[2], dtype=dtype)

    vectors = [vector(), optional(d, vector())] if centred else [vector()]
    more = {"epsilon": d.one(1e-12, 1e-5, 0.1)} if d.chance(0.7) else {}
    return Case(op, [x, skip, *vectors, optional(d, vector())], d.one(["y"], ["y", "", "", "sum"]),
                constants=constants(d, 2, 5), **more)


@family("SimplifiedLayerNormalization", "LayerNormalization")
def simplified_normalization(d, op):
    simple = op == "SimplifiedLayerNormalization"
    shape = d.shape(1, 3, zero=0, most=9)
    axis = d.axis(len(shape))
    if simple:
        axis = d.one(-1, -1, axis)
    more = {"epsilon": d.one(1e-5, 0.1)} if d.chance(0.7) else {}
    if axis != -1 or d.chance(0.5):
        more["axis"] = axis
    of = shape[axis:] if axis < 0 else shape[axis:]
    inputs = [real(d, *shape), real(d, *of)] + ([] if simple else [optional(d, real(d, *of))])
    outputs = ["y", "inv"] if simple and axis == -1 and d.chance(0.4) else ["y"]
    return Case(op, inputs, outputs, domain="", opset=d.one(12, 13, 16), constants=constants(d, 1, 3), **more)


@family("EmbedLayerNormalization")
def embed(d, op):
    batch, length, size = d.integer(1, 3), d.integer(1, 6), d.integer(2, 9)
    ids = d.numbers.integers(0, 8, (batch, length)).astype("i4")
    has_segments, has_mask = d.chance(0.6), d.chance(0.6)
    positions = d.one(None, np.tile(np.arange(length, dtype="i4")[::-1], (batch, 1)), np.arange(length, dtype="i4")[None])
    more = {"epsilon": d.one(1e-12, 1e-3)} if d.chance(0.6) else {}
    segments = d.numbers.integers(0, 2, (batch, length)).astype("i4") if has_segments else None
    mask = (np.arange(length) < d.numbers.integers(0, length + 1, (batch, 1))).astype("i4") if has_mask else None
    return Case(op, [ids, segments, real(d, 8, size), real(d, 9, size), real(d, 2, size) if has_segments else None, real(d, size),
                     real(d, size), mask, positions], d.one(["y", "m"], ["y", "m", "sum"]), constants=range(2, 7), **more)


# Attention.


def key_mask(d, batch, queries, keys, ends_only=False):
    kinds = [None, "ends", "keys", "scores"] if not ends_only else [None, "ends", "keys"]
    kind = d.one(*kinds)
    if kind is None:
        return None
    if kind == "ends":
        return d.numbers.integers(1, keys + 1, batch).astype("i4")
    shape = (batch, keys) if kind == "keys" else (batch, queries, keys)
    return (d.numbers.random(shape) < 0.7).astype("i4")


def rule(d):
    more = {}
    if d.chance(0.5):
        more["unidirectional"] = 1
    if d.chance(0.3):
        more["scale"] = d.one(0.5, 0.125)
    if d.chance(0.3):
        more["mask_filter_value"] = d.one(-3.0, -1000.0)
    return more


@family("Attention")
def attention(d, op):
    batch, length, heads, size, width = d.integer(1, 2), d.integer(1, 5), d.integer(1, 3), d.integer(1, 6), d.integer(2, 8)
    past = d.one(0, 0, 3)
    value_size = size if past or d.chance(0.7) else size + 2
    hidden = [heads * size, heads * size, heads * value_size]
    more = rule(d) | ({"qkv_hidden_sizes": hidden} if value_size != size or d.chance(0.2) else {})
    mask = key_mask(d, batch, length, past + length)
    if mask is not None and mask.ndim == 1 and d.chance(0.4):
        mask = np.concatenate([mask, d.numbers.integers(0, 2, batch).astype("i4")])
    bias = optional(d, real(d, d.one(1, batch), d.one(1, heads), length, length), 0 if past else 0.4)
    outputs = ["y", "present"] if past or (value_size == size and d.chance(0.4)) else ["y"]
    return Case(op, [real(d, batch, length, width), real(d, width, sum(hidden)), real(d, sum(hidden)), mask,
                     real(d, 2, batch, heads, past, size) if past else None, bias], outputs,
                constants=constants(d, 1, 3), num_heads=heads, **more)


@family("QAttention")
def qattention(d, op):
    batch, length, heads, size, width = d.integer(1, 2), d.integer(1, 5), d.integer(1, 3), d.integer(1, 6), d.integer(2, 8)
    past = d.one(0, 0, 3)
    x, x_scale, x_zero = quantised(d, (batch, length, width), "u1")
    w, w_scale, w_zero = quantised(d, (width, 3 * heads * size), d.one("u1", "i1"))
    return Case(op, [x, w, real(d, 3 * heads * size), x_scale, w_scale, key_mask(d, batch, length, past + length), x_zero, w_zero,
                     real(d, 2, batch, heads, past, size) if past else None],
                ["y", "present"] if past else ["y"], constants=constants(d, 1, 5), num_heads=heads,
                **{k: v for k, v in rule(d).items() if k != "scale"})


@family("MultiHeadAttention")
def multi_head_attention(d, op):
    batch, heads, size, queries = d.integer(1, 2), d.integer(1, 3), d.integer(1, 6), d.integer(1, 5)
    kind = d.one("self", "cross", "projected", "past")
    value_size = size if kind in ("past", "projected") or d.chance(0.6) else size + 1
    keys = queries if kind in ("self", "past") else d.integer(1, 6)
    past = 3 if kind == "past" else 0
    k, v = ((real(d, batch, heads, keys, size), real(d, batch, heads, keys, value_size)) if kind == "projected"
            else (real(d, batch, keys, heads * size), real(d, batch, keys, heads * value_size)))
    more = rule(d)
    if keys != queries:  # onnxruntime lets the last query see all keys then
        more.pop("unidirectional", None)
    bias = optional(d, real(d, heads * (2 * size + value_size)), 0.5)
    inputs = [real(d, batch, queries, heads * size), k, v, bias, key_mask(d, batch, queries, past + keys),
              optional(d, real(d, d.one(1, batch), d.one(1, heads), queries, past + keys), 0.4)]
    if past:
        inputs += [real(d, batch, heads, past, size), real(d, batch, heads, past, size)]
    outputs = ["y", "k", "v"] if past or (kind in ("self", "cross") and d.chance(0.5)) else ["y"]
    if len(outputs) == 3 and d.chance(0.5):
        outputs.append("qk")
    return Case(op, inputs, outputs, types={"qk": 1}, num_heads=heads, **more)


@family("GroupQueryAttention")
def group_query_attention(d, op):
    batch, groups, kv, half, queries = d.integer(1, 2), d.integer(1, 3), d.integer(1, 2), d.integer(1, 2) * 8, d.integer(1, 5)
    heads, size = groups * kv, 2 * half
    cache, packed, rotates = d.one(0, 0, 6), d.chance(0.3), d.chance(0.5)
    prompt = cache == 0 or d.chance(0.3)
    if not prompt and batch > 1:
        queries = 1
    past = [0 if prompt else d.one(cache, d.integer(1, cache - queries)) for _ in range(batch)]
    total = max(past) + queries
    q = real(d, batch, queries, (heads + 2 * kv) * size if packed else heads * size)
    k, v = (None, None) if packed else (real(d, batch, queries, kv * size), real(d, batch, queries, kv * size))
    caches = [real(d, batch, kv, cache, size), real(d, batch, kv, cache, size)] if cache else [None, None]
    angles = d.numbers.uniform(0, 6, (16, half))
    rotary = [np.cos(angles).astype("f4"), np.sin(angles).astype("f4")] if rotates else [None, None]
    positions = None
    if rotates and d.chance(0.3):  # of a prompt onnxruntime reads the first one only
        positions = d.numbers.integers(0, 16, (batch, queries)).astype("i8")
        if prompt:
            positions[:] = d.integer(0, 10) + np.arange(queries)
    inputs = [q, k, v, *caches, np.array([p + queries - 1 for p in past], "i4"), np.array(d.one(total, [total]), "i4"), *rotary, positions,
              optional(d, real(d, d.one(1, batch), d.one(1, heads), queries, total), 0.3), optional(d, real(d, heads), 0.2)]
    more = {"local_window_size": d.integer(1, 4)} if d.chance(0.4) else {}
    more |= {"softcap": 5.0} if d.chance(0.3) else {}
    more |= {"scale": 0.3} if d.chance(0.3) else {}
    more |= {"smooth_softmax": 1} if d.chance(0.2) and inputs[-1] is None else {}
    more |= {"rotary_interleaved": d.integer(0, 1)} if rotates else {}
    if prompt and "local_window_size" not in more and d.chance(0.3):
        more["causal"] = 0
        inputs[5] = d.numbers.integers(0, queries, batch).astype("i4")
    return Case(op, inputs, ["y", "k", "v"], num_heads=heads, kv_num_heads=kv, do_rotary=int(rotates), **more)


@family("RotaryEmbedding")
def rotary_embedding(d, op):
    batch, length, heads, half = d.integer(1, 3), d.integer(1, 5), d.integer(1, 3), 4 * d.integer(1, 3)
    partial, four = d.chance(0.3), d.chance(0.4)
    size = 2 * half + (8 if partial else 0)
    dtype = d.one("f4", "f4", "f2")
    x = real(d, *((batch, heads, length, size) if four else (batch, length, heads * size)), dtype=dtype)
    ids = d.one(np.array([d.integer(0, 5)], "i8"), d.numbers.integers(0, 12, (batch, length)).astype("i8"))
    angles = d.numbers.uniform(0, 6, (12, half))
    more = {"num_heads": heads} if partial or d.chance(0.4) else {}
    more |= {"rotary_embedding_dim": 2 * half} if partial else {}
    return Case(op, [x, ids, np.cos(angles).astype(dtype), np.sin(angles).astype(dtype)], interleaved=d.integer(0, 1),
                constants=constants(d, 2, 4), **more)
