#!/usr/bin/env python3
"""memory.py MEGABYTES COMMAND...: runs a compiler and fails if it holds more memory than that."""
import resource
import subprocess
import sys

allowed, command = float(sys.argv[1]), sys.argv[2:]
subprocess.run(command, check=True)
held = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(f"{held:.0f} MB of {allowed:g} MB")
sys.exit(held > allowed)
