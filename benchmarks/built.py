#!/usr/bin/env python3
"""built.py MODEL.onnx... [--compilers g++,clang++] [--sets avx512,avx2] [--json FILE]: models compiled into programs.

Builds each model with sinter_add_model, and puts the result beside the in-process compiler on the same instruction set:
whether the bits of the outputs are equal (for `portable` the error against onnxruntime, as a fraction of what agree.py
allows), and the ratio of medians of alternating runs, above 1: the built program is faster. Beside onnxruntime as peers.py
does. `tool s` is the time to generate the code, `compiler s` the CPU time to compile it; about 0 where that was done.
"""
import argparse
import json
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

from peers import alternate, digits, leave_out_python
from servers import (DTYPES, HERE, Server, find_model_server, format_shape, make_inputs, model_name, onnxruntime_server,
                     sinter_server)

sys.path.insert(0, str(HERE.parent / "tests" / "onnxruntime"))
from agree import worst  # noqa: E402


def children_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def timed(command):
    """CPU seconds of a command, which must work."""
    before = children_seconds()
    done = subprocess.run(list(map(str, command)), text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))}\n{done.stdout}")
    return children_seconds() - before


def build(model, compiler, chosen_set, shapes, arguments):
    """The program for a model, with the seconds that the tool and the compiler took."""
    folder = arguments.folder / f"{model.parent.name}-{model.stem}-{compiler}-{chosen_set}"
    tool = arguments.tool or arguments.server.parents[1] / "codegen" / "sinter"
    timed(["cmake", "-S", HERE / "built", "-B", folder, f"-DCMAKE_CXX_COMPILER={compiler}", "-DCMAKE_BUILD_TYPE=Release",
           f"-DMODEL={model.resolve()}", f"-DSHAPES={';'.join(shapes)}", f"-DSET={chosen_set}",
           f"-DSINTER_TOOL={tool.resolve()}", "-DCMAKE_CXX_COMPILER_LAUNCHER="])
    before = time.perf_counter()
    with tempfile.TemporaryDirectory() as unused:
        named = [word for shape in shapes for word in ("--shape", shape)]
        timed([tool, "compile", model, "-o", unused, "--isa", chosen_set, *named])
    tool_s = time.perf_counter() - before
    compiler_s = timed(["cmake", "--build", folder, "--target", "net", "-j2"])
    timed(["cmake", "--build", folder])
    return folder / "built_server", tool_s, compiler_s


def outputs_of(server, described):
    """What a built program wrote, in the types and shapes of another server's outputs."""
    import numpy

    with tempfile.TemporaryDirectory() as folder:
        server.ask("outputs", folder)
        return {name: numpy.fromfile(pathlib.Path(folder) / f"{i}.bin", value.dtype).reshape(value.shape)
                for i, (name, value) in enumerate(described.items())}


def equality(built, jit, theirs, chosen_set):
    """'equal', or how far the outputs are from each other or from onnxruntime."""
    expected = jit.outputs()
    got = outputs_of(built, expected)
    if all(got[name].tobytes() == value.tobytes() for name, value in expected.items()):
        return "equal"
    reference = theirs.outputs() if chosen_set == "portable" else expected
    error = max(worst(got[name], value) for name, value in reference.items())
    return f"{error:.4f}" if chosen_set == "portable" else f"DIFFERS {error:.4f}"


def measure(model, compiler, chosen_set, arguments):
    jit_set = "native" if chosen_set == "portable" else chosen_set
    with sinter_server(model, 1, arguments.server, jit_set) as jit, onnxruntime_server(model) as theirs:
        inputs = make_inputs(jit.inputs)
        shapes = [f"{d['name']}={format_shape(x.shape)}" for d, x in zip(jit.inputs, inputs) if -1 in d["shape"]]
        program, tool_s, compiler_s = build(model, compiler, chosen_set, shapes, arguments)
        with Server("built", [str(program)]) as built:
            built.inputs = jit.inputs
            for server in (built, jit, theirs):
                server.feed(inputs)
                server.run()
            bits = equality(built, jit, theirs, chosen_set)
            ns = None
            if not arguments.bits_only:
                leave_out_python(theirs)
                ns = alternate({"built": built, "jit": jit, "onnxruntime": theirs}, arguments.runs, 0)
    row = {"model": model_name(model), "compiler": compiler, "set": chosen_set, "bits": bits, "tool_s": tool_s, "compiler_s": compiler_s}
    if ns:
        row.update(ms=ns["built"] / 1e6, jit_ratio=ns["jit"] / ns["built"], ratio=ns["onnxruntime"] / ns["built"])
    return row


def print_row(row):
    times = (f"{digits(row['ms']):>9} {row['jit_ratio']:>6.2f} {row['ratio']:>6.2f}" if "ms" in row else "")
    print(f"{row['model']:24} {row['compiler']:8} {row['set']:8} {row['bits']:>14} {row['tool_s']:>7.2f} "
          f"{row['compiler_s']:>10.1f} {times}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=pathlib.Path)
    parser.add_argument("--compilers", default="g++", type=lambda text: text.split(","))
    parser.add_argument("--sets", default="native", type=lambda text: text.split(","), help="targets (native)")
    parser.add_argument("--runs", type=int, default=30, help="alternating runs of each (30)")
    parser.add_argument("--bits-only", action="store_true", help="no timing")
    parser.add_argument("--server", type=pathlib.Path, help="the program sinter_bench; the tool is taken from its build")
    parser.add_argument("--tool", type=pathlib.Path, help="the program sinter")
    parser.add_argument("--folder", type=pathlib.Path, help="where programs are built; default: built/ in that build")
    parser.add_argument("--json", type=pathlib.Path, help="writes all figures to a file")
    arguments = parser.parse_args()
    arguments.server = arguments.server or find_model_server()
    arguments.folder = arguments.folder or arguments.server.parents[1] / "built"

    print(f"{'model':24} {'compiler':8} {'set':8} {'bits':>14} {'tool s':>7} {'compiler s':>10} {'ms':>9} {'jit':>6} {'onnxr':>6}")
    rows = []
    for model in arguments.models:
        for compiler in arguments.compilers:
            for chosen_set in arguments.sets:
                try:
                    rows.append(measure(model, compiler, chosen_set, arguments))
                    print_row(rows[-1])
                except RuntimeError as problem:
                    print(f"{model_name(model):24} {compiler:8} {chosen_set:8} {problem}", flush=True)
                if arguments.json:
                    arguments.json.write_text(json.dumps(rows, indent=1) + "\n")
    sys.exit(any("DIFFERS" in row["bits"] for row in rows))


if __name__ == "__main__":
    main()
