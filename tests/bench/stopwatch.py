"""Runs one program and writes what it took to a file. Small, so that the program's peak memory is its own: a process
inherits the peak of the one that it is started from (getrusage(2), ru_maxrss)."""
import json
import os
import resource
import sys
import time

file, *command = sys.argv[1:]
began = time.monotonic()
os.waitpid(os.posix_spawnp(command[0], command, os.environ), 0)
wall = time.monotonic() - began
usage = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(file, 'w', encoding='utf-8') as output:
    json.dump({'wall': wall, 'cpu': usage.ru_utime + usage.ru_stime, 'memory': usage.ru_maxrss / 1024}, output)
