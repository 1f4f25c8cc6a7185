#!/usr/bin/env python3
"""The emulated libraries answer as the real ones, as far as those answer without a device.

Usage: library_answers_test.py EMULATED REAL     (two builds of library_answers.cpp)
"""
import subprocess
import sys

emulated, real = (subprocess.run([program], capture_output=True, text=True) for program in sys.argv[1:3])
for name, answer in (("emulated", emulated), ("real", real)):
    if answer.returncode:
        sys.exit(f"the {name} library's shapes aren't ours (exit code {answer.returncode}):\n{answer.stderr}")
ours, theirs = emulated.stdout.splitlines(), real.stdout.splitlines()
wrong = [f"emulated: {a}\nreal:     {b}" for a, b in zip(ours, theirs) if a != b]
if wrong or len(ours) != len(theirs):
    sys.exit(f"{len(wrong)} of {len(theirs)} answers differ:\n" + "\n".join(wrong[:20]))
print(f"{len(theirs)} answers, all the same")
