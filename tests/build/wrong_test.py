"""Wrong programs fail at the user's line: wrong_test.py FOLDER_OF_PROGRAMS INCLUDE_FOLDER COMPILER..."""
import pathlib
import re
import shutil
import sys
import tempfile

import wrong
from compile import compile_one


class Compiler:
    """One that reads what most programs include once: the errors stand behind it, and to read it is most of the time."""

    def __init__(self, name, include, folder):
        self.command = [name, "-std=c++20", f"-I{include}"]
        self.folder = pathlib.Path(folder, name)
        self.folder.mkdir()
        self.clang = "clang" in name

    def read_once(self, program):
        """The options that spare the program its first header of ours."""
        header = re.search(r"#include <sidestep/(\w+).hpp>", program.read_text())
        if not header or wrong.options(program):  # other options want another reading
            return []
        source = self.folder / f"once_{header[1]}.hpp"
        read = pathlib.Path(f"{source}.pch" if self.clang else f"{source}.gch")
        if not read.exists():
            source.write_text(header[0] + "\n")
            status, output = compile_one([*self.command, "-x", "c++-header", str(source), "-o", str(read)])
            if status:
                sys.exit(f"{header[0]} does not compile alone:\n{output}")
        return ["-include-pch", str(read)] if self.clang else ["-include", str(source)]

    def judge(self, program):
        status, output = compile_one([*self.command, "-fsyntax-only", *self.read_once(program), *wrong.options(program), str(program)])
        return wrong.verdict(program, status, output), output


def judge_is_awake(compiler, folder):
    """The judge itself is wrong if it lets one of these pass, or fails the last."""
    mark = wrong.MARK
    cases = [
        (f"int main() {{}} {mark}\n", "it compiles"),
        (f"int main() {{ {mark}\n  return x; }}\n", "the first error is not"),
        ("int main() { return x; }\n", "the program marks 0 lines"),
        (f"int main() {{ return x; }} {mark}\n" + "int f() { return y; }\n" * 20, "the compiler says"),
        (f"{wrong.WORDS}a window\nint main() {{ return x; }} {mark}\n", "the first error says nothing of 'a window'"),
        (f"{wrong.WORDS}x\nint main() {{ return x; }} {mark}\n", ""),
        (f"int main() {{ return x; }} {mark}\n", ""),
        (f"#define WRONG static_assert(false, \"no\");\nWRONG {mark}\nint main() {{}}\n", ""),
        (f"#define WRONG static_assert(false, \"no\");\nWRONG\nint main() {{}} {mark}\n", "the first error is not"),
        (f"[[nodiscard]] int f();\nint main() {{ f(); }} {mark}\n", "it compiles"),
        (f"{wrong.OPTIONS}-Werror=unused-result\n[[nodiscard]] int f();\nint main() {{ f(); }} {mark}\n", ""),
    ]
    program = pathlib.Path(folder, "case.cpp")
    for text, expected in cases:
        program.write_text(text)
        said, _ = compiler.judge(program)
        if not said.startswith(expected) or bool(said) != bool(expected):
            print(f"the judge says '{said}', not '{expected}', of:\n{text}")
            return False
    return True


def main(folder, include, *compilers):
    programs = sorted(pathlib.Path(folder).glob("*.cpp"))
    present = [compiler for compiler in compilers if shutil.which(compiler)]
    bad = 0
    for name in present:
        with tempfile.TemporaryDirectory() as folder:
            compiler = Compiler(name, include, folder)
            bad += not judge_is_awake(compiler, folder)
            for program in programs:
                said, output = compiler.judge(program)
                if said:
                    print(f"{name}, {program.name}: {said}\n{output}")
                    bad += 1
    print(f"{len(programs)} wrong programs, {' and '.join(present)}: {bad} not as they should be")
    return bool(bad) or not present or len(programs) < 3


sys.exit(main(*sys.argv[1:]))
