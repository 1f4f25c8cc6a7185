#!/usr/bin/env python3
"""The emulation's words of device code, and its libcu++, have the real ones' types.

Usage: device_words_test.py CXX STAND_INS DEVICE_WORDS [NVCC]

device_words.cu uses each word with its types. It is compiled against the stand-ins; by NVCC, where there is one,
against the real headers; and against copies of the stand-ins with one type changed, which has to be found.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

NAMES = re.compile(r"\b(__\w+|atomic[A-Z]\w+|rsqrtf?|min|max|clock64)\(")
NOT_WORDS = re.compile(r"__(builtin|atomic)_\w+|__attribute__|__forceinline__|__launch_bounds__|__align__")
CHANGES = [
    ("device_math.h", "inline float __fmaf_rn(float x, float y, float z)", "inline float __fmaf_rn(float x, float y, double z)"),
    ("device_math.h", "inline int __popcll(", "inline unsigned __popcll("),
    ("device_functions.h", "inline int __any_sync(", "inline bool __any_sync("),
    ("device_functions.h", "T __shfl_xor_sync(", "double __shfl_xor_sync("),
    ("cuda/atomic", "  T fetch_max(T value, memory_order order = memory_order_seq_cst) const noexcept", "  bool fetch_max(T value, memory_order order = memory_order_seq_cst) const noexcept"),
    ("cuda/atomic", "  thread_scope_system,\n  thread_scope_device,", "  thread_scope_device,\n  thread_scope_system,"),
]


def compiled(command):
    return subprocess.run(command, capture_output=True, text=True)


def main():
    cxx, stand_ins, words = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
    text = pathlib.Path(words).read_text()
    declared = set()
    for header in ("device_functions.h", "device_math.h"):
        declared |= set(NAMES.findall((stand_ins / header).read_text()))
    declared = {name for name in declared if not NOT_WORDS.fullmatch(name)}
    left_out = sorted(name for name in declared if not re.search(rf"\b{name}\b", text))
    if left_out:
        sys.exit(f"{words} leaves out: {', '.join(left_out)}")

    def errors(folder):
        done = compiled([cxx, "-std=c++20", "-fsyntax-only", "-x", "c++", "-I", str(folder), words])
        return done.stderr if done.returncode else ""

    if wrong := errors(stand_ins):
        sys.exit(f"the stand-ins differ from {words}:\n{wrong}")
    if len(sys.argv) > 4:
        done = compiled([sys.argv[4], "-std=c++20", "-arch=sm_80", "-ptx", "--expt-relaxed-constexpr", words, "-o", "/dev/null"])
        if done.returncode:
            sys.exit(f"CUDA's headers differ from {words}:\n{done.stdout}{done.stderr}")
    with tempfile.TemporaryDirectory() as scratch:
        for number, (header, before, after) in enumerate(CHANGES):
            copy = pathlib.Path(scratch) / str(number)
            shutil.copytree(stand_ins, copy)
            changed = (copy / header).read_text()
            if before not in changed:
                sys.exit(f"{header} has no '{before}' any more: this test has to be written anew")
            (copy / header).write_text(changed.replace(before, after))
            if "error" not in errors(copy):
                sys.exit(f"'{after}' in {header} wasn't found")
    print(f"{len(declared)} words, {len(CHANGES)} changes found{', the real headers too' if len(sys.argv) > 4 else ''}")


if __name__ == "__main__":
    main()
