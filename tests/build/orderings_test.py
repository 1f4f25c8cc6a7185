"""Every ordering that bus/, or operators/backlog.hpp, names and that is stronger than relaxed is weakened by a model and noticed, or argued for in docs/bus.md.

usage: orderings_test.py REPOSITORY MODEL_TEST
"""
import collections
import pathlib
import re
import subprocess
import sys

repository, model_test = pathlib.Path(sys.argv[1]), sys.argv[2]
strong = re.compile(r"std::memory_order_(?:acquire|release|acq_rel|seq_cst)")
place = re.compile(r"(\w+)\s*(?:\[[^\]]*\])?\s*(?:\.|->)\s*(?:load|store|exchange|fetch_\w+|compare_exchange_\w+)\(|"
                   r"Atomics::(?:load|store|exchange)\((?:[\w.]+(?:->|\.))?([\w.]+)|(fence)\(")


def orderings():
    """(file, line, what is ordered) of each."""
    for path in [*sorted((repository / "bus").glob("*.[hc]pp")), repository / "operators/backlog.hpp"]:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            code = line.split("//")[0]
            places = list(place.finditer(code))
            for here, behind in zip(places, [match.start() for match in places[1:]] + [len(code)]):
                if strong.search(code[here.start():behind]):
                    yield path.name, number, next(filter(None, here.groups())).split(".")[-1]
            if strong.search(code) and not places:
                yield path.name, number, "?"


def argued():
    """Rows of the table in docs/bus.md, | `file` `file` `name`, `name` | why |, as (files, names)."""
    section = (repository / "docs/bus.md").read_text().split("## Orderings that no model weakens", 1)
    for line in (section[1] if len(section) == 2 else "").splitlines():
        cells = line.split("|")
        words = re.findall(r"`([^`]+)`", cells[1]) if len(cells) == 4 and cells[2].strip() else []
        files = {word for word in words if word.endswith("pp")}
        if files:
            yield files, set(words) - files


found = subprocess.run([model_test, "--gtest_filter=Orderings.*"], capture_output=True, text=True, check=True).stdout
noticed = {tuple(words[1].split(":")): int(words[2]) for words in map(str.split, found.splitlines()) if words[:1] == ["noticed"]}
rows, used, bad = list(argued()), set(), []
on_line = collections.Counter((file, str(line)) for file, line, _ in orderings())
for file, line, name in orderings():
    if noticed.get((file, str(line)), 0) >= on_line[file, str(line)]:  # each of its orderings
        continue
    places = [(number, word) for number, (files, names) in enumerate(rows) if file in files and name in names for word in (file, name)]
    used.update(places)
    if not places:
        bad.append(f"{file}:{line}: the ordering of {name} is noticed by no model, and docs/bus.md has no argument for it")
bad += [f"docs/bus.md argues for {word} beside {', '.join(sorted(files))}; nothing is left there to argue for"
        for number, (files, names) in enumerate(rows) for word in sorted(files | names) if (number, word) not in used]
assert len(noticed) >= 5, found
print("\n".join(bad) if bad else f"{len(noticed)} orderings noticed by models, {len(rows)} arguments for the others")
sys.exit(bool(bad))
