#!/usr/bin/env python3
"""peers.py MODEL.onnx... [--threads 1,2] [--json FILE]: sinter beside onnxruntime from PyPI, on this machine.

Each of the two has a process of its own for each model and number of threads. Runs alternate; figures are medians.
Load is the time to a ready model (file in the page cache, memory warm), first includes the first run; both are medians
over fresh processes. Memory is the process's peak less that of the same process before it loads the model. Quick nets
are timed in batches of runs, those below 50 us without what Python's call of onnxruntime takes: through its C interface.
"""
import argparse
import json
import mmap
import pathlib
import statistics
import time

from servers import make_inputs, model_name, onnxruntime_server, sinter_server

SMALL_NS = 50_000
WARM_BYTES = 256 << 20


def leave_out_python(theirs):
    """Makes onnxruntime answer a quick net's runs through its C interface. Python's call is nothing to the others."""
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
    figures = {name: server.figures() for name, server in servers.items()}
    leave_out_python(servers["onnxruntime"])
    pause_s = 0.1 if threads > 1 else 0  # onnxruntime's threads spin for up to 50 ms after a run
    ns = alternate(servers, arguments.runs, pause_s)
    for name, server in servers.items():
        server.close()
        row[name].update(ms=ns[name] / 1e6, rss_mb=figures[name]["rss_kb"] / 1024,
                         planned_bytes=figures[name].get("planned_bytes"))
    return {"model": model_name(model), "threads": threads, **row, "ratio": ns["onnxruntime"] / ns["sinter"]}


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
                print(f"{model_name(model):24} {threads:>3} {str(problem).splitlines()[0]}", flush=True)
            if arguments.json:
                arguments.json.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
