"""operators.py CONFORMANCE [--count N] [--seed S]: random one-node models beside onnxruntime.

What onnxruntime, without graph optimisations, computes for a model that operator_families.py (or the module that is
named) draws becomes the expected output of a case in the layout of the ONNX backend tests, and the runner judges. Models that it refuses are left out.
"""
import argparse
import collections
import importlib
import json
import pathlib
import subprocess
import sys
import tempfile

try:
    import ml_dtypes  # noqa: F401
    import numpy as np
    import onnxruntime  # noqa: F401
    from onnx import numpy_helper
except ImportError:
    print("SKIPPED: needs ml_dtypes, numpy, onnx and onnxruntime for", sys.executable)
    sys.exit(0)

from draws import Draw
from sessions import build, expect


def write(folder, model, feeds, results, tolerance):
    data = folder / "test_data_set_0"
    data.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    (folder / "data.json").write_text(json.dumps(tolerance))
    for kind, values in (("input", feeds.values()), ("output", results)):
        for i, value in enumerate(values):
            (data / f"{kind}_{i}.pb").write_bytes(numpy_helper.from_array(np.ascontiguousarray(value).reshape(np.shape(value))).SerializeToString())


def judge(conformance, root, backend):
    """Whether a backend of the runner passes all cases below `root`, and skips none."""
    with tempfile.TemporaryDirectory() as folder:
        found = pathlib.Path(folder) / "outcomes.json"
        run = subprocess.run([conformance, "--root", root, "--backend", backend, "--json", found, "--verbose"], check=False)
        return run.returncode == 0 and json.loads(found.read_text())["skipped"] == 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("conformance", type=pathlib.Path)
    parser.add_argument("--families", default="operator_families", help="module that draws the cases")
    parser.add_argument("--count", type=int, default=10, help="cases of each operator")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--backend", default="evaluate,x86", help="of the runner, with commas")
    parser.add_argument("--only", default="", help="operators, with commas")
    parser.add_argument("--keep", type=pathlib.Path, help="folder to write the cases to, which must not exist")
    a = parser.parse_args()
    left_out, made = collections.Counter(), 0
    with tempfile.TemporaryDirectory() as temporary:
        root = a.keep or pathlib.Path(temporary) / "cases"
        for op, draw in importlib.import_module(a.families).FAMILIES.items():
            if a.only and op not in a.only.split(","):
                continue
            for i in range(a.count):
                case = draw(Draw(number_of(op, a.seed, i)))
                model, feeds = build(case, opened=i % 2 == 1)
                try:
                    results = expect(model, feeds)
                except Exception as problem:  # onnxruntime has one type for each kind
                    left_out[op] += 1
                    if a.keep:
                        (root / "refused").mkdir(parents=True, exist_ok=True)
                        (root / "refused" / f"{op}_{i}.txt").write_text(str(problem))
                    continue
                write(root / f"{op}_{i}", model, feeds, results, case.tolerance(results))
                made += 1
        print(f"{made} cases; onnxruntime refused {sum(left_out.values())}: {dict(left_out)}")
        agrees = all([judge(a.conformance, root, backend) for backend in a.backend.split(",")])
    sys.exit(not agrees)


def number_of(op, seed, i):
    value = seed * 1000003 + i
    for c in op.encode():
        value = (value * 131 + c) % 2**31
    return value


if __name__ == "__main__":
    main()
