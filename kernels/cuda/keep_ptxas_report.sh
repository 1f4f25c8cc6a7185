#!/bin/sh
# Runs the compiler, and keeps what ptxas says of each kernel in OBJECT.ptxas; only warnings and errors go on.
object=
previous=
for argument in "$@"; do
  [ "$previous" = -o ] && object=$argument
  previous=$argument
done
if [ -z "$object" ]; then exec "$@"; fi
"$@" 2>"$object.ptxas"
status=$?
grep -Ev '^ptxas info|Function properties for|bytes stack frame|^$' "$object.ptxas" >&2
exit $status
