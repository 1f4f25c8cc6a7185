"""What a chain of ten operators adds to a file's compile time: ./dev bench compile (median of 5, in turn; seconds).

  compile.py INCLUDE_FOLDER [COMPILER...]
"""
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HEAD = "#include <sidestep/operators.hpp>\nusing namespace sidestep;\nvoid chains(Bus& bus) {\n"
TEN = """  bus.on<BatchEnd>() | filter([](const BatchEnd& e) { return e.step % 7 != 0; }) | map(&BatchEnd::loss)
                     | scan(0.0, [](double a, double x) { return 0.9 * a + 0.1 * x; }) | filter(is_finite) | every(2)
                     | window(count(10)) | mean() | map([](double x) { return x * 2; }) | distinct_until_changed() | take(1000)
                     | subscribe([](double) {});
"""
ONE = "  bus.on<BatchEnd>() | subscribe([](const BatchEnd&) {});\n"


def seconds(compiler, include, body, folder):
    source = pathlib.Path(folder, "chain.cpp")
    source.write_text(HEAD + body + "}\n")
    begin = time.monotonic()
    subprocess.run([compiler, "-std=c++20", "-O2", f"-I{include}", "-c", str(source), "-o", str(source.with_suffix(".o"))], check=True)
    return time.monotonic() - begin


def main(include, *compilers):
    print(f"{'compiler':<12} {'headers':>9} {'+ one':>9} {'+ ten':>9} {'ten adds':>9}")
    with tempfile.TemporaryDirectory() as folder:
        for compiler in compilers or ("g++", "clang++"):
            if not shutil.which(compiler):
                continue
            times = {"": [], ONE: [], TEN: []}
            for _ in range(5):
                for body, taken in times.items():
                    taken.append(seconds(compiler, include, body, folder))
            headers, one, ten = (statistics.median(taken) for taken in times.values())
            added = statistics.median(t - h for t, h in zip(times[TEN], times[""]))
            print(f"{compiler:<12} {headers:>9.2f} {one:>9.2f} {ten:>9.2f} {added:>9.2f}", flush=True)


main(*sys.argv[1:])
