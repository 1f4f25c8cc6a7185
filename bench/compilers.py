"""The chains beside loops by hand, as each compiler makes them: ./dev bench compilers [COMPILER...]

  compilers.py REPOSITORY BUILD_FOLDER [COMPILER...]       default: g++ and clang++, where they are there

Compiles bench/chain_bench.cpp at -O2 and -O3 by each, with functions and loops at several places: a chain of less than a ns an event, by hand or
not, is as fast as the place that the linker gives it (0.8 to 1.2 ns), so of each the best median is taken. A row has `ours / by hand = ratio` of each chain, in ns an event of CPU time.
"""
import csv
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

CHAINS = ("filter_map_scan", "window_throttle", "ten")
LEVELS = ("-O2", "-O3")
PLACES = ((), ("-falign-functions=64",), ("-falign-loops=64",), ("-falign-functions=32", "-falign-loops=32"))
LIBRARIES = ("operators/libsidestep_operators.a", "bus/libsidestep_bus.a")
SYSTEM = ("-lbenchmark", "-lfmt", "-ltbb", "-lzstd", "-lboost_context", "-pthread")


def compile_command(compiler, level, place, root, build, binary):
    return [compiler, "-std=c++20", level, *place, "-DNDEBUG", f"-I{build}/include", f"-I{root}/bench", f"{root}/bench/chain_bench.cpp", "-o", str(binary),
            *(f"{build}/{library}" for library in LIBRARIES), *SYSTEM]


def medians(binary, options):
    """{benchmark: ns an event} of one run."""
    said = subprocess.run([str(binary), "--benchmark_format=csv", *options], capture_output=True, text=True, check=True).stdout
    rows = csv.DictReader(line for line in said.splitlines() if line.startswith(("name,", '"chain/')))
    return {row["name"].removesuffix("_median"): float(row["ns_per_event"]) for row in rows if row["name"].endswith("_median")}


def row(compiler, level, best):
    """A line of the table."""
    cells = []
    for chain in CHAINS:
        ours, by_hand = best.get(f"chain/{chain}/sidestep"), best.get(f"chain/{chain}/hand")
        cells.append("-" if ours is None or by_hand is None else f"{ours:.2f} / {by_hand:.2f} = {ours / by_hand:.2f}")
    return f"{compiler:<12} {level:<5}" + "".join(f" {cell:>22}" for cell in cells)


def main(root, build, *arguments):
    compilers = [word for word in arguments if not word.startswith("-")]
    options = [word for word in arguments if word.startswith("-")]
    print(f"{'compiler':<12} {'level':<5}" + "".join(f" {chain:>22}" for chain in CHAINS), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for compiler in compilers or ("g++", "clang++"):
            if not shutil.which(compiler):
                continue
            for level in LEVELS:
                binary = pathlib.Path(folder, "chain_bench")
                best = {}
                for place in PLACES:
                    subprocess.run(compile_command(compiler, level, place, root, build, binary), check=True, env={**os.environ, "CCACHE_DISABLE": "1"})
                    for name, ns in medians(binary, options).items():
                        best[name] = min(ns, best.get(name, ns))
                print(row(compiler, level, best), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
