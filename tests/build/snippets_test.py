"""The C++ that README.md and docs/ show compiles: snippets_test.py REPOSITORY INCLUDE_FOLDER COMPILER

tests/build/snippets/PAGE.cpp says what stands around the pieces of a page: where one belongs stands a line `//> ` with the beginning of
its first line. `//> each ...` makes an expression of each of its lines. In a piece, a line of `...` alone stands for what isn't shown.
What docs/marbles.py writes is tested there.
"""
import os
import pathlib
import re
import sys

from compile import compile_all

BLOCK = re.compile(r"^( *)```cpp\n(.*?)^ *```$", re.M | re.S)
PLACE = re.compile(r"^ *//> (each )?(.+)$")
GENERATED = re.compile(r"<!-- begin: written by docs/marbles.py -->.*?<!-- end -->", re.S)


def pieces(page):
    """[(line, text)] of each piece that a page shows."""
    text = GENERATED.sub(lambda generated: "\n" * generated[0].count("\n"), page.read_text(encoding="utf-8"))
    return [(text.count("\n", 0, block.start(2)) + 1, re.sub(rf"^{block[1]}", "", block[2], flags=re.M)) for block in BLOCK.finditer(text)]


def expression(line):
    code = line.split("//")[0].strip()
    return f"static_cast<void>({code});" if code else ""


def program(page, frame):
    """(the frame with a page's pieces in it, what is amiss)"""
    shown, includes, made, amiss = pieces(page), [], [f'#line 1 "{frame}"'], []
    for number, line in enumerate(frame.read_text(encoding="utf-8").splitlines(), 1):
        place = PLACE.match(line)
        here = [piece for piece in shown if place and piece[1].startswith(place[2])]
        if not place:
            made.append(line)
        elif len(here) != 1:
            amiss.append(f"{frame.name}:{number}: {len(here)} pieces of {page.name} begin with '{place[2]}'")
        else:
            at, text = here[0]
            shown.remove(here[0])
            lines = ["" if each.strip() == "..." else expression(each) if place[1] else each for each in text.splitlines()]
            includes += [each for each in lines if each.startswith("#include")]  # the piece may stand within a function
            lines = ["" if each.startswith("#include") else each for each in lines]
            made += [f'#line {at} "{page}"', *lines, f'#line {number + 1} "{frame}"']
    amiss += [f"{page.name}:{at}: {frame.name} has no place for this piece: {text.splitlines()[0]}" for at, text in shown]
    return "\n".join(includes + made) + "\n", amiss


def main(repository, include, compiler):
    root = pathlib.Path(repository)
    frames = root / "tests/build/snippets"
    command = [compiler, "-std=c++20", f"-I{include}", "-Wall", "-Werror", "-Wno-unused", "-Wno-interference-size", "-fsyntax-only", "-x", "c++", "-"]
    jobs, bad = [], []
    for page in [root / "README.md", *sorted(root.glob("docs/*.md"))]:
        frame = frames / f"{page.stem}.cpp"
        if not frame.exists():
            bad += [f"{page.name} shows C++, and {frame.name} isn't there" for _ in pieces(page)[:1]]
            continue
        text, amiss = program(page, frame)
        bad += amiss
        jobs.append((page.name, command, text))
    failed = compile_all(jobs)
    bad += [f"what {name} shows doesn't compile:\n{output}" for name, output in failed.items()]
    print(*bad, f"{len(jobs)} pages, {len(bad)} not as they should be", sep="\n")
    return bool(bad) or len(jobs) < 3


if __name__ == "__main__":
    os.environ["LC_ALL"] = "C"
    sys.exit(main(*sys.argv[1:]))
