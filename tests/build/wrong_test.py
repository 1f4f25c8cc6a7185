"""Wrong programs fail at the user's line: wrong_test.py FOLDER_OF_PROGRAMS INCLUDE_FOLDER COMPILER..."""
import pathlib
import shutil
import sys
import tempfile

import wrong
from compile import compile_one


def judge(program, compiler, include):
    status, output = compile_one([compiler, "-std=c++20", f"-I{include}", "-fsyntax-only", *wrong.options(program), str(program)])
    return wrong.verdict(program, status, output), output


def judge_is_awake(compiler):
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
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder, "case.cpp")
        for text, expected in cases:
            program.write_text(text)
            said, _ = judge(program, compiler, folder)
            if not said.startswith(expected) or bool(said) != bool(expected):
                print(f"the judge says '{said}', not '{expected}', of:\n{text}")
                return False
    return True


def main(folder, include, *compilers):
    programs = sorted(pathlib.Path(folder).glob("*.cpp"))
    present = [compiler for compiler in compilers if shutil.which(compiler)]
    bad = 0
    for compiler in present:
        bad += not judge_is_awake(compiler)
        for program in programs:
            said, output = judge(program, compiler, include)
            if said:
                print(f"{compiler}, {program.name}: {said}\n{output}")
                bad += 1
    print(f"{len(programs)} wrong programs, {' and '.join(present)}: {bad} not as they should be")
    return bool(bad) or not present or len(programs) < 3


sys.exit(main(*sys.argv[1:]))
