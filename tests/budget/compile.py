#!/usr/bin/env python3
"""compile.py SECONDS MEGABYTES COMMAND...: runs a compiler and fails if it takes more CPU time or memory than that."""
import resource
import subprocess
import sys

seconds, megabytes, command = float(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
subprocess.run(command, check=True)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
took, held = used.ru_utime + used.ru_stime, used.ru_maxrss / 1024
print(f"{took:.1f} s of {seconds:g} s, {held:.0f} MB of {megabytes:g} MB")
sys.exit(took > seconds or held > megabytes)
