#!/usr/bin/env python3
"""compile.py SECONDS MEGABYTES COMMAND...: runs a compiler and fails if it takes more CPU time or memory than that."""
import resource
import subprocess
import sys

noise = 1.5  # what a busy machine adds to the CPU time of the quickest of some runs
attempts = 5

seconds, megabytes, command = float(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
quickest = before = 0.0
for attempt in range(attempts):
    subprocess.run(command, check=True)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    took = used.ru_utime + used.ru_stime - before
    before += took
    quickest = min(quickest, took) if attempt else took
    if quickest <= seconds or took > 10:
        break
held = used.ru_maxrss / 1024
print(f"{quickest:.2f} s of {seconds:g} s, {held:.0f} MB of {megabytes:g} MB")
sys.exit(quickest > noise * seconds or held > megabytes)
