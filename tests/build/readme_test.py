"""The code that README.md shows is the example that is compiled and run."""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
readme = (root / "README.md").read_text()
blocks = re.findall(r"<!-- (examples/\S+): a test.*?-->\n```cpp\n(.*?)```", readme, re.S)
if not blocks:
    sys.exit("README.md names no example beside its code.")
for path, code in blocks:
    if (root / path).read_text() != code:
        sys.exit(f"README.md and {path} differ: copy one into the other.")
for path in re.findall(r"\]\((?!http)([^)#]+)[^)]*\)", re.sub(r"```.*?```", "", readme, flags=re.S)):
    if not (root / path).exists():
        sys.exit(f"README.md links to {path}, which isn't there.")
print(f"{len(blocks)} example(s) as shown")
