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
  check "what is missing is named" says "installing 1 Debian packages: libfmt-dev"
  check "the lists come first" grep -q '^apt-get update' "$work/log"
  check "what is missing is installed" grep -q '^apt-get install .* libfmt-dev$' "$work/log"
  run other "$dev" setup
else
  run root "$dev" setup
fi
check "who may not install is told the line" says "sudo apt-get update && sudo apt-get install -y libfmt-dev"
check "and nothing has begun" test $status -eq 2

exit $((failures > 0))
