"""What a compiler must say of a wrong program: the user's line first, and little in all."""
import pathlib
import re

MOST_LINES = 25
MARK = "// expect-error-line"
WORDS = "// expect-words: "  # in that error, once underscores are spaces
OPTIONS = "// compile-with: "  # what the program is compiled with besides


def options(program):
    """Of the program at this path: what it is compiled with besides."""
    lines = pathlib.Path(program).read_text().splitlines()
    return [word for line in lines if line.startswith(OPTIONS) for word in line.removeprefix(OPTIONS).split()]


def verdict(program, status, output):
    """What is amiss with the compiler's answer to the program at this path; empty if nothing is."""
    marked = [n for n, line in enumerate(pathlib.Path(program).read_text().splitlines(), 1) if MARK in line]
    if len(marked) != 1:
        return f"the program marks {len(marked)} lines with '{MARK}', not one"
    if status == 0:
        return "it compiles"
    lines = output.splitlines()
    if len(lines) > MOST_LINES:
        return f"the compiler says {len(lines)} lines, more than {MOST_LINES}"
    first = next((line for line in lines if "error:" in line), "")
    place = re.match(r"(.+?):(\d+):", first)
    # g++ names the line of a macro first, and then where the user has it
    used = [line for line in lines if "note: in expansion of macro" in line][:1]
    if used and f"{program}:{marked[0]}:" in used[0]:
        place = re.match(r"(.+?):(\d+):", used[0])
    if not place or pathlib.Path(place[1]).name != pathlib.Path(program).name or int(place[2]) != marked[0]:
        return f"the first error is not at line {marked[0]} of the program: {first}"
    for line in pathlib.Path(program).read_text().splitlines():
        words = line.removeprefix(WORDS)
        if words != line and words not in first.replace("_", " "):
            return f"the first error says nothing of '{words}': {first}"
    return ""
