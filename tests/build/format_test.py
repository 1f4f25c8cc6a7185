"""Every source is as `./dev format` leaves it: format_test.py REPOSITORY CLANG_FORMAT

Versions differ in what they leave; .clang-format names the one that counts. With another one this test is skipped (77).
"""
import concurrent.futures
import os
import pathlib
import re
import subprocess
import sys

ROOMS = ("bus", "kernels", "operators", "trainer", "bench", "tests", "examples")
SUFFIXES = (".hpp", ".cpp", ".cu", ".cuh")


def changed(command, sources):
    """What clang-format says of the first lines it would change in these."""
    return subprocess.run([*command, "--dry-run", "-Werror", "-ferror-limit=3", *sources], capture_output=True, text=True, check=False).stderr


def main(repository, clang_format):
    root = pathlib.Path(repository)
    wanted = re.search(r"clang-format (\d+)", (root / ".clang-format").read_text())[1]
    try:
        version = subprocess.run([clang_format, "--version"], capture_output=True, text=True, check=True).stdout
    except FileNotFoundError:
        version = "nothing of this name"
    if f" version {wanted}." not in version:
        print(f"skipped: {clang_format} is {version.strip()}, and sources are formatted by version {wanted}")
        return 77
    sources = [str(path) for room in ROOMS for path in sorted((root / room).rglob("*")) if path.suffix in SUFFIXES]
    workers = os.cpu_count() or 1
    with concurrent.futures.ThreadPoolExecutor(workers) as pool:
        said = "".join(pool.map(lambda i: changed([clang_format], sources[i::workers]), range(workers)))
    print(said, f"{len(sources)} sources: " + ("run ./dev format" if said else "as they should be"), sep="")
    return bool(said) or len(sources) < 3


sys.exit(main(*sys.argv[1:]))
