#!/usr/bin/env python3
"""quantized.py --tool SINTER MODEL [OPTION...]: `sinter quantize` with these options, and what onnxruntime says of it.

The new model must load in onnxruntime, choose the same class there as the old one in 99 of 100 samples that calibration
did not see, be as small as --size says, and compute in sinter what it computes in onnxruntime. Samples are pictures of
digits (--digits FOLDER of PNGs), variations of reference inputs (test_data_set_N beside the model), or else normally
distributed numbers.
"""
import argparse
import importlib.util
import pathlib
import struct
import subprocess
import sys
import tempfile
import zlib


def read_png(file):
    """An 8-bit grey picture, not interlaced."""
    import numpy as np

    data, at, packed = file.read_bytes(), 8, b""
    while at < len(data):
        size, kind = struct.unpack(">I4s", data[at:at + 8])
        if kind == b"IHDR":
            width, height, depth, colour = struct.unpack(">IIBB", data[at + 8:at + 18])
            assert (depth, colour) == (8, 0), file
        if kind == b"IDAT":
            packed += data[at + 8:at + 8 + size]
        at += size + 12
    rows, above = [], np.zeros(width, int)
    raw = np.frombuffer(zlib.decompress(packed), "u1").reshape(height, width + 1).astype(int)
    for filtered in raw:
        row = np.zeros(width, int)
        for i, value in enumerate(filtered[1:]):
            left, corner = (row[i - 1], above[i - 1]) if i else (0, 0)
            p = left + above[i] - corner
            nearest = min((abs(p - left), 0, left), (abs(p - above[i]), 1, above[i]), (abs(p - corner), 2, corner))[2]
            row[i] = value + [0, left, above[i], (left + above[i]) // 2, nearest][filtered[0]] & 255
        rows.append(row % 256)
        above = rows[-1]
    return np.array(rows)


def resampled(picture, height, width, random):
    """The picture in another size, turned, scaled and moved a little."""
    import numpy as np

    angle, scale = random.uniform(-0.2, 0.2), random.uniform(0.9, 1.1)
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    u = scale * (np.cos(angle) * x - np.sin(angle) * y) + random.uniform(-0.1, 0.1)
    v = scale * (np.sin(angle) * x + np.cos(angle) * y) + random.uniform(-0.1, 0.1)
    h, w = picture.shape
    u, v = np.clip((u + 1) * (w - 1) / 2, 0, w - 1.001), np.clip((v + 1) * (h - 1) / 2, 0, h - 1.001)
    i, j = v.astype(int), u.astype(int)
    a, b = v - i, u - j
    return ((1 - a) * (1 - b) * picture[i, j] + (1 - a) * b * picture[i, j + 1] + a * (1 - b) * picture[i + 1, j]
            + a * b * picture[i + 1, j + 1])


class Samples:
    """Draws inputs of a model."""

    def __init__(self, session, arguments):
        import numpy as np
        import onnx
        from onnx import numpy_helper

        self.input = session.get_inputs()[0]
        self.shape = [e if isinstance(e, int) and e > 0 else 1 for e in self.input.shape]
        self.digits = [read_png(f) for f in sorted(arguments.digits.glob("*.png"))] if arguments.digits else []
        self.white, self.type = arguments.white, np.float16 if "float16" in self.input.type else np.float32
        self.references = []
        for file in sorted(arguments.model.parent.glob("test_data_set_*/input_0.pb")):
            message = onnx.TensorProto()
            message.ParseFromString(file.read_bytes())
            self.references.append(numpy_helper.to_array(message).astype("f4"))

    def draw(self, random):
        import numpy as np

        if self.digits:
            picture = self.digits[random.integers(len(self.digits))]
            x = resampled(picture, *self.shape[-2:], random).reshape(self.shape) * (self.white / 255)
        elif self.references:
            x = self.references[random.integers(len(self.references))]
            axes = tuple(range(x.ndim))[-2:]
            x = np.roll(x, random.integers(-8, 9, 2), axes) * random.uniform(0.6, 1.2)
            x = (np.flip(x, -1) if random.random() < 0.5 else x) + random.normal(0, 0.02 * x.std(), x.shape)
        else:
            x = random.normal(size=self.shape)
        return x.astype(self.type)


def compare(arguments, folder):
    import numpy as np
    import onnxruntime

    def load(file):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])

    def top(outputs):
        return outputs[0].reshape(-1).argmax()

    before = load(arguments.model)
    samples, random = Samples(before, arguments), np.random.default_rng(1)
    name = samples.input.name
    (folder / "data").mkdir()
    for i in range(arguments.count):
        np.savez(folder / "data" / f"{i:04}.npz", **{name: samples.draw(random).astype("f4")})
    written = folder / "quantized.onnx"
    command = [arguments.tool, "quantize", arguments.model, "--data", folder / "data", "-o", written]
    print(subprocess.run(command + arguments.options, check=True, capture_output=True, text=True).stdout)

    after, good = load(written), True
    held_out = [samples.draw(random) for _ in range(arguments.measure)]
    pairs = [(before.run(None, {name: x}), after.run(None, {name: x})) for x in held_out]
    agreement = np.mean([top(a) == top(b) for a, b in pairs])
    classes = len({top(a) for a, _ in pairs})
    print(f"onnxruntime: top-1 agreement {100 * agreement:.2f} % of {len(pairs)} samples of {classes} classes")
    good = good and agreement >= arguments.agreement
    size = written.stat().st_size / arguments.model.stat().st_size
    print(f"size {100 * size:.1f} %")
    good = good and size <= arguments.size
    signal, noise = 0, 0
    for x, (_, expected) in list(zip(held_out, pairs))[:arguments.runs]:
        np.save(folder / "x.npy", x)
        subprocess.run([arguments.tool, "run", written, "--input", f"{name}={folder / 'x.npy'}", "-o", folder / "y.npz"],
                       check=True, capture_output=True)
        with np.load(folder / "y.npz") as file:
            for output, e in zip(after.get_outputs(), expected):
                got = file[output.name].astype("f8")
                signal, noise = signal + (e.astype("f8") ** 2).sum(), noise + ((got - e) ** 2).sum()
    sqnr = 10 * np.log10(signal / noise) if noise else np.inf
    print(f"sinter beside onnxruntime on the new model: {sqnr:.1f} dB")
    return good and sqnr >= 20


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=pathlib.Path)
    parser.add_argument("--tool", required=True)
    parser.add_argument("--digits", type=pathlib.Path, help="a folder of PNGs, 8-bit grey")
    parser.add_argument("--white", type=float, default=1, help="the largest value of a pixel of these")
    parser.add_argument("--count", type=int, default=64, help="samples for the tool")
    parser.add_argument("--measure", type=int, default=200, help="samples for onnxruntime")
    parser.add_argument("--runs", type=int, default=4, help="of these in sinter, too")
    parser.add_argument("--agreement", type=float, default=0.99)
    parser.add_argument("--size", type=float, default=1)
    arguments, arguments.options = parser.parse_known_args()

    if importlib.util.find_spec("onnxruntime") is None or importlib.util.find_spec("onnx") is None:
        print("SKIPPED: needs onnxruntime and onnx for", sys.executable)
        return
    if not arguments.model.exists():
        print("SKIPPED: needs", arguments.model)
        return
    with tempfile.TemporaryDirectory() as folder:
        if not compare(arguments, pathlib.Path(folder)):
            sys.exit("they do not agree as they should")


if __name__ == "__main__":
    main()
