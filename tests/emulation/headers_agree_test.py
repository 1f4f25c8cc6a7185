#!/usr/bin/env python3
"""The stand-in headers say of each name what the real ones say.

Usage: headers_agree_test.py CLANG STAND_INS [--break] REAL...

Whatever a stand-in declares (functions, enumerators, structs, integer macros) is taken from clang's syntax tree and put
into one program, which is compiled against the stand-ins and against the real headers. A function has to convert to the
stand-in's signature; the program prints values, sizes, offsets and types of fields, and both have to print the same.

With --break one constant, one signature and one field of a copy of the stand-ins are changed first, one after the other,
and each has to be found.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HEADERS = ["cuda_runtime_api.h", "cudnn.h", "cublasLt.h", "nvtx3/nvToolsExt.h"]
OURS = re.compile(r"(cuda|cudnn|cublas|CUDA|CUDNN|CUBLAS|nvtx|NVTX)")
VECTOR = re.compile(r"(dim3|u?(char|short|int|long|longlong)[1-4]|(float|double)[1-4])$")
# The stand-in has only the fields that are in use.
PARTIAL = {"cudaDeviceProp", "cudaMemPoolProps"}
# Versions are those of the headers at hand.
VERSIONS = re.compile(r"(CUDART_VERSION|.*_(VERSION|MAJOR|MINOR|PATCHLEVEL|VER_.*))$")


def run(command, **more):
    return subprocess.run(command, capture_output=True, text=True, **more)


class Declarations:
    """What a header declares, by name."""

    def __init__(self):
        self.functions, self.constants, self.structs, self.macros = [], [], {}, []

    def walk(self, nodes, anonymous=None):
        for node in nodes:
            kind, name = node.get("kind"), node.get("name", "")
            inner = node.get("inner", [])
            if kind == "LinkageSpecDecl":
                self.walk(inner)
            elif kind == "FunctionDecl" and OURS.match(name):
                self.functions.append((name, node["type"]["qualType"]))
            elif kind == "EnumDecl":
                self.constants += [i["name"] for i in inner if i["kind"] == "EnumConstantDecl" and OURS.match(i["name"])]
            elif kind in ("RecordDecl", "CXXRecordDecl") and node.get("completeDefinition"):
                fields = [i["name"] for i in inner if i["kind"] == "FieldDecl" and "name" in i]
                if not name:
                    anonymous = fields
                elif OURS.match(name) or VECTOR.match(name):
                    self.structs[name] = fields
            elif kind == "TypedefDecl" and anonymous is not None:
                if OURS.match(name):
                    self.structs[name] = anonymous
                anonymous = None


def declarations(clang, folder):
    source = "".join(f'#include "{header}"\n' for header in HEADERS)
    flags = ["-std=c++20", "-x", "c++", "-I", str(folder), "-"]
    tree = run([clang, "-fsyntax-only", "-Xclang", "-ast-dump=json", *flags], input=source)
    if tree.returncode:
        sys.exit(f"clang can't read the stand-ins:\n{tree.stderr}")
    found = Declarations()
    found.walk(json.loads(tree.stdout)["inner"])
    macros = run([clang, "-dM", "-E", *flags], input=source).stdout
    for name, value in re.findall(r"^#define (\w+) (.+)$", macros, re.M):
        if OURS.match(name) and re.match(r"\(?-?[0-9]", value) and not VERSIONS.match(name):
            found.macros.append(name)
    return found


def program(found):
    lines = [f"#include <{header}>" for header in HEADERS]
    lines += ["#include <cstddef>", "#include <cstdio>", "#include <typeinfo>", "int main() {"]
    for name, signature in sorted(set(found.functions)):
        result, arguments = re.match(r"(.*?)\((.*)\)( noexcept)?$", signature).groups()[:2]
        lines.append(f"  (void)static_cast<{result.strip()} (*)({arguments})>(&::{name});")
    for name in sorted(set(found.constants + found.macros)):
        lines.append(f'  std::printf("{name} = %lld\\n", (long long)({name}));')
    for name, fields in sorted(found.structs.items()):
        if name not in PARTIAL:
            lines.append(f'  std::printf("{name} has %zu bytes\\n", sizeof({name}));')
        for field in fields:
            lines.append(f'  std::printf("{name}::{field} is %s\\n", typeid({name}::{field}).name());')
            if name not in PARTIAL:
                lines.append(f'  std::printf("{name}::{field} at %zu\\n", offsetof({name}, {field}));')
    return "\n".join(lines + ["}"]) + "\n"


def said(clang, source, folders, scratch):
    """What the program prints; a compiler's errors if it doesn't compile. Nothing is linked: calls aren't made."""
    code, binary = scratch / "program.cpp", scratch / "program"
    code.write_text(source)
    includes = [part for folder in folders for part in ("-I", str(folder))]
    # clang's -O1 drops the unused conversions, so no library is needed.
    made = run([clang, "-std=c++20", "-O1", "-w", "-Wno-everything", *includes, str(code), "-o", str(binary)])
    if made.returncode:
        return "", made.stderr
    return run([str(binary)]).stdout, ""


def differences(clang, stand_ins, real, scratch):
    found = declarations(clang, stand_ins)
    source = program(found)
    ours, our_errors = said(clang, source, [stand_ins], scratch)
    theirs, their_errors = said(clang, source, real, scratch)
    if our_errors:
        sys.exit(f"the program doesn't fit the stand-ins themselves:\n{our_errors}")
    wrong = [line for line in their_errors.splitlines() if "error:" in line]
    if not wrong:
        wrong = [f"stand-in: {a}   real: {b}" for a, b in zip(ours.splitlines(), theirs.splitlines()) if a != b]
        if len(ours.splitlines()) != len(theirs.splitlines()):
            wrong.append("the programs print different numbers of lines")
    return found, wrong


def broken(clang, stand_ins, real, scratch):
    """Each of these has to be found."""
    changes = [
        ("cudnn.h", "CUDNN_POOLING_MAX_DETERMINISTIC = 3", "CUDNN_POOLING_MAX_DETERMINISTIC = 4"),
        ("cudnn.h", "cudnnSetStream(cudnnHandle_t handle,", "cudnnSetStream(const cudnnContext* handle,"),
        ("cublasLt.h", "  size_t workspaceSize;", "  unsigned workspaceSize;"),
        ("cuda_runtime_api.h", "cudaGetDevice(int* device)", "cudaGetDevice(unsigned* device)"),
    ]
    known = set(differences(clang, stand_ins, real, scratch)[1])
    for number, (header, before, after) in enumerate(changes):
        copy = scratch / f"changed{number}"
        shutil.copytree(stand_ins, copy)
        text = (copy / header).read_text()
        if before not in text:
            sys.exit(f"{header} has no '{before}' any more: this test has to be written anew")
        (copy / header).write_text(text.replace(before, after))
        if not set(differences(clang, copy, real, scratch)[1]) - known:
            sys.exit(f"'{after}' in {header} wasn't found")
        print(f"found: {after}")


def main():
    arguments = [a for a in sys.argv[1:] if a != "--break"]
    clang, stand_ins, real = arguments[0], pathlib.Path(arguments[1]), arguments[2:]
    with tempfile.TemporaryDirectory() as name:
        scratch = pathlib.Path(name)
        if "--break" in sys.argv:
            return broken(clang, stand_ins, real, scratch)
        found, wrong = differences(clang, stand_ins, real, scratch)
        print(f"{len(set(found.functions))} functions, {len(found.constants)} constants, {len(found.structs)} structs, "
              f"{len(found.macros)} macros")
        if wrong:
            sys.exit("the stand-ins differ from the real headers:\n" + "\n".join(wrong))


if __name__ == "__main__":
    main()
