"""What the servers in Python share: a line of JSON for each command on standard input. See servers.py."""
import argparse
import json
import pathlib
import sys


def parser():
    options = argparse.ArgumentParser()
    options.add_argument("model")
    options.add_argument("--threads", type=int, default=1)
    return options


def peak_rss_kb():
    status = pathlib.Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


def serve(make, arguments):
    """Answers commands by the methods of `make(arguments)` until standard input ends."""
    baseline = peak_rss_kb()
    server = make(arguments)
    print(json.dumps({**server.ready(), "baseline_rss_kb": baseline}), flush=True)
    for line in sys.stdin:
        command, *words = line.split()
        answer = getattr(server, command)(*words)
        if command == "figures":
            answer["peak_rss_kb"] = peak_rss_kb()
        print(json.dumps(answer), flush=True)
