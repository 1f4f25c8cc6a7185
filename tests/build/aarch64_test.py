"""Bus and operators compile for ARM: aarch64_test.py SOURCE_FOLDER INCLUDE_FOLDER COMPILER

/usr/include comes last: the cross-compiler has a C library of its own, and only what that lacks (oneTBB, fmt,
ConcurrentQueue: headers without a machine's words in them) is taken from this machine's packages.
"""
import pathlib
import sys

from compile import compile_all


def main(source, include, compiler):
    command = [compiler, "-std=c++20", "-Wall", "-Wextra", "-Werror", "-Wno-interference-size", f"-I{include}",
               "-idirafter", "/usr/include", "-c", "-o", "/dev/null"]
    sources = [path for room in ("bus", "operators") for path in sorted(pathlib.Path(source, room).glob("*.cpp"))]
    jobs = [(path.name, [*command, str(path)], None) for path in sources]
    umbrellas = [room for room in ("bus", "operators") if pathlib.Path(include, f"sidestep/{room}.hpp").exists()]
    jobs += [(f"<sidestep/{room}.hpp>", [*command, "-x", "c++", "-"], f"#include <sidestep/{room}.hpp>\n")
             for room in umbrellas]
    failed = compile_all(jobs)
    for name, output in failed.items():
        print(f"{name} does not compile for aarch64:\n{output}")
    print(f"{len(jobs) - len(failed)} of {len(jobs)} compile for aarch64")
    return bool(failed) or not sources


sys.exit(main(*sys.argv[1:]))
