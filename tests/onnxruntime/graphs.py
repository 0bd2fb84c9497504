"""graphs.py CONFORMANCE [--count N] [--seed S]: random graphs beside onnxruntime.

What onnxruntime, without graph optimisations, computes for a graph that graph_steps.py (or the module that is named)
grows becomes the expected output of a case in the layout of the ONNX backend tests, and the runner judges: fusions, layouts
and places in memory go wrong between nodes, not in one. Graphs that onnxruntime refuses are left out.
"""
import argparse
import importlib
import pathlib
import sys
import tempfile

try:
    import ml_dtypes  # noqa: F401
    import numpy as np  # noqa: F401
    import onnxruntime  # noqa: F401
except ImportError:
    print("SKIPPED: needs ml_dtypes, numpy, onnx and onnxruntime for", sys.executable)
    sys.exit(0)

from draws import Draw
from operators import judge, write
from sessions import expect


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("conformance", type=pathlib.Path)
    parser.add_argument("--steps", default="graph_steps", help="module that grows the graphs")
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--backend", default="x86,x86-avx2", help="of the runner, with commas")
    parser.add_argument("--keep", type=pathlib.Path, help="folder to write the cases to, which must not exist")
    a = parser.parse_args()
    grow, made, refused = importlib.import_module(a.steps).grow, 0, 0
    with tempfile.TemporaryDirectory() as temporary:
        root = a.keep or pathlib.Path(temporary) / "cases"
        for i in range(a.count):
            sketch = grow(Draw(a.seed * 1000003 + i))
            model = sketch.model()
            try:
                results = expect(model, sketch.feeds)
            except Exception:  # onnxruntime has one type for each kind
                refused += 1
                continue
            write(root / f"graph_{i}", model, sketch.feeds, results, sketch.tolerance(results))
            made += 1
        print(f"{made} graphs; onnxruntime refused {refused}")
        agrees = all([judge(a.conformance, root, backend) for backend in a.backend.split(",")])
    sys.exit(not agrees or made < a.count / 2)


if __name__ == "__main__":
    main()
