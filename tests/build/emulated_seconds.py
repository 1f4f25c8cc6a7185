#!/usr/bin/env python3
"""How long the emulated tests took, by what ctest keeps of its last runs: they have 8 minutes under both sanitizers.

    emulated_seconds.py BUILD...      seconds of each build, and of all together; 2 where a build has run none of them
"""
import json
import pathlib
import subprocess
import sys

LIMIT = 480  # seconds, on two cores


def emulated(test):
    """Those of the emulation and of the backend over it, and whatever is labelled so; soaks are asked for by name."""
    labels = next((each["value"] for each in test["properties"] if each["name"] == "LABELS"), [])
    program = " ".join(test.get("command", []))
    room = any(f"/tests/{room}/" in program for room in ("cuda", "emulation"))
    return (room or "emulated" in labels) and not {"soak", "gpu", "build"} & set(labels)


def seconds(build):
    """Of each emulated test that has run in this build, by name."""
    listed = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"], check=True, capture_output=True, text=True)
    names = {test["name"] for test in json.loads(listed.stdout)["tests"] if emulated(test)}
    costs = pathlib.Path(build) / "Testing" / "Temporary" / "CTestCostData.txt"
    took = {}
    for line in costs.read_text().splitlines() if costs.exists() else []:
        if line == "---":  # the names of those that failed follow
            break
        name, runs, cost = line.rsplit(" ", 2)
        if name in names and int(runs) > 0:
            took[name] = float(cost)
    return took


def main():
    total, missing = 0, False
    for build in sys.argv[1:]:
        took = seconds(build)
        missing |= not took
        total += sum(took.values())
        slowest = max(took, key=took.get, default=None)
        print(f"emulated tests, {pathlib.Path(build).name}: {sum(took.values()):.0f} s in {len(took)} tests"
              + (f", the longest {took[slowest]:.0f} s ({slowest})" if slowest else ""))
    print(f"emulated tests, together: {total:.0f} s, one after the other, of {LIMIT} s on two cores")
    return 2 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
