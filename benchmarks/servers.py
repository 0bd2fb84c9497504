"""Programs that load one model each and answer commands, one JSON line for each line: sinter's and its peers'.

    input INDEX TYPE SHAPE FILE   the bytes of FILE become an input
    run COUNT                     {"ns": time of one run, the mean of COUNT}
    outputs FOLDER                writes the last outputs to FOLDER/0.bin, 1.bin, ... and describes them
    use_c                         (onnxruntime only) from now on runs are what they cost a program in C: no Python
    figures                       {"load_ns", "peak_rss_kb", ...}

At start a server says {"inputs": [{"name", "type", "shape"}], "baseline_rss_kb"}; unknown extents are -1.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy

HERE = pathlib.Path(__file__).resolve().parent
DTYPES = {"float": "f4", "double": "f8", "float16": "f2", "bool": "?", "int8": "i1", "int16": "i2", "int32": "i4",
          "int64": "i8", "uint8": "u1", "uint16": "u2", "uint32": "u4", "uint64": "u8"}


def parse_shape(text):
    return [] if text == "scalar" else [int(extent) for extent in text.split("x")]


def format_shape(shape):
    return "x".join(map(str, shape)) or "scalar"


class Server:
    """A running server. `name` is how it appears in tables."""

    def __init__(self, name, command):
        self.name = name
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)
        self.description = self.answer()
        self.inputs = self.description["inputs"]

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            problem = self.process.communicate()[1].strip()
            raise RuntimeError(f"{self.name}: {problem or f'ended with {self.process.returncode}'}")
        return json.loads(line)

    def ask(self, *words):
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        return self.answer()

    def feed(self, arrays):
        with tempfile.TemporaryDirectory() as folder:
            for i, (described, array) in enumerate(zip(self.inputs, arrays)):
                file = pathlib.Path(folder) / f"{i}.bin"
                array.tofile(file)
                self.ask("input", i, described["type"], format_shape(array.shape), file)

    def run(self, count=1):
        """Nanoseconds of one run."""
        return self.ask("run", count)["ns"]

    def outputs(self):
        """Name to array, after a run."""
        with tempfile.TemporaryDirectory() as folder:
            described = self.ask("outputs", folder)["outputs"]
            return {d["name"]: numpy.fromfile(pathlib.Path(folder) / f"{i}.bin", DTYPES[d["type"]]).reshape(d["shape"])
                    for i, d in enumerate(described)}

    def figures(self):
        """What the server says, with its memory above that of the bare process."""
        figures = self.ask("figures")
        return {**figures, "rss_kb": figures["peak_rss_kb"] - self.description["baseline_rss_kb"]}

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.stderr.close()
        self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def find_model_server():
    """The program that the preset `release` builds: others are compiled to be tested, not to be timed."""
    built = HERE.parent / "build" / "release" / "benchmarks" / "sinter_bench"
    if not built.exists():
        sys.exit("sinter_bench is not built: cmake --workflow --preset release, or name it with --server")
    return built


# What sinter and OpenVINO are asked for; models of int8 are quantised, and the rest of them is float32. onnxruntime has
# no such option on x86-64: it computes what the model says.
PRECISIONS = {"exact": ("exact", "f32"), "int8": ("exact", "f32"), "bf16": ("bf16", "bf16"), "fp16": ("fp16", "f16"),
              "fastest": ("fastest", "default")}


def sinter_server(model, threads=1, program=None, isa=None, precision="exact"):
    command = [str(program or find_model_server()), str(model), "--threads", str(threads), "--precision",
               PRECISIONS[precision][0]]
    return Server("sinter", command + (["--isa", isa] if isa else []))


def peer_server(name, model, threads=1, precision="exact"):
    """`name`: onnxruntime or openvino."""
    command = [sys.executable, str(HERE / f"{name}_server.py"), str(model), "--threads", str(threads)]
    return Server(name, command + (["--precision", PRECISIONS[precision][1]] if name == "openvino" else []))


def onnxruntime_server(model, threads=1):
    return peer_server("onnxruntime", model, threads)


def model_name(file):
    """The file's name, or its folder's where the file is just model.onnx."""
    return file.parent.name if file.stem == "model" else file.stem


def is_dynamic(described):
    """Whether the first extents, the batch, are free."""
    return all(d["shape"] and d["shape"][0] == -1 for d in described)


def make_inputs(described, batch=1, seed=0):
    """Deterministic inputs: floats of the standard normal distribution, small integers. Free extents are `batch`."""
    random = numpy.random.default_rng(seed)
    arrays = []
    for d in described:
        shape = [batch if extent < 0 else extent for extent in d["shape"]]
        dtype = numpy.dtype(DTYPES[d["type"]])
        values = random.standard_normal(shape) if dtype.kind == "f" else random.integers(0, 2, shape)
        arrays.append(numpy.ascontiguousarray(values, dtype))
    return arrays


def inputs_for(model, described):
    """The inputs that lie beside a model, by name, where there are some: those of net.onnx and of net.legacy.onnx in
    net.npz. Else `make_inputs`.
    """
    for stem in (model.stem, model.stem.partition(".")[0]):
        stored = model.with_name(f"{stem}.npz")
        if stored.exists():
            arrays = numpy.load(stored)
            missing = [d["name"] for d in described if d["name"] not in arrays]
            if missing:
                raise RuntimeError(f"{stored}: expected the inputs of {model.name}, lacks {', '.join(missing)}")
            return [numpy.ascontiguousarray(arrays[d["name"]], DTYPES[d["type"]]) for d in described]
    return make_inputs(described)
