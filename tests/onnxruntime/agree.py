#!/usr/bin/env python3
"""agree.py --server SINTER_BENCH MODEL.onnx...: sinter's outputs beside onnxruntime's on the same inputs.

Every element must satisfy |a-b| <= 1e-3 |b| + 1e-4 max|b|, b being onnxruntime's; on batch 1, and on 4 where the batch
is free. A folder stands for all models below it. Ends with status 1 if a model disagrees or fails.
"""
import argparse
import importlib.util
import pathlib
import sys

SOURCE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "benchmarks"))


def worst(ours, theirs):
    """The largest error as a fraction of what is allowed; infinite where shapes or special values differ."""
    import numpy

    if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
        return float("inf")
    if theirs.size == 0:
        return 0.0
    a, b = ours.astype("f8"), theirs.astype("f8")
    same = (a == b) | (numpy.isnan(a) & numpy.isnan(b))
    finite = numpy.isfinite(b)
    if not (same | (finite & numpy.isfinite(a))).all():
        return float("inf")
    scale = numpy.abs(b[finite]).max(initial=0)
    allowed = 1e-3 * numpy.abs(b) + 1e-4 * scale
    with numpy.errstate(invalid="ignore", divide="ignore"):
        return float(numpy.where(same, 0, numpy.abs(a - b) / allowed).max())


def compare(model, arguments):
    """A line of findings and whether all is well."""
    from servers import is_dynamic, make_inputs, onnxruntime_server, sinter_server

    findings, good = [], True
    with onnxruntime_server(model) as theirs, sinter_server(model, arguments.threads, arguments.server,
                                                            arguments.isa) as ours:
        if [d["name"] for d in ours.inputs] != [d["name"] for d in theirs.inputs]:
            return f"inputs are {[d['name'] for d in ours.inputs]}, not {[d['name'] for d in theirs.inputs]}", False
        for batch in [1, 4] if is_dynamic(theirs.inputs) else [1]:
            for server in (theirs, ours):
                server.feed(make_inputs(theirs.inputs, batch))
                server.run()
            expected, got = theirs.outputs(), ours.outputs()
            errors = [worst(got[name], expected[name]) if name in got else float("inf") for name in expected]
            findings.append(f"batch {batch}: {max(errors):.3f} of the allowed error")
            good = good and max(errors) <= 1
    return "; ".join(findings), good


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=pathlib.Path)
    parser.add_argument("--server", type=pathlib.Path, help="the program sinter_bench")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--isa", help="a cap: none, avx2 or avx512")
    parser.add_argument("--skip", default="", help="names of models to leave out, with commas")
    arguments = parser.parse_args()

    if importlib.util.find_spec("onnxruntime") is None:
        print("SKIPPED: needs onnxruntime for", sys.executable)
        return
    models = [file for path in arguments.models for file in (sorted(path.rglob("*.onnx")) if path.is_dir() else [path])
              if file.exists()]
    models = [file for file in models if not {file.stem, file.parent.name} & set(arguments.skip.split(","))]
    if not models:
        print("SKIPPED: no model at", *arguments.models)
        return
    failures = 0
    for model in models:
        try:
            findings, good = compare(model, arguments)
        except RuntimeError as problem:
            findings, good = str(problem), False
        failures += not good
        print("agrees  " if good else "DIFFERS ", f"{model.parent.name}/{model.stem}: {findings}", flush=True)
    print(f"{len(models) - failures} of {len(models)} models agree with onnxruntime")
    sys.exit(failures > 0)


if __name__ == "__main__":
    main()
