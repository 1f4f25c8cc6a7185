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
# Who asks for some layers needs only the packages that those link: the others may be missing.
missing=(-DCMAKE_DISABLE_FIND_PACKAGE_{fmt,nlohmann_json,dnnl,ZLIB,CLI11,tomlplusplus,Boost}=ON)
some() { # FOLDER COMPONENTS: configures a project that asks for these
  cmake -G Ninja -S "$consumer/some_layers" -B "$work/$1" -DCMAKE_BUILD_TYPE=Release -DCMAKE_PREFIX_PATH="$work/moved" \
    "${missing[@]}" -DSIDESTEP_LAYERS="$2" >"$work/$1.log" 2>&1
}
some bus_and_operators "bus;operators" || { cat "$work/bus_and_operators.log"; exit 1; }
ninja -C "$work/bus_and_operators"
"$work/bus_and_operators/some_layers"
if some trainer trainer; then
  echo "the trainer was found without the packages that it links"
  exit 1
fi
if some unknown operator ||
  ! tr -s '\n ' ' ' <"$work/unknown.log" | grep -q "no component 'operator'. There are bus, operators, control"; then
  cat "$work/unknown.log"
  exit 1
fi
"$work/build/every_layer"
"$work/build/emulated_kernel"
"$work/moved/bin/sidestep" info
