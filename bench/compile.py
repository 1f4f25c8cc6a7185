"""What a chain of ten operators adds to a file's compile time at -O2: ./dev bench compile [COMPILER...]

  compile.py INCLUDE_FOLDER [COMPILER...]       default: g++ and clang++, where they are there

Seconds of CPU time, since others may be at work on the machine; the median of five, in turn. `headers`: a file that includes
<sidestep/operators.hpp> alone; `+ one`: with a source and a subscribe; `+ ten`: with a chain of ten operators; `ten adds`: what that takes
beyond `headers`.
"""
import os
import pathlib
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile

HEAD = "#include <sidestep/operators.hpp>\nusing namespace sidestep;\nvoid chains(Bus& bus) {\n"
TEN = """  bus.on<BatchEnd>() | filter([](const BatchEnd& e) { return e.step % 7 != 0; }) | map(&BatchEnd::loss)
                     | scan(0.0, [](double a, double x) { return 0.9 * a + 0.1 * x; }) | filter(is_finite) | every(2)
                     | window(count(10)) | mean() | map([](double x) { return x * 2; }) | distinct_until_changed() | take(1000)
                     | subscribe([](double) {});
"""
ONE = "  bus.on<BatchEnd>() | subscribe([](const BatchEnd&) {});\n"


def cpu_seconds():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def seconds(compiler, include, body, folder):
    source = pathlib.Path(folder, "chain.cpp")
    source.write_text(HEAD + body + "}\n")
    command = [compiler, "-std=c++20", "-O2", f"-I{include}", "-c", str(source), "-o", str(source.with_suffix(".o"))]
    begin = cpu_seconds()
    subprocess.run(command, check=True, env={**os.environ, "CCACHE_DISABLE": "1"})
    return cpu_seconds() - begin


def main(include, *arguments):
    compilers = [word for word in arguments if not word.startswith("-")]  # options are for the other suites
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
