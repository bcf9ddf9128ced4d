"""Holds so many megabytes for so many seconds, and computes for so many: `hold.py 200 1.5 [3]`."""

import sys
import time

megabytes, seconds, computed = map(float, [*sys.argv[1:], "0"][:3])
held = b"x" * int(megabytes * 1e6)
time.sleep(seconds)
while time.process_time() < computed:
    pass
