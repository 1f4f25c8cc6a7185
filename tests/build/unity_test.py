"""A name for one function in the anonymous namespaces of a target: unity_test.py BUILD_FOLDER

A unity build compiles several files of a target as one: two helpers of one name, each in its own file's anonymous
namespace, silently become overloads of each other, and a call in the one file may find the other's.
"""
import collections
import json
import pathlib
import re
import sys

# As clang-format leaves it: what is outside of classes begins in the first column; a namespace's end is marked as such
# if it has more than a line.
SPACE = re.compile(r"^namespace \{\n+([^\n]*\n+(?=\}\n)|(?:.*?)(?=^\}  // namespace\n))", re.MULTILINE | re.DOTALL)
PREFIX = re.compile(r"^(?:template <.*>|requires .*|\[\[.*?\]\])\s", re.MULTILINE)
FUNCTION = re.compile(r"^[a-zA-Z_](?:[^(){}=;#/\n]|\([^(){};]*\)>)*[ *&>]([a-z_]\w*)"  # type and name
                      r"\([^;{]*?\)[^;{()=]*(?:requires[^;{]*)?\{", re.MULTILINE)
INCLUDED = re.compile(r'^#include "(.*)"', re.MULTILINE)


def helpers(text):
    """The names of the functions in a file's anonymous namespaces."""
    return {name for space in SPACE.findall(text) for name in FUNCTION.findall(PREFIX.sub("", space))}


def targets(build):
    """{target's folder: its sources} of what the build compiles several at a time."""
    found = collections.defaultdict(set)
    for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        file = pathlib.Path(entry["file"])
        if file.parent.name == "Unity":
            found[file.parent.parent].update(INCLUDED.findall(file.read_text(encoding="utf-8")))
    return found


def twice(files):
    """{name: files} of each helper's name that several of the files, {file: text}, use."""
    names = collections.defaultdict(list)
    for file, text in sorted(files.items()):
        for name in helpers(text):
            names[name].append(file)
    return {name: where for name, where in names.items() if len(where) > 1}


def looks_out():
    """Complaints of planted helpers that weren't seen, and of what was taken for one."""
    def file(code):
        return f"namespace {{\n\n{code}\n}}  // namespace\n\nvoid shared() {{\n  code();\n}}\n"

    one = "namespace {\nint one() { return 1; }\n}\n"
    for line in ("int one(int x)", "std::map<int, std::vector<int>> one()", "std::function<void(int)> one()",
                 "template <class T>\nrequires Small<T>\nvoid one(const T& x)", "const Slot* one(int* x) noexcept",
                 "[[noreturn]] void one(int a,\n         int b)", "constexpr auto one(auto f) -> int",
                 "__global__ void one(float* x)"):
        if twice({"a": file(line + " {\n  work();\n}\n"), "b": one}) != {"one": ["a", "b"]}:
            yield f"This is no helper named one, it says:\n{line}"
    for code in ("struct S {\n  int one() {\n  }\n};\n", "S::S(int a) : one(a) {\n}\n", "int S::one(int x) {\n}\n",
                 "constexpr S two = one({1});\n", "int two() {\n  return one({1});\n}\n", "TEST(Two, one) {\n}\n", ""):
        if twice({"a": file(code), "b": one, "c": file("")}):
            yield f"This is a helper named one, it says:\n{code}"


def main(build):
    complaints = list(looks_out())
    found = targets(pathlib.Path(build))
    for folder, sources in sorted(found.items()):
        files = {source: pathlib.Path(source).read_text(encoding="utf-8") for source in sources}
        for name, where in sorted(twice(files).items()):
            complaints.append(f"{folder.stem}: {name}() is a name in the anonymous namespaces of {', '.join(where)}. "
                              "Give each a name of its own, or make them one.")
    files = sum(map(len, found.values()))
    print(*complaints, f"{files} files of {len(found)} targets, {len(complaints)} complaints", sep="\n")
    return bool(complaints) or not files


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
