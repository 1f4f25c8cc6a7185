#!/usr/bin/env bash
# install_test.sh BUILD_FOLDER EXAMPLES_FOLDER WORK_FOLDER: installs into a prefix and builds a project that finds it there.
# Leaves WORK_FOLDER/build/own_loop for the tests that run it.
set -euo pipefail
build=$1 examples=$2 work=$3
consumer=$(cd "$(dirname "${BASH_SOURCE[0]}")/consumer" && pwd)
rm -rf "$work"
cmake --install "$build" --prefix "$work/prefix" >/dev/null
# In another folder: it must not lean on the one it was installed to.
mv "$work/prefix" "$work/moved"
cmake -G Ninja -S "$consumer" -B "$work/build" -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$work/moved" \
  -DOWN_LOOP="$examples/own_loop.cpp" -DEMULATED_KERNEL="$examples/emulated_kernel.cu"
ninja -C "$work/build"
if grep -rn "$build" "$work/moved/lib/cmake" "$work/moved/include"; then
  echo "the installed files name the build folder"
  exit 1
fi
"$work/build/every_layer"
"$work/build/emulated_kernel"
"$work/moved/bin/sidestep" info
