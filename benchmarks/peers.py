#!/usr/bin/env python3
"""peers.py MODEL.onnx|FOLDER... [--threads 1,2] [--precision exact] [--avx2] [--json FILE] [--svg FILE]: sinter beside
its peers, on this machine.

The peers are onnxruntime and OpenVINO from PyPI, those that Python finds. sinter and OpenVINO are held to float32, or
asked for --precision bf16, fp16 or fastest (OpenVINO's default); onnxruntime, which has no such option here, computes
what the model says. --precision int8 is for models that `sinter quantize` or others wrote, which all run as they are;
a model without QuantizeLinear, DequantizeLinear or an operator on integers is refused. A folder stands for all models
below it. Inputs are those of an NPZ beside the model, where one stands, as net.npz for net.onnx. Each
has a process of its own for each model and number of threads. Runs alternate; figures are medians. A ratio is the
peer's time over sinter's: above 1, sinter is faster. Load is the time to a ready model (file in the page cache, memory
warm), first includes the first run; both are medians over fresh processes. Memory is the process's peak less that of
the same process before it loads the model. Quick nets are timed in batches of runs, those below 50 us without what
Python's call of a peer takes: through its C interface.
"""
import argparse
import importlib.util
import json
import math
import mmap
import os
import pathlib
import statistics
import time

from chart import ratio_chart
from servers import PRECISIONS, inputs_for, model_name, peer_server, sinter_server

SHORT = {"sinter": "s", "onnxruntime": "ort", "openvino": "ov"}
PEERS = [name for name in ("onnxruntime", "openvino") if importlib.util.find_spec(name)]
SMALL_NS = 50_000
WARM_BYTES = 256 << 20


def leave_out_python(theirs):
    """Makes a peer answer a quick net's runs through its C interface. Python's call is nothing to the others."""
    if min(theirs.run(20) for _ in range(3)) < SMALL_NS:
        theirs.ask("use_c")


def touch_memory():
    """Leaves the system memory that was in use a moment ago. The host of a virtual machine takes back what its guest
    leaves idle, and the next to touch that waits for the host: 70 ms for 32 MB, now for one of the two, now the other.
    """
    with mmap.mmap(-1, WARM_BYTES) as memory:
        memory.madvise(mmap.MADV_HUGEPAGE)
        for at in range(0, WARM_BYTES, mmap.PAGESIZE):
            memory[at] = 1


def start(make, model, threads):
    """A server after its first run, with the times of both."""
    with open(model, "rb") as file:  # into the page cache
        while file.read(1 << 20):
            pass
    touch_memory()
    server = make(model, threads)
    server.feed(inputs_for(model, server.inputs))
    first = server.run()
    figures = server.figures()
    return server, {"load_ms": figures["load_ns"] / 1e6, "first_ms": (figures["load_ns"] + first) / 1e6}


def start_all(makers, model, threads, times):
    """Starts each several times, in turn; the last ones stay."""
    starts = {name: [] for name in makers}
    servers = {}
    for _ in range(times):
        for name, make in makers.items():
            if name in servers:
                servers[name].close()
            servers[name], taken = start(make, model, threads)
            starts[name].append(taken)
    return servers, {name: {key: statistics.median(s[key] for s in all_of) for key in all_of[0]}
                     for name, all_of in starts.items()}


def alternate(servers, rounds, pause_s):
    """The median time of one run of each, in nanoseconds; quick ones run in batches of 2 ms."""
    quick = {name: min(server.run() for _ in range(3)) for name, server in servers.items()}
    counts = {name: max(1, round(2e6 / ns)) for name, ns in quick.items()}
    runs = {name: [] for name in servers}
    for _ in range(rounds):
        for name, server in servers.items():
            time.sleep(pause_s)
            runs[name].append(server.run(counts[name]))
    return {name: statistics.median(taken) for name, taken in runs.items()}


def is_quantised(model):
    """Whether a model names an operator on integers."""
    data = model.read_bytes()
    return any(name in data for name in (b"QuantizeLinear", b"QLinear", b"Integer"))


def measure(model, threads, arguments):
    precision = arguments.precision
    if precision == "int8" and not is_quantised(model):
        raise RuntimeError(f"{model.name} computes nothing on integers: write it with sinter quantize")
    isa = "avx2" if arguments.avx2 else None
    makers = {"sinter": lambda m, t: sinter_server(m, t, arguments.server, isa, precision)}
    makers.update({peer: lambda m, t, peer=peer: peer_server(peer, m, t, precision) for peer in PEERS})
    servers, row = start_all(makers, model, threads, arguments.starts)
    figures = {name: server.figures() for name, server in servers.items()}
    for peer in PEERS:
        leave_out_python(servers[peer])
    pause_s = 0.1 if threads > 1 else 0  # onnxruntime's threads spin for up to 50 ms after a run
    ns = alternate(servers, arguments.runs, pause_s)
    for name, server in servers.items():
        server.close()
        row[name].update(ms=ns[name] / 1e6, rss_mb=figures[name]["rss_kb"] / 1024,
                         planned_bytes=figures[name].get("planned_bytes"))
    return {"model": model_name(model), "threads": threads, "precision": precision, **row,
            "ratios": {peer: ns[peer] / ns["sinter"] for peer in PEERS}}


def digits(value):
    return f"{value:.4f}" if value < 1 else f"{value:.2f}"


def columns():
    """Heading and text of each figure of a row."""
    yield "model", 24, lambda row: row["model"]
    yield "thr", 3, lambda row: str(row["threads"])
    for name in ["sinter", *PEERS]:
        yield f"{SHORT[name]} ms", 9, lambda row, name=name: digits(row[name]["ms"])
    for peer in PEERS:
        yield f"{SHORT[peer]}/s", 6, lambda row, peer=peer: f"{row['ratios'][peer]:.2f}"
    for title, key in [("load", "load_ms"), ("first", "first_ms"), ("MB", "rss_mb")]:
        for name in ["sinter", *PEERS]:
            yield f"{SHORT[name]} {title}", 9, lambda row, name=name, key=key: f"{row[name][key]:.1f}"


def print_summary(rows):
    """Geometric mean and worst of the ratios, to each peer and to the faster one."""
    for threads in sorted({row["threads"] for row in rows}):
        alike = [row for row in rows if row["threads"] == threads]
        for peer in [*PEERS, "the faster"] if len(PEERS) > 1 else PEERS:
            ratios = {row["model"]: row["ratios"].get(peer, min(row["ratios"].values())) for row in alike}
            mean = math.exp(statistics.fmean(map(math.log, ratios.values())))
            worst = sorted(ratios, key=ratios.get)[:5]
            print(f"{threads} thread{'s' if threads > 1 else ''}, against {peer}: geometric mean {mean:.2f} of "
                  f"{len(ratios)}, {sum(r < 1 for r in ratios.values())} below 1; lowest "
                  + ", ".join(f"{model} {ratios[model]:.2f}" for model in worst))


def models_of(paths):
    for path in paths:
        yield from sorted(path.rglob("*.onnx")) if path.is_dir() else [path]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=pathlib.Path)
    parser.add_argument("--threads", default="1", type=lambda text: [int(n) for n in text.split(",")])
    parser.add_argument("--runs", type=int, default=30, help="alternating runs of each (30)")
    parser.add_argument("--starts", type=int, default=3, help="fresh processes of each (3)")
    parser.add_argument("--precision", choices=PRECISIONS, default="exact", help="of sinter and OpenVINO (exact)")
    parser.add_argument("--avx2", action="store_true",
                        help="holds sinter and OpenVINO to AVX2; onnxruntime takes what the machine has")
    parser.add_argument("--server", type=pathlib.Path, help="the program sinter_bench")
    parser.add_argument("--json", type=pathlib.Path, help="writes all figures to a file")
    parser.add_argument("--svg", type=pathlib.Path, help="draws the ratios into a file")
    arguments = parser.parse_args()

    if arguments.avx2:
        os.environ["ONEDNN_MAX_CPU_ISA"] = "AVX2"  # OpenVINO's kernels
    if not PEERS:
        parser.error("neither onnxruntime nor openvino is there: python3 -m pip install onnxruntime openvino")
    table = list(columns())
    print(" ".join(title.ljust(width) if title == "model" else title.rjust(width) for title, width, _ in table))
    rows = []
    for model in models_of(arguments.models):
        for threads in arguments.threads:
            try:
                rows.append(measure(model, threads, arguments))
            except RuntimeError as problem:
                print(f"{model_name(model):24} {threads:>3} {str(problem).splitlines()[0]}", flush=True)
                continue
            print(" ".join(text(rows[-1]).ljust(width) if title == "model" else text(rows[-1]).rjust(width)
                           for title, width, text in table), flush=True)
            if arguments.json:
                arguments.json.write_text(json.dumps(rows, indent=1) + "\n")
    if rows:
        print_summary(rows)
    if rows and arguments.svg:
        arguments.svg.write_text(ratio_chart(rows, PEERS))


if __name__ == "__main__":
    main()
