"""operators.py CONFORMANCE [--count N] [--seed S]: random one-node models beside onnxruntime.

What onnxruntime, without graph optimisations, computes for a model that operator_families.py draws becomes the expected
output of a case in the layout of the ONNX backend tests, and the runner judges. Models that it refuses are left out.
"""
import argparse
import collections
import pathlib
import subprocess
import sys
import tempfile

try:
    import numpy as np
    import onnx
    import onnxruntime
    from onnx import helper, numpy_helper
except ImportError:
    print("SKIPPED: needs numpy, onnx and onnxruntime for", sys.executable)
    sys.exit(0)

from operator_families import FAMILIES, Draw


def build(case):
    """The model and what it is fed with."""
    names = [f"x{i}" if x is not None else "" for i, x in enumerate(case.inputs)]
    results = [f"y{i}" for i in range(case.outputs)]
    node = helper.make_node(case.op, names, results, domain=case.domain, **case.attributes)
    feeds = {n: np.asarray(x) for n, x in zip(names, case.inputs) if x is not None}
    fixed = {f"x{i}" for i in case.constants if i < len(names) and names[i]}
    info = [helper.make_tensor_value_info(n, helper.np_dtype_to_tensor_dtype(x.dtype), x.shape) for n, x in feeds.items() if n not in fixed]
    graph = helper.make_graph([node], "case", info, [onnx.ValueInfoProto(name=r) for r in results],
                              [numpy_helper.from_array(x, n) for n, x in feeds.items() if n in fixed])
    opsets = [helper.make_opsetid("", case.opset or 21)] + ([helper.make_opsetid(case.domain, 1)] if case.domain else [])
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    return model, {n: x for n, x in feeds.items() if n not in fixed}


def expect(model, feeds):
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    results = session.run(None, feeds)
    for info, r in zip(model.graph.output, results):
        info.type.tensor_type.elem_type = helper.np_dtype_to_tensor_dtype(r.dtype)
    return results


def write(folder, model, feeds, results):
    data = folder / "test_data_set_0"
    data.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    (folder / "data.json").write_text('{"rtol": 2e-3, "atol": 2e-5}')
    for kind, values in (("input", feeds.values()), ("output", results)):
        for i, value in enumerate(values):
            (data / f"{kind}_{i}.pb").write_bytes(numpy_helper.from_array(np.ascontiguousarray(value).reshape(np.shape(value))).SerializeToString())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("conformance", type=pathlib.Path)
    parser.add_argument("--count", type=int, default=10, help="cases of each operator")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--backend", default="evaluate,x86", help="of the runner, with commas")
    parser.add_argument("--only", default="", help="operators, with commas")
    parser.add_argument("--keep", type=pathlib.Path, help="folder to write the cases to, which must not exist")
    a = parser.parse_args()
    left_out, made, failed = collections.Counter(), 0, False
    with tempfile.TemporaryDirectory() as temporary:
        root = a.keep or pathlib.Path(temporary) / "cases"
        for op, draw in FAMILIES.items():
            if a.only and op not in a.only.split(","):
                continue
            for i in range(a.count):
                model, feeds = build(draw(Draw(number_of(op, a.seed, i))))
                try:
                    results = expect(model, feeds)
                except Exception as problem:  # onnxruntime has one type for each kind
                    left_out[op] += 1
                    if a.keep:
                        (root / "refused").mkdir(parents=True, exist_ok=True)
                        (root / "refused" / f"{op}_{i}.txt").write_text(str(problem))
                    continue
                write(root / f"{op}_{i}", model, feeds, results)
                made += 1
        print(f"{made} cases; onnxruntime refused {sum(left_out.values())}: {dict(left_out)}")
        for backend in a.backend.split(","):
            run = subprocess.run([a.conformance, "--root", root, "--backend", backend], check=False)
            failed = failed or run.returncode != 0
    sys.exit(failed)


def number_of(op, seed, i):
    value = seed * 1000003 + i
    for c in op.encode():
        value = (value * 131 + c) % 2**31
    return value


if __name__ == "__main__":
    main()
