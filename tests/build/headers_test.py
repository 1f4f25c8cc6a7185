"""Every public header compiles alone, and twice in one program: headers_test.py INCLUDE_FOLDER COMPILER FLAGS...

The include folder holds links to the rooms. A header that its own source includes first is known to: the source compiled. So is one
that another header includes first, if that compiles.
"""
import pathlib
import re
import sys

from compile import compile_all

PRIVATE = ("sidestep/kernels/cpu/", "sidestep/kernels/cuda/", "sidestep/kernels/emulation/", "sidestep/kernels/reference/",
           "sidestep/trainer/command/")
FIRST_INCLUDE = re.compile(r'^#include [<"]([^>"]+)[>"]', re.MULTILINE)


def files(include, suffix):
    """sidestep/bus.hpp, sidestep/bus/ring.hpp, ..."""
    for entry in sorted((include / "sidestep").iterdir()):
        for path in sorted(entry.rglob("*" + suffix)) if entry.is_dir() else [entry]:
            if path.suffix == suffix:
                yield path.relative_to(include).as_posix()


def first_include(path):
    first = FIRST_INCLUDE.search(path.read_text(encoding="utf-8"))
    return first and first[1]


def compiled_by_its_source(include):
    for source in files(include, ".cpp"):
        if first_include(include / source) == source.removesuffix(".cpp") + ".hpp":
            yield source.removesuffix(".cpp") + ".hpp"


def main(include, *compiler):
    folder = pathlib.Path(include)
    public = [name for name in files(folder, ".hpp") if not name.startswith(PRIVATE)]
    known = set(compiled_by_its_source(folder)) & set(public)
    known |= {first_include(folder / name) for name in public} & set(public)  # no circle: layers_test.py
    names = [name for name in public if name not in known]
    command = [*compiler, f"-I{include}", "-fsyntax-only", "-x", "c++", "-"]
    failed = compile_all([(name, command, f"#include <{name}>\n" * 2) for name in names])
    for name, output in failed.items():
        print(f"<{name}> does not compile alone:\n{output}")
    print(f"{len(public) - len(failed)} of {len(public)} public headers compile alone, {len(known)} of them known to by who includes them first")
    return bool(failed) or not names


sys.exit(main(*sys.argv[1:]))
