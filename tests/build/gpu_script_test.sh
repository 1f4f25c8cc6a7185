#!/usr/bin/env bash
# bench/gpu.sh from end to end, emulated, with nothing of this machine's but the folder that it packed, bash and Python.
#   gpu_script_test.sh SOURCE BUILD
set -uo pipefail
script=$1/bench/gpu.sh
build=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
check() { # WHAT CONDITION...
  local what=$1
  shift
  "$@" || { echo "FAILED: $what"; echo "  it said: $said"; failures=$((failures + 1)); }
}
run() {
  said=$("$@" 2>&1 </dev/null)
  status=$?
}
# json FILE EXPRESSION: the expression, of the file's content as d, is true.
json() { python3 -c 'import json, sys; d = json.load(open(sys.argv[1])); sys.exit(not eval(sys.argv[2]))' "$1" "$2"; }

run "$script" pack "$work/packed" --small --build "$build"
check "it packs" test $status -eq 0
run "$script" pack "$work/packed" --build "$build"
check "what is there is not overwritten" test $status -eq 2
run "$script" pack "$work/other" --build "$work"
check "without a build it says what to do" grep -q 'build first' <<<"$said"
run "$script" run "$work"
check "another folder is refused" test $status -eq 2

# Elsewhere there is the C library, and CUDA's own.
said=$(for file in "$work"/packed/bin/*; do
  LD_LIBRARY_PATH=$work/packed/lib:$work/packed/bin:$work/packed/gcc ldd "$file"
done | awk -v here="$work/packed/" '$2 == "=>" && index($3, here) != 1 {print $1}' |
  grep -Ev '^(libc|libm|libdl|librt|libpthread)\.so|^lib(cudnn|cublas|nv)' | sort -u)
check "all that programs need is packed" test -z "$said"

run env -i SIDESTEP_GPU_BACKEND=cuda-emulated "$work/packed/run" --quick --out "$work/emulated.json"
check "it runs emulated" test $status -eq 0
said=$(head -c 4000 "$work/emulated.json")
check "nobody could take that for a GPU" json "$work/emulated.json" 'not d["ran_on_a_gpu"] and d["backend"] == "cuda-emulated"'
check "each part went well" json "$work/emulated.json" \
  'd["ok"] and all(d["parts"][p]["status"] == "ok" for p in ("info", "commands", "bench", "train", "train_again"))'
check "the tests did, if they were built" json "$work/emulated.json" \
  'd["parts"]["tests"]["status"] == "skipped" or d["tests"]["run"] > 0 and d["tests"]["failed"] == 0'
check "steps, telemetry and the host are measured" json "$work/emulated.json" \
  'd["steps"][0]["step_us"] > 0 and "cost_percent" in d["telemetry"][0] and d["host"][0]["submit_ns"] > 0'
check "two epochs are trained, twice, with the same bits" json "$work/emulated.json" \
  'len(d["train"]["epochs"]) == 2 and d["train"]["same_bits_twice"]'

# A GPU that may be here is hidden.
run env -i CUDA_VISIBLE_DEVICES= "$work/packed/run" --quick --out "$work/none.json"
check "without a GPU it ends well" test $status -eq 0
said=$(head -c 4000 "$work/none.json")
check "and measures nothing" json "$work/none.json" \
  'not d["ran_on_a_gpu"] and "steps" not in d and all(d["parts"][p]["reason"] for p in ("tests", "commands", "bench", "train"))'

# The verdict, with a benchmark that has its figures ready: telemetry must cost at most one percent on a GPU.
mkdir -p "$work/said/bin"
cp "$work/packed/version" "$work/said/"
printf '#!/bin/sh\n' >"$work/said/bin/sidestep"
cat >"$work/said/bin/gpu_bench" <<'SCRIPT'
#!/bin/sh
for word; do case $word in --benchmark_out=*) out=${word#*=} ;; esac; done
[ "$out" ] || exit 0
cat >"$out" <<JSON
{"context": {}, "benchmarks": [{"name": "telemetry/lenet/batch:64", "run_type": "iteration", "cost_percent": $COST,
 "low_percent": 0.1, "high_percent": 3, "on_us": 102, "off_us": 100}]}
JSON
SCRIPT
chmod 755 "$work"/said/bin/*
run env -i COST=0.9 "$script" run "$work/said" --out "$work/verdict.json"
check "telemetry below one percent is well" json "$work/verdict.json" 'd["ok"]'
run env -i COST=1.5 "$script" run "$work/said" --out "$work/verdict.json"
check "telemetry above one percent is not well" test $status -eq 1
check "and is named" json "$work/verdict.json" 'd["bad"] == ["telemetry, lenet: more than 1 percent"]'
run env -i COST=1.5 "$script" run "$work/said" --quick --out "$work/verdict.json"
check "a quick run does not judge" json "$work/verdict.json" 'd["ok"]'
run env -i COST=1.5 SIDESTEP_GPU_BACKEND=cuda-emulated "$script" run "$work/said" --out "$work/verdict.json"
check "nor does an emulated one" json "$work/verdict.json" 'd["ok"]'

exit $((failures > 0))
