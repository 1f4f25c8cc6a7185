"""to_install_test.py BUILD_FOLDER: the target sidestep_to_install makes all that `cmake --install` copies, and no test."""
import pathlib
import re
import subprocess
import sys

build = pathlib.Path(sys.argv[1]).resolve()
rule = re.compile(r'TYPE (?:STATIC_LIBRARY|SHARED_LIBRARY|EXECUTABLE)[^)]*? FILES "([^"]+)"')
wanted = {str(pathlib.Path(file).resolve().relative_to(build)) for script in build.rglob("cmake_install.cmake")
          for file in rule.findall(script.read_text())}
if len(wanted) < 3:
    sys.exit(f"only {sorted(wanted)} would be installed: this test no longer finds what is.")

commands = subprocess.run(["ninja", "-C", build, "-t", "commands", "sidestep_to_install"], check=True, capture_output=True, text=True)
named = set(commands.stdout.split())  # among all words, the files that are made and what they are made of
if missing := sorted(wanted - named):
    sys.exit(f"sidestep_to_install doesn't build {', '.join(missing)}, which is installed.")
if others := sorted(each for each in named if each.startswith(("tests/", "bench/", "examples/"))):
    sys.exit(f"sidestep_to_install builds {len(others)} files that nobody installs, {others[0]} among them.")
print(f"{len(wanted)} files are built and installed")
