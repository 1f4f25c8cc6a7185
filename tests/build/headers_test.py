"""Every header compiles alone, and twice in one program: headers_test.py INCLUDE_FOLDER COMPILER FLAGS..."""
import pathlib
import sys

from compile import compile_all


def headers(include):
    """sidestep/bus.hpp, sidestep/bus/ring.hpp, ...: the include folder holds links to the rooms."""
    for entry in sorted((include / "sidestep").iterdir()):
        for path in sorted(entry.rglob("*.hpp")) if entry.is_dir() else [entry]:
            yield path.relative_to(include).as_posix()


def main(include, *compiler):
    names = list(headers(pathlib.Path(include)))
    command = [*compiler, f"-I{include}", "-fsyntax-only", "-x", "c++", "-"]
    failed = compile_all([(name, command, f"#include <{name}>\n" * 2) for name in names])
    for name, output in failed.items():
        print(f"<{name}> does not compile alone:\n{output}")
    print(f"{len(names) - len(failed)} of {len(names)} headers compile alone")
    return bool(failed) or not names


sys.exit(main(*sys.argv[1:]))
