#!/usr/bin/env python3
"""decoder.py DECODE: a small GPT-2 with a cache that grows, token by token, beside onnxruntime.

DECODE is the program of decode.cpp. Attention is written out as PyTorch's exporter does, the operator of ONNX, and that
of onnxruntime. Each step must agree, and nothing may be allocated or compiled behind the first one. Ends with status 1
if not.
"""
import pathlib
import subprocess
import sys
import tempfile

LAYERS, HEADS, SIZE, WIDTH, VOCABULARY, STEPS = 3, 4, 16, 64, 101, 150

WRITTEN = """
 qh{i} = Reshape(q{i}, to_heads)
 kh{i} = Reshape(k{i}, to_heads)
 vh{i} = Reshape(v{i}, to_heads)
 qt{i} = Transpose<perm = [0, 2, 1, 3]>(qh{i})
 kt{i} = Transpose<perm = [0, 2, 1, 3]>(kh{i})
 vt{i} = Transpose<perm = [0, 2, 1, 3]>(vh{i})
 present_k{i} = Concat<axis = 2>(past_k{i}, kt{i})
 present_v{i} = Concat<axis = 2>(past_v{i}, vt{i})
 columns{i} = Transpose<perm = [0, 1, 3, 2]>(present_k{i})
 qs{i} = Mul(qt{i}, root_scale)
 ks{i} = Mul(columns{i}, root_scale)
 s{i} = MatMul(qs{i}, ks{i})
 visible{i} = Add(s{i}, mask)
 all{i} = Softmax<axis = -1>(visible{i})
 undefined{i} = IsNaN(all{i})
 p{i} = Where(undefined{i}, nothing, all{i})
 m{i} = MatMul(p{i}, present_v{i})
 mt{i} = Transpose<perm = [0, 2, 1, 3]>(m{i})
 a{i} = Reshape(mt{i}, to_rows)
"""
OPERATOR = """
 a{i}, present_k{i}, present_v{i} = Attention<q_num_heads = {heads}, kv_num_heads = {heads}, is_causal = {causal}>(
   q{i}, k{i}, v{i}, , past_k{i}, past_v{i})
"""
MICROSOFT = """
 a{i}, present_k{i}, present_v{i} = com.microsoft.MultiHeadAttention<num_heads = {heads}>(
   q{i}, k{i}, v{i}, , , , past_k{i}, past_v{i})
"""
FORMS = {"written out": WRITTEN, "Attention": OPERATOR, "MultiHeadAttention": MICROSOFT}

START = """
 shape = Shape(past_k0)
 past = Gather(shape, two)
 total = Add(past, one)
 places = Range(past, total, one)
 columns = Range(zero, total, one)
 row = Unsqueeze(places, one_axis)
 seen = LessOrEqual(columns, row)
 mask = Where(seen, nothing, hidden)
 words = Gather(vocabulary, ids)
 position = Gather(positions, places)
 x0 = Add(words, position)
"""
BEFORE = """
 n{i} = LayerNormalization(x{i}, scale, shift)
 n2{i} = Reshape(n{i}, flat)
 qkv{i} = Gemm(n2{i}, w_qkv{i}, b_qkv{i})
 qkv3{i} = Reshape(qkv{i}, all_rows)
 q{i}, k{i}, v{i} = Split<axis = 2, num_outputs = 3>(qkv3{i})
"""
BEHIND = """
 o{i} = MatMul(a{i}, w_o{i})
 r{i} = Add(x{i}, o{i})
 h{i} = LayerNormalization(r{i}, scale, shift)
 u{i} = MatMul(h{i}, w_up{i})
 g{i} = Gelu<approximate = "tanh">(u{i})
 d{i} = MatMul(g{i}, w_down{i})
 x{next} = Add(r{i}, d{i})
"""
END = """
 last = LayerNormalization(x{layers}, scale, shift)
 turned = Transpose<perm = [1, 0]>(vocabulary)
 logits = MatMul(last, turned)
"""


def constants(rng):
    import numpy

    def matrix(*shape):
        return (rng.standard_normal(shape) / numpy.sqrt(shape[0])).astype("f4")

    numbers = {"zero": 0, "one": 1, "two": 2, "one_axis": [1], "to_heads": [1, 1, HEADS, SIZE], "to_rows": [1, 1, WIDTH],
               "flat": [-1, WIDTH], "all_rows": [1, 1, 3 * WIDTH]}
    made = {name: numpy.array(value, "i8") for name, value in numbers.items()}
    made |= {"nothing": numpy.float32(0), "hidden": numpy.float32(-3.4e38), "root_scale": numpy.float32(SIZE**-0.25),
             "scale": numpy.ones(WIDTH, "f4"), "shift": matrix(WIDTH), "positions": matrix(STEPS + 1, WIDTH),
             "vocabulary": rng.standard_normal((VOCABULARY, WIDTH)).astype("f4")}
    for i in range(LAYERS):
        made |= {f"w_qkv{i}": matrix(WIDTH, 3 * WIDTH), f"b_qkv{i}": matrix(3 * WIDTH), f"w_o{i}": matrix(WIDTH, WIDTH),
                 f"w_up{i}": matrix(WIDTH, 4 * WIDTH), f"w_down{i}": matrix(4 * WIDTH, WIDTH)}
    return made


def decoder(form, rng):
    import numpy
    import onnx
    import onnx.parser

    caches = [f"{kind}{i}" for i in range(LAYERS) for kind in "kv"]
    type_of = f"float[1, {HEADS}, %s, {SIZE}]"
    inputs = ", ".join(["int64[1, 1] ids"] + [f"{type_of % 'past'} past_{c}" for c in caches])
    outputs = ", ".join([f"float[1, 1, {VOCABULARY}] logits"] + [f"{type_of % 'total'} present_{c}" for c in caches])
    body = START if form is WRITTEN else START.replace(" mask = Where(seen, nothing, hidden)\n", "")
    for i in range(LAYERS):
        body += (BEFORE + form + BEHIND).format(i=i, next=i + 1, heads=HEADS, causal=1)
    text = (f'<ir_version: 10, opset_import: ["" : 23, "com.microsoft" : 1]> decoder ({inputs}) => ({outputs}) {{'
            f"{body}{END.format(layers=LAYERS)}}}")
    model = onnx.parser.parse_model(text)
    for name, value in constants(rng).items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(numpy.asarray(value), name))
    return model


def expected(session, tokens):
    """The logits of each step."""
    import numpy

    state = {i.name: numpy.zeros((1, HEADS, 0, SIZE), "f4") for i in session.get_inputs()[1:]}
    names, logits = [o.name for o in session.get_outputs()], []
    for token in tokens:
        results = dict(zip(names, session.run(None, {"ids": numpy.array([[token]]), **state})))
        state = {name: results[name.replace("past_", "present_")] for name in state}
        logits.append(results["logits"].reshape(-1))
    return numpy.stack(logits)


def compare(program, model, threads, rng):
    """What is wrong, if anything."""
    import numpy
    import onnx
    import onnxruntime
    from agree import worst

    tokens = rng.integers(0, VOCABULARY, STEPS).tolist()
    with tempfile.TemporaryDirectory() as folder:
        file, out = pathlib.Path(folder) / "decoder.onnx", pathlib.Path(folder) / "logits.bin"
        onnx.save(model, file)
        ran = subprocess.run([program, file, str(threads), out, *map(str, tokens)], capture_output=True, text=True)
        if ran.returncode != 0:
            print(f"  {program} ended with {ran.returncode}: {ran.stderr.strip()}")
            return True
        said = ran.stdout.split()
        ours = numpy.fromfile(out, "f4").reshape(STEPS, VOCABULARY)
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 4
        theirs = expected(onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"]), tokens)
    error = max(worst(a, b) for a, b in zip(ours, theirs))
    print(f"  {error:.3f} of the allowed error, {said[0]} allocations and {said[1]} bytes of code behind the first step")
    return error > 1 or int(said[0]) > 0 or int(said[1]) > 0


def main():
    try:
        import numpy
        import onnx
        import onnxruntime
    except ImportError as missing:
        print(f"SKIPPED: {missing}")
        return 0
    bad = False
    for name, form in FORMS.items():
        for threads in (1, 2):
            print(f"{name}, {threads} threads")
            rng = numpy.random.default_rng(len(name))
            bad = compare(sys.argv[1], decoder(form, rng), threads, rng) or bad
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
