#!/usr/bin/env python3
"""peers.py MODEL.onnx... [--threads 1,2] [--json FILE]: sinter beside onnxruntime from PyPI, on this machine.

Each of the two has a process of its own for each model and number of threads. Runs alternate; figures are medians.
Load is the time to a ready model (file in the page cache), first includes the first run; both are medians over fresh
processes. Memory is the process's peak less that of the same process before it loads the model. Nets below 50 us are timed
in batches of runs, and what onnxruntime takes for an Identity model, called as the net is, is subtracted from its time.
"""
import argparse
import json
import pathlib
import statistics
import tempfile
import time

from servers import make_inputs, onnxruntime_server, sinter_server

SMALL_NS = 50_000


def message(number, payload):
    """A length-delimited protobuf field; integers become varints below 128."""
    if isinstance(payload, int):
        return bytes([number << 3, payload])
    return bytes([number << 3 | 2, len(payload)]) + payload


def identity_model():
    """The bytes of an ONNX model that returns its one float."""
    float_1 = message(1, message(1, 1) + message(2, message(1, message(1, 1))))
    node = message(1, b"x") + message(2, b"y") + message(4, b"Identity")
    graph = (message(1, node) + message(2, b"g") + message(11, message(1, b"x") + message(2, float_1)) +
             message(12, message(1, b"y") + message(2, float_1)))
    return message(1, 7) + message(7, graph) + message(8, message(2, 13))


def identity_server(folder):
    """onnxruntime with a model that does nothing: what a call through Python costs."""
    file = pathlib.Path(folder) / "identity.onnx"
    file.write_bytes(identity_model())
    server = onnxruntime_server(file)
    server.feed(make_inputs(server.inputs))
    return server


def start(make, model, threads):
    """A server after its first run, with the times of both."""
    with open(model, "rb") as file:  # into the page cache
        while file.read(1 << 20):
            pass
    server = make(model, threads)
    server.feed(make_inputs(server.inputs))
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


def measure(model, threads, arguments):
    makers = {"sinter": lambda m, t: sinter_server(m, t, arguments.server), "onnxruntime": onnxruntime_server}
    servers, row = start_all(makers, model, threads, arguments.starts)
    pause_s = 0.1 if threads > 1 else 0  # onnxruntime's threads spin for up to 50 ms after a run
    with tempfile.TemporaryDirectory() as folder:
        timed = dict(servers)
        if min(servers["onnxruntime"].run(20) for _ in range(3)) < SMALL_NS:
            timed["identity"] = identity_server(folder)
        ns = alternate(timed, arguments.runs, pause_s)
        if "identity" in timed:
            timed["identity"].close()
            ns["onnxruntime"] = max(ns["onnxruntime"] - ns["identity"], 1)
    for name, server in servers.items():
        figures = server.figures()
        server.close()
        row[name].update(ms=ns[name] / 1e6, rss_mb=figures["rss_kb"] / 1024, planned_bytes=figures.get("planned_bytes"))
    return {"model": model.stem, "threads": threads, **row, "ratio": ns["onnxruntime"] / ns["sinter"]}


def digits(value):
    return f"{value:.4f}" if value < 1 else f"{value:.2f}"


def print_row(row):
    ours, theirs = row["sinter"], row["onnxruntime"]
    print(f"{row['model']:24} {row['threads']:>3} {digits(ours['ms']):>9} {digits(theirs['ms']):>9} {row['ratio']:>6.2f} "
          f"{ours['load_ms']:>9.1f} {theirs['load_ms']:>9.1f} {ours['first_ms']:>9.1f} {theirs['first_ms']:>9.1f} "
          f"{ours['rss_mb']:>8.1f} {theirs['rss_mb']:>8.1f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", type=pathlib.Path)
    parser.add_argument("--threads", default="1", type=lambda text: [int(n) for n in text.split(",")])
    parser.add_argument("--runs", type=int, default=30, help="alternating runs of each (30)")
    parser.add_argument("--starts", type=int, default=3, help="fresh processes of each (3)")
    parser.add_argument("--server", type=pathlib.Path, help="the program sinter_bench")
    parser.add_argument("--json", type=pathlib.Path, help="writes all figures to a file")
    arguments = parser.parse_args()

    print("s: sinter, o: onnxruntime; ratio above 1: sinter is faster")
    print(f"{'model':24} {'thr':>3} {'s ms':>9} {'o ms':>9} {'ratio':>6} {'s load':>9} {'o load':>9} {'s first':>9} "
          f"{'o first':>9} {'s MB':>8} {'o MB':>8}")
    rows = []
    for model in arguments.models:
        for threads in arguments.threads:
            try:
                rows.append(measure(model, threads, arguments))
                print_row(rows[-1])
            except RuntimeError as problem:
                print(f"{model.stem:24} {threads:>3} {str(problem).splitlines()[0]}", flush=True)
            if arguments.json:
                arguments.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
