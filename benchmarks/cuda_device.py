#!/usr/bin/env python3
"""Tests and measures sinter on a machine with an NVIDIA GPU; needs Python's standard library only.

    cuda_device.py --pack FOLDER MODEL.onnx...   here: programs, their libraries, NVRTC and models into a folder
    FOLDER/cuda_device.py [--json FILE]          there: what follows, in less than 8 minutes

1. cuda_tests "[device]": what device text is made of, all forms of kernels, and models, against what the CPU computes.
2. For each model `sinter bench`, with kernels compiled (cold) and from the cache, and `sinter inspect`.
3. onnxruntime's CUDA provider and torch (through onnx2torch) on the same models, where Python has them.

Exit status: 0; 1 where a test or a model fails; 77 where there is no device.
"""
import argparse
import ctypes
import glob
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = {"sinter": "codegen/sinter", "cuda_tests": "tests/cuda_tests"}
OF_THE_SYSTEM = r"/(libc|libm|libdl|librt|libpthread|ld-linux[^/]*)\.so"


def model_name(file):
    return file.parent.name if file.stem == "model" else file.stem


def nvrtc_folders():
    """Where Python packages and toolkits have NVRTC."""
    patterns = [f"{folder}/nvidia/*/lib/libnvrtc.so*" for folder in sys.path if folder]
    patterns += ["/usr/local/cuda*/lib*/libnvrtc.so*"]
    return list(dict.fromkeys(os.path.dirname(file) for pattern in patterns for file in sorted(glob.glob(pattern))))


def pack(folder, models, build, nvrtc):
    for part in ("bin", "lib", "models"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    for script in ("cuda_device.py", "cuda_peers.py"):
        shutil.copy(HERE / script, folder)
    libraries = [pathlib.Path(file) for where in ([nvrtc] if nvrtc else nvrtc_folders()[:1])
                 for file in glob.glob(f"{where}/libnvrtc*.so.*") if ".alt." not in file]
    for name, built in PROGRAMS.items():
        shutil.copy(build / built, folder / "bin" / name)
        needed = subprocess.run(["ldd", build / built], check=True, capture_output=True, text=True).stdout
        libraries += [pathlib.Path(file) for file in re.findall(r"=> (/\S+)", needed) if not re.search(OF_THE_SYSTEM, file)]
    for library in libraries:
        shutil.copy(library, folder / "lib")
    for model in models:
        if model.stem == "model":  # with the reference data beside it
            shutil.copytree(model.parent, folder / "models" / model_name(model), dirs_exist_ok=True)
        else:
            (folder / "models" / model_name(model)).mkdir(exist_ok=True)
            shutil.copy(model, folder / "models" / model_name(model) / "model.onnx")
    print(f"{folder}: {sum(f.stat().st_size for f in folder.rglob('*') if f.is_file()):,} bytes")


def find_device():
    """Name, compute capability and driver of the first device, or why there is none."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError as problem:
        return None, f"no CUDA driver: {problem}"
    if result := driver.cuInit(0):
        return None, f"no CUDA device: cuInit says {result}"
    version, device, major, minor = (ctypes.c_int() for _ in range(4))
    name = ctypes.create_string_buffer(256)
    if driver.cuDeviceGet(ctypes.byref(device), 0):
        return None, "no CUDA device"
    driver.cuDriverGetVersion(ctypes.byref(version))
    driver.cuDeviceGetName(name, 255, device)
    driver.cuDeviceGetAttribute(ctypes.byref(major), 75, device)
    driver.cuDeviceGetAttribute(ctypes.byref(minor), 76, device)
    return {"name": name.value.decode(), "capability": major.value * 10 + minor.value, "driver": version.value}, None


class Programs:
    """Calls of the packed programs, with the libraries beside them, until the time is up."""

    def __init__(self, folder, cache, seconds):
        self.folder = folder
        self.end = time.monotonic() + seconds
        libraries = [str(folder / "lib"), *nvrtc_folders(), os.environ.get("LD_LIBRARY_PATH", "")]
        self.environment = {**os.environ, "LD_LIBRARY_PATH": ":".join(filter(None, libraries)),
                            "SINTER_CACHE_DIR": str(cache), "SINTER_SHARED": str(folder)}

    def run(self, program, *words, **environment):
        """What it prints. RuntimeError: what it says where it fails."""
        return run([str(self.folder / "bin" / program), *map(str, words)], self.end, {**self.environment, **environment})


def run(command, end, environment=None):
    try:
        done = subprocess.run(command, env=environment, capture_output=True, text=True,
                              timeout=max(1.0, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise RuntimeError("the time is up") from None
    if done.returncode:
        raise RuntimeError((done.stderr.strip() or done.stdout.strip())[-2000:])
    return done.stdout


def open_shapes(programs, model):
    """Options for inputs whose shapes the model leaves open: 1 in place of what is open."""
    try:
        programs.run("sinter", "inspect", model, "--isa", "none")
        return []
    except RuntimeError as problem:
        asked = re.findall(r"--shape (\S+)=(\S+)", str(problem))
        closed = ["x".join(part if part.isdigit() else "1" for part in shape.split("x")) for _, shape in asked]
        return [word for (name, _), shape in zip(asked, closed) for word in ("--shape", f"{name}={shape}")]


def numbers(pattern, text):
    found = re.search(pattern, text)
    if not found:
        raise RuntimeError(f"unexpected words: {text}")
    return [float(number) for number in found.groups()]


def bench(programs, model, options, device, runs, cache):
    text = programs.run("sinter", "bench", model, *options, "--device", device, "--runs", runs, SINTER_CACHE_DIR=cache)
    load, first, median, least = numbers(
        r"load ([\d.]+) ms, first run ([\d.]+) ms, then \d+ runs: median ([\d.]+) ms, min ([\d.]+) ms", text)
    arena, weights, code = numbers(r"arena (\d+) bytes, packed weights (\d+) bytes, machine code (\d+) bytes", text)
    return {"ready_ms": load + first, "ms": median, "least_ms": least, "device_bytes": int(arena + weights),
            "code_bytes": int(code)}


def measure(programs, model, device, target, runs, precision):
    options = [*open_shapes(programs, model), "--precision", precision]
    counts = numbers(r"(\d+) launches, (\d+) copies between host and device, (\d+) operators as plain loops",
                     programs.run("sinter", "inspect", model, *options, "--device", target))
    with tempfile.TemporaryDirectory() as cache:
        cold = bench(programs, model, options, device, 1, cache)
        row = bench(programs, model, options, device, runs, cache)
    row.update(zip(("launches", "copies", "on_host"), map(int, counts)), cold_ms=cold["ready_ms"])
    try:
        row["peers"] = json.loads(run([sys.executable, str(HERE / "cuda_peers.py"), str(model), str(runs)], programs.end))
    except (RuntimeError, ValueError) as problem:
        row["peers"] = {"error": str(problem)}
    return {"model": model_name(model), **row}


def print_row(row):
    peers = " ".join(f"{name} {peer['ms']:.3f}" for name, peer in row["peers"].items() if "ms" in peer)
    print(f"{row['model']:24} {row['ms']:>9.3f} {row['least_ms']:>9.3f} {row['cold_ms']:>9.0f} {row['ready_ms']:>9.0f} "
          f"{row['launches']:>8} {row['copies']:>6} {row['on_host']:>7} {row['device_bytes']:>12,}  {peers}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", type=pathlib.Path, help="default there: those of the folder")
    parser.add_argument("--pack", type=pathlib.Path, metavar="FOLDER")
    parser.add_argument("--build", type=pathlib.Path, default=HERE.parent / "build/release", help="with --pack")
    parser.add_argument("--nvrtc", type=pathlib.Path, help="with --pack: a folder that has it")
    parser.add_argument("--json", type=pathlib.Path, help="writes all figures to a file")
    parser.add_argument("--runs", type=int, default=200, help="of each model (200)")
    parser.add_argument("--seconds", type=float, default=450, help="in all (450)")
    parser.add_argument("--device", default="cuda", help="cpu: to try this script without a GPU")
    parser.add_argument("--precision", default="exact", help="of sinter: exact, tf32, fp16 or bf16 (exact)")
    arguments = parser.parse_args()
    if arguments.pack:
        return pack(arguments.pack, arguments.models, arguments.build, arguments.nvrtc)

    found, problem = find_device()
    if arguments.device == "cuda" and not found:
        print(problem, file=sys.stderr)
        return 77
    figures = {"device": found, "precision": arguments.precision, "tests": None, "models": []}
    print(json.dumps(found))
    failures = 0
    with tempfile.TemporaryDirectory() as cache:
        programs = Programs(HERE, cache, arguments.seconds)
        try:
            tested = "cuda" if found else "mock"
            print(programs.run("cuda_tests", "[device]", SINTER_TEST_DEVICE=tested).strip()[-300:], flush=True)
            figures["tests"] = "passed"
        except RuntimeError as problem:
            failures += 1
            figures["tests"] = str(problem)
            print(f"tests: {problem}", flush=True)
        print(f"{'model':24} {'ms':>9} {'least':>9} {'cold ms':>9} {'cached':>9} {'launches':>8} {'copies':>6} "
              f"{'on host':>7} {'bytes':>12}  peers")
        target = f"cuda:sm_{found['capability']}" if found else "cuda:sm_90"
        for model in arguments.models or sorted(HERE.glob("models/*/model.onnx")):
            try:
                row = measure(programs, model, arguments.device, target, arguments.runs, arguments.precision)
                figures["models"].append(row)
                print_row(row)
            except RuntimeError as problem:
                failures += 1
                figures["models"].append({"model": model_name(model), "error": str(problem)})
                print(f"{model_name(model):24} {str(problem).splitlines()[0]}", flush=True)
            if arguments.json:
                arguments.json.write_text(json.dumps(figures, indent=1) + "\n")
    return min(failures, 1)


if __name__ == "__main__":
    sys.exit(main())
