#!/usr/bin/env bash
# ./dev with another package manager under it: what it says, what it calls, how it ends.
set -uo pipefail
dev=$1/dev
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

check() { # WHAT CONDITION...
  local what=$1
  shift
  "$@" || { echo "FAILED: $what"; echo "  it said: $said"; failures=$((failures + 1)); }
}
# run USER COMMAND...: sets said and status.
run() {
  local user=$1
  shift
  if [[ $user == other ]]; then set -- setpriv --reuid=65534 --clear-groups "$@"; fi
  said=$(PATH="$work:$PATH" LOG="$work/log" "$@" 2>&1 </dev/null)
  status=$?
}
says() { [[ $said == *"$1"* ]]; }
stub() { printf '#!/bin/sh\n%s\n' "$2" >"$work/$1" && chmod 755 "$work/$1"; }
chmod 755 "$work"

run root "$dev" trian
check "a slip of the pen is named" says "did you mean 'train'?"
check "a slip of the pen is bad input" test $status -eq 2
run root "$dev" build realease
check "so is a preset's" says "did you mean 'release'?"
run root "$dev" bench per
check "so is a suite's" says "did you mean 'peers'?"

run root "$dev" bench nope
check "no guess where nothing is near" test "$said" = "${said/did you mean/}"
check "but all there are" says "there is no suite 'nope'. All of them: "
run root "$dev" help train
check "help takes nothing" says "help takes nothing behind it"
check "which is bad input" test $status -eq 2

run root "$dev" help
check "help ends well" test $status -eq 0
check "help fits a terminal" test "$(wc -L <<<"$said")" -le 80

stub apt-get 'echo "apt-get $*" >>"$LOG"'
stub sudo 'exit 1'
stub dpkg-query 'shift 2; for package in "$@"; do echo "installed $package"; done'
run root "$dev" setup
check "nothing to do, nothing said" test "$status,$said" = "0,"
check "nothing to do, nothing called" test ! -e "$work/log"

stub dpkg-query 'shift 2; for package in "$@"; do [ "$package" = libfmt-dev ] || echo "installed $package"; done'
if ((EUID == 0)); then
  run root "$dev" setup
  check "what is missing is named" says "installing 1 Debian packages and what they need: libfmt-dev"
  check "the lists come first" grep -q '^apt-get update' "$work/log"
  check "what is missing is installed" grep -q '^apt-get install .* libfmt-dev$' "$work/log"
  stub apt-get 'case $1 in install) echo "0 upgraded, 45 newly installed, 0 to remove"
    for i in $(seq 45); do echo "Setting up package$i"; done; exit "${FAILS:-0}" ;; esac'
  run root "$dev" setup
  check "how far it is, is said" says "sidestep: set up 20 of 45"
  check "in a few lines" test "$(wc -l <<<"$said")" -le 4
  FAILS=100 run root "$dev" setup
  check "what can't be installed ends it" test $status -eq 2
  check "with apt-get's own words" says "Setting up package45"
  stub apt-get 'echo "apt-get $*" >>"$LOG"'
  mkdir -p "$work/others"/{cmake,build} && cp "$dev" "$work/others/dev"  # where anybody may read it
  cp "$1/cmake/packages.txt" "$work/others/cmake/" && chmod -R a+rX "$work/others"
  run other "$work/others/dev" setup
else
  run root "$dev" setup
fi
check "who may not install is told the line" says "sudo apt-get update && sudo apt-get install -y libfmt-dev"
check "and nothing has begun" test $status -eq 2

# A tree of its own around the script, with tools that note how they were called. This cmake makes a build.ninja, and this ninja
# finds work as long as the file `work` is there.
tree=$work/tree
mkdir -p "$tree/cmake" "$work/elsewhere"
cp "$dev" "$tree/dev"
printf 'libfmt-dev\n' >"$tree/cmake/packages.txt"
printf '{}\n' >"$tree/CMakePresets.json"
touch -d '1 hour ago' "$tree/CMakePresets.json"
stub dpkg-query 'shift 2; for package in "$@"; do echo "installed $package"; done'
stub cmake 'echo "cmake $*" >>"$LOG"; mkdir -p "build/$2"; touch "build/$2/build.ninja"; echo configured'
stub ninja 'echo "ninja $*" >>"$LOG"
case " $* " in
  *" -n "*) if [ -e "$WORK" ]; then echo "[1/1] CXX a.o"; else echo "ninja: no work to do."; fi ;;
  *" build.ninja "*) echo "ninja: no work to do." ;;
  *) rm -f "$WORK"; echo "[1/1] CXX a.o" ;;
esac'
export WORK=$work/work_to_do
touch "$WORK"
rm -f "$work/log"
run root "$tree/dev" build
check "the first build says what it does" test $status -eq 0
check "that it configures" says "configuring build/release"
check "that it builds, and that this takes a while" says "building build/release, which takes some minutes"
check "and the compiler's lines are seen" says "[1/1] CXX a.o"
check "it is the preset that CMake is asked for" grep -q '^cmake --preset release' "$work/log"
rm "$work/log"
run root "$tree/dev" build
check "a second build with nothing to do is silent" test "$status,$said" = "0,"
check "and doesn't configure" test "$(grep -c '^cmake' "$work/log")" -eq 0
check "nor build" test "$(grep -vc -e ' build.ninja$' -e ' -n' "$work/log")" -eq 0
touch "$WORK"
run root "$tree/dev" build
check "what has changed is built" test "$status,$said" = "0,sidestep: building build/release"$'\n'"[1/1] CXX a.o"
touch -d '1 hour' "$tree/CMakePresets.json"
run root "$tree/dev" build
check "newer presets are configured again" says "configuring build/release"
touch -d '1 hour ago' "$tree/CMakePresets.json"
run root "$tree/dev" build debug
check "another preset has a folder of its own" test -f "$tree/build/debug/build.ninja"

mkdir -p "$tree/build/release"
printf '#!/bin/sh\nprintf "<%%s>" "$@"; pwd; exit 7\n' >"$tree/build/release/sidestep" && chmod 755 "$tree/build/release/sidestep"
cd "$work/elsewhere"
run root "$tree/dev" train --epochs 2 --out "a folder" --callback "csv_logger:file=a b.csv" --no-default-callbacks ''
check "train passes its options on as they are" \
  says "<train><--epochs><2><--out><a folder><--callback><csv_logger:file=a b.csv><--no-default-callbacks><>"
check "in the folder that it was called in, and says nothing of its own" \
  test "$said" = "<train><--epochs><2><--out><a folder><--callback><csv_logger:file=a b.csv><--no-default-callbacks><>$work/elsewhere"
check "and ends as the command does" test $status -eq 7
rm "$work/log"
touch "$WORK"
run root "$tree/dev" train
check "train builds the command first" grep -q 'ninja .*release sidestep_command$' "$work/log"
check "and runs it without options" says "<train>"
stub cmake 'echo "cmake $*" >>"$LOG"'
rm "$work/log"
touch "$WORK"
run root "$tree/dev" install "a prefix"
check "install ends well" test $status -eq 0
check "and builds what is installed, not the tests" grep -q 'ninja .*release sidestep_to_install$' "$work/log"
check "into the folder, seen from there" grep -qx "cmake --install $tree/build/release --prefix $work/elsewhere/a prefix" "$work/log"
check "and says where" says "installed into $work/elsewhere/a prefix"
run root "$tree/dev" install
check "install without a folder is bad input" test $status -eq 2
check "and the sentence says what is missing" says "takes the folder to install into: ./dev install DIR."
stub cmake 'echo "cmake: no room"; exit 1'
run root "$tree/dev" install prefix
check "what can't be installed ends it" test $status -ne 0
check "with CMake's own words" says "cmake: no room"
mkdir -p "$tree/bench" "$tree/build/release/bench"
touch "$tree/bench/bus_bench.cpp" "$tree/bench/log_bench.cpp"
printf '#!/bin/sh\nprintf "<%%s>" bus "$@"\n' >"$tree/build/release/bench/bus_bench" && chmod 755 "$tree/build/release/bench/bus_bench"
touch "$WORK"
run root "$tree/dev" bench bus --benchmark_filter=x
check "a suite is run with its options" says "<bus><--benchmark_filter=x>"
check "and nothing else is built" grep -q 'ninja .*release bus_bench$' "$work/log"
stub python3 'printf "<%s>" "$@"'
run root "$tree/dev" bench compile g++
check "what compiling takes is a suite too" says "<$tree/bench/compile.py><$tree/build/release/include><g++>"
touch "$WORK"
run root "$tree/dev" bench compilers g++
check "and what compilers make of the chains" says "<$tree/bench/compilers.py><$tree><$tree/build/release><g++>"
check "for which the library is built" grep -q 'ninja .*release chain_bench$' "$work/log"
rm "$work/python3"
stub ninja 'echo "ninja: error: a.cpp"; exit 1'
run root "$tree/dev" train
check "a build that fails ends it" test $status -ne 0
check "before anything trains" test "$(grep -c '<train>' <<<"$said")" -eq 0

exit $((failures > 0))
