"""Every ordering that bus/ names and that is stronger than relaxed is weakened by a model and noticed, or argued for in docs/bus.md.

usage: orderings_test.py REPOSITORY MODEL_TEST
"""
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
    for path in sorted((repository / "bus").glob("*.[hc]pp")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            code = line.split("//")[0]
            if strong.search(code):
                names = [next(filter(None, match)) for match in place.findall(code)]
                yield path.name, number, names[0].split(".")[-1] if names else "?"


def argued():
    """Rows of the table in docs/bus.md: | `file` `name`, `name` | why |"""
    section = (repository / "docs/bus.md").read_text().split("## Orderings that no model weakens", 1)
    rows = set()
    for line in (section[1] if len(section) == 2 else "").splitlines():
        cells = line.split("|")
        if len(cells) == 4 and cells[2].strip():
            words = re.findall(r"`([^`]+)`", cells[1])
            files = [word for word in words if word.endswith(("pp",))]
            rows |= {(file, name) for file in files for name in words if name not in files}
    return rows


found = subprocess.run([model_test, "--gtest_filter=Orderings.*"], capture_output=True, text=True, check=True).stdout
noticed = {tuple(line.split()[1].split(":")) for line in found.splitlines() if line.startswith("noticed ")}
table, used, bad = argued(), set(), []
for file, line, name in orderings():
    if (file, str(line)) in noticed:
        continue
    if (file, name) in table:
        used.add((file, name))
    else:
        bad.append(f"bus/{file}:{line}: the ordering of {name} is noticed by no model, and docs/bus.md has no argument for it")
bad += [f"docs/bus.md argues for {name} in {file}, which no line there orders, or a model covers by now" for file, name in sorted(table - used)]
assert len(noticed) >= 5, found
print("\n".join(bad) if bad else f"{len(noticed)} orderings noticed by models, {len(used)} places argued for")
sys.exit(bool(bad))
