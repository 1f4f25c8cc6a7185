"""The names of benchmarks are a contract: an anchored filter finds each of them, whatever a suite measures besides."""

import csv
import math
import re
import subprocess
import sys
import unittest
from pathlib import Path

BENCH = Path(sys.argv.pop(1))
FOUND = [peer for peer in sys.argv.pop(1).removeprefix("peers=").split(",") if peer]  # of the peers that a machine may lack, those that are here
SOURCES = Path(__file__).resolve().parents[2] / "bench"
PEERS = ["sidestep", "sidestep_plain", "moodycamel", "moodycamel_queues", "tbb", "mutex"] + FOUND
OF_MANY = ["sidestep", "moodycamel", "moodycamel_queues", "tbb", "mutex"] + [peer for peer in FOUND if peer != "readerwriterqueue"]
LOG = [f"log/{what}" for what in ("record", "replay", "verify")]
SUITES = {
    "bus": [f"publish/{peer}/subscribers:{n}" for peer in PEERS for n in (0, 1, 4, 16)]
    + [f"{what}/{peer}" for what in ("paced_publish", "in_situ") for peer in PEERS]
    + [f"many_to_many/{peer}" for peer in OF_MANY] + ["parked/sidestep", "pipelines/16", "pipelines/1000", "line_transfer"] + LOG,
    "log": LOG,
    "chain": [f"chain/{chain}/{by}" for chain in ("filter_map_scan", "window_throttle", "ten") for by in ("sidestep", "hand")],
    "operators": [f"chain/{chain}/{by}" for chain in ("filter_map_scan", "window_throttle", "ten") for by in ("sidestep", "hand")]
    + ["sliding/1000000", "pipelines/1000"],
    "boundary": ["boundary/relaxed", "boundary/lag:2"],
    "epoch": ["epoch/callbacks_on", "epoch/callbacks_off"],
    "kernels": ["lenet/scaling"],
}
RUN = {  # what is quick enough to run here: counters that must be there
    "bus": {"publish/sidestep/subscribers:1": ["ns_per_event", "one_way_ns"],
            "paced_publish/sidestep": ["p50_ns", "p999_ns", "timer_ns", "delay_p50_ns", "delay_p999_ns", "one_way_ns"],
            "in_situ/sidestep": ["added_ns", "item_ns", "one_way_ns"], "pipelines/16": ["ns_per_event"],
            **{f"many_to_many/{peer}": ["events_per_second", "one_way_ns"] for peer in ("sidestep", "moodycamel")}, "log/verify": ["events_per_second"],
            "pipelines/1000": ["ns_per_event", "ns_of_100", "linear", "ns_of_10", "ns_of_10_beside_990", "others"],
            "parked/sidestep": ["idle_cpu_share", "delay_p50_ns"], "line_transfer": ["one_way_ns"]},
    "log": {name: ["events_per_second"] for name in LOG},
    "chain": {f"chain/ten/{by}": ["ns_per_event"] for by in ("sidestep", "hand")},
    "operators": {"chain/ten/sidestep": ["ns_per_event"], "sliding/1000000": ["ns_per_event"],
                  "pipelines/1000": ["ns_per_event", "ns_of_100", "linear", "ns_of_10", "ns_of_10_beside_990", "others"]},
    "boundary": {f"boundary/{mode}": ["p50_ns", "timer_ns", "line_transfers"] for mode in ("relaxed", "lag:2")},
    "kernels": {"lenet/scaling": ["speedup", "sgemm_speedup", "ratio"]},
}
NAMED = {  # what trains for whole epochs: the function that measures sets these counters
    "epoch": {"epoch_callbacks_on": ["seconds", "on/off", "low95", "high95", "other_cpu/training_cpu"],
              "epoch_callbacks_off": ["seconds"]},
}


def bench(suite, *flags):
    return subprocess.run([BENCH / f"{suite}_bench", *flags], capture_output=True, text=True, check=True).stdout


class Names(unittest.TestCase):
    def test_anchored_filters_find_them(self):
        for suite, names in SUITES.items():
            listed = bench(suite, "--benchmark_list_tests=true").split("\n")
            for name in names:
                with self.subTest(suite=suite, name=name):
                    self.assertIn(name, listed)

    def test_counters_are_there(self):
        for suite, names in RUN.items():
            for name, counters in names.items():
                with self.subTest(suite=suite, name=name):
                    rows = [
                        line
                        for line in bench(
                            suite, f"--benchmark_filter=^{name}$", "--benchmark_repetitions=1", "--benchmark_format=csv",
                            "--benchmark_report_aggregates_only=false", "--benchmark_min_time=0.000001").split("\n")
                        if line.startswith(("name,", f'"{name}"'))]
                    values = next(csv.DictReader(rows))
                    for counter in counters:
                        self.assertTrue(math.isfinite(float(values[counter])), counter)

    def test_counters_of_what_is_too_long_to_run_are_named(self):
        for suite, functions in NAMED.items():
            source = (SOURCES / f"{suite}_bench.cpp").read_text()
            for function, counters in functions.items():
                body = re.search(rf"^void {function}\(benchmark::State& state\) {{\n(.*?)^}}", source, re.M | re.S)
                self.assertIsNotNone(body, function)
                self.assertRegex(source, rf'BENCHMARK\({function}\)->Name\("{function.replace("_", "/", 1)}"\)')
                for counter in counters:
                    with self.subTest(suite=suite, function=function):
                        self.assertRegex(body[1], rf'state\.counters\["{re.escape(counter)}"\] = ')


if __name__ == "__main__":
    unittest.main()
