#!/usr/bin/env bash
# The GPU's tests, benchmarks, PyTorch beside them and a real training run, within ten minutes, on a machine where nothing
# can be installed: it needs an NVIDIA driver, bash and Python 3; PyTorch, CUDA 13 and cuDNN 9 if they are there.
#
#   bench/gpu.sh pack FOLDER [--build BUILD] [--small]    here: after ./dev build
#   bench/gpu.sh run FOLDER [--quick] [--out FILE]        there; FOLDER/run does the same
#
# pack  brings programs, the libraries that they need, Fashion-MNIST and this script into one folder. --small leaves out
#       cuDNN and cuBLASLt (a gigabyte): then the machine's own are used, from CUDA's folder or beside its PyTorch.
# run   writes one file, FOLDER/gpu.json. --quick: the smallest sizes, to see that everything runs.
#       SIDESTEP_GPU_BACKEND=cuda-emulated goes through the same without a GPU.
set -euo pipefail

fail() {
  echo "gpu.sh: $*" >&2
  exit 2
}

# ---- pack

# The shared libraries of $1 that a machine may lack, one path a line. The driver's and the C library's are its own.
libraries_of() {
  ldd "$1" | awk '$3 ~ /^\// {print $3}' |
    grep -Ev '/(libc|libm|libdl|librt|libpthread|libresolv|libcuda|ld-linux[^/]*)\.so[^/]*$' || true
}

pack() {
  local folder='' build='' small=0 root
  root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
  while (($#)); do
    case $1 in
      --build) (($# > 1)) || fail "--build needs a folder"
        build=$2 && shift ;;
      --small) small=1 ;;
      -*) fail "pack has no option $1; it has --build BUILD and --small" ;;
      *) folder=$1 ;;
    esac
    shift
  done
  [[ $folder ]] || fail "pack where? Give a folder that isn't there yet"
  [[ ! -e $folder ]] || fail "$folder is there already; remove it, or name another"
  build=${build:-$root/build/release}
  local program
  for program in sidestep bench/gpu_bench; do
    [[ -x $build/$program ]] || fail "$build/$program isn't there: build first, with ./dev build"
  done
  [[ -e $build/libsidestep_cuda.so || -e $build/libsidestep_cuda_emulated.so ]] ||
    fail "$build has no backend that could be packed: build first, with ./dev build"

  mkdir -p "$folder"/{bin,lib,data,peers,tests}
  local file library name
  for file in sidestep bench/gpu_bench libsidestep_cuda.so libsidestep_cuda_emulated.so \
    tests/cuda/gpu/cuda_gpu_test tests/cuda/cuda_kernels_test; do
    if [[ ! -e $build/$file ]]; then
      echo "gpu.sh: without $file, which this build hasn't" >&2
      continue
    fi
    cp -L "$build/$file" "$folder/bin/"
    while read -r library; do
      name=$(basename "$library")
      case $name in
        libsidestep_*) ;;
        libstdc++.so.* | libgcc_s.so.*) mkdir -p "$folder/gcc" && cp -L "$library" "$folder/gcc/" ;;
        libcudnn* | libcublas* | libnv*)
          ((small)) && continue
          mkdir -p "$folder/cuda" && cp -Lu "$library" "$folder/cuda/"
          # What these open themselves when they run.
          if [[ $name == libcudnn.so.9 ]]; then
            for library in "$(dirname "$library")"/lib{cudnn_*.so.9,nvrtc.so.13,nvrtc-builtins.so.13.*}; do
              if [[ -e $library ]]; then cp -Lu "$library" "$folder/cuda/"; fi
            done
          fi ;;
        *) cp -Lu "$library" "$folder/lib/" ;;
      esac
    done < <(libraries_of "$build/$file")
  done
  # No way back into the build folder.
  for file in "$folder"/bin/*; do echo "file(RPATH_REMOVE FILE \"$(realpath "$file")\")"; done >"$folder/rpath.cmake"
  cmake -P "$folder/rpath.cmake"
  rm "$folder/rpath.cmake"

  cp "${SIDESTEP_DATA:-/usr/share/datasets/fashion-mnist}"/*-ubyte.gz "$folder/data/"
  cp "$root/bench/peers/torch_gpu.py" "$folder/peers/"
  cp "$root"/tests/trainer/{device_test,device_resume_test,device_support,runs}.py "$folder/tests/"
  cp "${BASH_SOURCE[0]}" "$folder/gpu.sh"
  printf '#!/usr/bin/env bash\nhere=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)\nexec bash "$here/gpu.sh" run "$here" "$@"\n' >"$folder/run"
  chmod 755 "$folder/run" "$folder/gpu.sh"
  { git -C "$root" describe --always --dirty 2>/dev/null || echo unknown; } >"$folder/version"
  echo "gpu.sh: $folder is packed, $(du -sh "$folder" | cut -f1); take it there and run $folder/run"
}

# ---- run

# The folders of CUDA's libraries that this machine has, beside PyTorch first: those fit each other.
machines_cuda() {
  "$python" - 2>/dev/null <<'PYTHON' || true
import glob, os
try:
    import nvidia
    print(":".join(sorted(path for root in nvidia.__path__ for path in glob.glob(os.path.join(root, "*", "lib")))))
except ImportError:
    pass
PYTHON
  echo /usr/local/cuda/lib64
}

# part NAME SECONDS COMMAND...: what it says goes to $work/NAME.{out,err}, how it ended to $work/NAME.end.
part() {
  local name=$1 limit=$2 left begin status=0
  shift 2
  left=$((total - SECONDS))
  ((left > 5)) || left=5
  ((limit < left)) || limit=$left
  echo "gpu.sh: $name ..." >&2
  begin=$(date +%s.%N)
  timeout -k 5 "$limit" "$@" >"$work/$name.out" 2>"$work/$name.err" || status=$?
  echo "$status $begin $(date +%s.%N)" >"$work/$name.end"
  tail -n 3 "$work/$name.err" | sed 's/^/    /' >&2
}
# skip NAME REASON
skip() { echo "$2" >"$work/$1.skipped"; }

run() {
  local folder='' out='' quick=0
  while (($#)); do
    case $1 in
      --quick) quick=1 ;;
      --out) (($# > 1)) || fail "--out needs a file"
        out=$2 && shift ;;
      -*) fail "run has no option $1; it has --quick and --out FILE" ;;
      *) folder=$1 ;;
    esac
    shift
  done
  [[ -x $folder/bin/sidestep ]] || fail "'$folder' is no folder that gpu.sh pack has made"
  folder=$(cd "$folder" && pwd)
  out=${out:-$folder/gpu.json}
  backend=${SIDESTEP_GPU_BACKEND:-cuda}
  total=590
  python=${SIDESTEP_PYTHON:-$(command -v python3)} || fail "run needs python3, for PyTorch and to write $out"
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  SECONDS=0

  local libraries=$folder/lib:$folder/bin own
  if [[ -d $folder/cuda ]]; then libraries+=:$folder/cuda; fi
  if [[ $backend == cuda ]]; then libraries+=:$(machines_cuda | paste -sd:); fi
  own=(env "LD_LIBRARY_PATH=$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" "SIDESTEP_GPU_BACKEND=$backend"
    "SIDESTEP_DATA=$folder/data")
  # A machine with an older C++ library than ours gets ours.
  if ! "${own[@]}" "$folder/bin/sidestep" info >/dev/null 2>&1 && [[ -d $folder/gcc ]]; then
    own[1]+=:$folder/gcc
  fi

  part machine 20 bash -c 'nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm,clocks.max.mem,power.limit --format=csv'
  part info 30 "${own[@]}" "$folder/bin/sidestep" info
  local why
  # One that doesn't even start fails below, where that is written down.
  why=$({ "${own[@]}" "$folder/bin/gpu_bench" --benchmark_list_tests 2>&1 || true; } |
    sed -n 's/^bench gpu: nothing was measured: //p')

  if [[ $why ]]; then
    for name in tests commands bench train train_again; do skip $name "$why"; done
  else
    local tests=cuda_gpu_test filter='*' bench_options=(--benchmark_min_time=0.3 --benchmark_repetitions=3)
    local train_options=(--epochs 2) train_seconds=60
    if [[ $backend != cuda ]]; then tests=cuda_kernels_test train_seconds=180; fi  # on a CPU that others use, too
    if ((quick)); then
      filter='CudaStepKernels*'
      bench_options=('--benchmark_filter=step/lenet/fp32/batch:64/|(telemetry|record|host)/lenet')
      train_options=(--epochs 2 --limit-train 256 --batch-size 32 --no-default-callbacks)
    fi
    if [[ -x $folder/bin/$tests ]]; then
      part tests 150 "${own[@]}" "$folder/bin/$tests" --gtest_filter="$filter" --gtest_output="json:$work/tests.json"
    else
      skip tests "$tests wasn't packed: that build hadn't it"
    fi
    # The command itself: decisions, files, resumed runs. Emulated, one test is enough to see that they start.
    local commands=(device_test device_resume_test)
    if ((quick)) || [[ $backend != cuda ]]; then commands=(device_resume_test.DeviceResume.test_a_checkpoint_holds_the_algorithms_that_were_chosen); fi
    if [[ -e $folder/tests/runs.py ]]; then
      part commands 120 env PYTHONDONTWRITEBYTECODE=1 "PYTHONPATH=$folder/tests" "SIDESTEP_DEVICE_BACKEND=$backend" \
        "SIDESTEP=$folder/bin/sidestep" "${own[@]}" "$python" -m unittest "${commands[@]}"
    else
      skip commands "the command's tests weren't packed"
    fi
    part bench 130 "${own[@]}" "$folder/bin/gpu_bench" "${bench_options[@]}" --benchmark_out="$work/bench.json"
    for name in train train_again; do
      part $name "$train_seconds" "${own[@]}" "$folder/bin/sidestep" train --backend "$backend" --data "$folder/data" \
        --out "$work/$name" "${train_options[@]}"
    done
  fi
  # Compiling takes long, so this is last and takes what time is left.
  if "$python" -c 'import torch; raise SystemExit(not torch.cuda.is_available())' 2>/dev/null; then
    local peer_options=(--seconds "$((total - SECONDS - 60))")
    if ((quick)); then peer_options=(--seconds 60 --batches 64 --rounds 1 --models lenet --modes eager); fi
    part peers 400 env PYTHONDONTWRITEBYTECODE=1 "TORCHINDUCTOR_CACHE_DIR=$work/inductor" \
      "$python" "$folder/peers/torch_gpu.py" --json "$work/peers.json" "${peer_options[@]}"
  else
    skip peers "$python has no PyTorch that finds a GPU"
  fi

  "$python" - "$work" "$folder" "$backend" "$quick" "$SECONDS" "$out" <<'PYTHON'
import json, pathlib, statistics, sys, platform

work, folder, backend, quick, seconds, out = sys.argv[1:]
work, folder = pathlib.Path(work), pathlib.Path(folder)


def text(name):
    path = work / name
    return path.read_text(errors="replace") if path.exists() else ""


def parsed(name):
    try:
        return json.loads(text(name))
    except ValueError:
        return None


def part(name):
    if reason := text(f"{name}.skipped").strip():
        return {"status": "skipped", "reason": reason}
    status, begin, end = text(f"{name}.end").split()
    word = {"0": "ok", "124": "timed out", "137": "timed out"}.get(status, "failed")
    result = {"status": word, "exit": int(status), "seconds": round(float(end) - float(begin), 2)}
    if name == "tests" and status == "77":
        return {"status": "skipped", "reason": text("tests.out").strip().removeprefix("skipped: ")}
    if word != "ok":
        result["said"] = (text(f"{name}.out") + text(f"{name}.err")).splitlines()[-25:]
    return result


parts = {name: part(name) for name in ("machine", "info", "tests", "commands", "bench", "train", "train_again",
                                      "peers")}
if parts["machine"]["status"] == "failed":  # no nvidia-smi: not everywhere where there is a GPU
    parts["machine"] = {"status": "skipped", "reason": "nvidia-smi doesn't answer here"}
on_a_gpu = backend == "cuda" and bool(parsed("bench.json") or parsed("train/report.json"))
report = {"schema": 1, "backend": backend, "ran_on_a_gpu": on_a_gpu, "quick": quick == "1",
          "version": (folder / "version").read_text().strip(), "seconds": int(seconds),
          "machine": {"nvidia_smi": text("machine.out").splitlines(), "sidestep_info": text("info.out").splitlines(),
                      "system": platform.platform(), "python": platform.python_version()},
          "parts": parts}

if tests := parsed("tests.json"):
    report["tests"] = {"run": tests["tests"], "failed": tests["failures"], "failures": [
        {"test": f"{suite['name']}.{case['name']}", "said": [f["failure"] for f in case["failures"]][:3]}
        for suite in tests["testsuites"] for case in suite["testsuite"] if case.get("failures")]}

if bench := parsed("bench.json"):
    report["device"] = bench["context"].get("device")
    report["peaks"] = {key: float(value) for key, value in bench["context"].items() if key.startswith("peak_")}
    peers = (parsed("peers.json") or {}).get("measurements", [])
    by_name = {}
    for row in bench["benchmarks"]:
        if row["run_type"] == "iteration":
            by_name.setdefault(row["name"], []).append(row)
    steps, telemetry, host, errors = [], [], [], []
    for name, rows in by_name.items():
        kind, model, *rest = name.split("/")
        if broken := [row["error_message"] for row in rows if row.get("error_occurred")]:
            errors.append({"benchmark": name, "said": broken[0]})
            continue
        figures = {key: statistics.median(row[key] for row in rows) for key, value in rows[0].items()
                   if isinstance(value, (int, float)) and all(key in row for row in rows)}
        batch = int(next(word for word in rest if word.startswith("batch:")).split(":")[1])
        row = {"model": model, "batch": batch}
        if kind == "step":
            row |= {"precision": rest[0], "step_us": figures["real_time"], "samples_per_second": figures["items_per_second"]}
            row |= {key: figures[key] for key in ("device_us", "gflop", "mbytes", "flops_percent", "bandwidth_percent")
                    if key in figures}
            theirs = {peer["mode"]: peer["step_us"] for peer in peers if "step_us" in peer and all(
                peer[key] == row[key] for key in ("model", "batch", "precision"))}
            if theirs:
                row |= {"pytorch_us": theirs, "times_as_fast_as": {m: t / row["step_us"] for m, t in theirs.items()}}
            steps.append(row)
        elif kind in ("telemetry", "record"):
            row |= {"of": kind} | {key: figures[key] for key in ("cost_percent", "low_percent", "high_percent", "on_us", "off_us")}
            if backend == "cuda":
                row |= {"within_noise": row["low_percent"] <= 0, "at_most_1_percent": row["cost_percent"] <= 1}
            telemetry.append(row)
        else:
            host.append(row | {key: figures[key] for key in ("submit_ns", "poll_hit_ns", "poll_miss_ns") if key in figures})
    report |= {"steps": steps, "telemetry": telemetry, "host": host}
    if errors:
        report["benchmarks_that_failed"] = errors

if trained := parsed("train/report.json"):
    report["train"] = {key: trained[key] for key in ("backend", "device", "state", "epochs", "test") if key in trained}
    first, again = (work / name / "checkpoints" / "last.safetensors" for name in ("train", "train_again"))
    if first.exists() and again.exists():
        report["train"]["same_bits_twice"] = first.read_bytes() == again.read_bytes()
if peers := parsed("peers.json"):
    report["pytorch"] = peers
bad = [name for name, what in parts.items() if what["status"] in ("failed", "timed out")]
if report.get("benchmarks_that_failed"):
    bad.append("a benchmark")
if not report.get("train", {}).get("same_bits_twice", True):
    bad.append("the same run twice with the same bits")
if quick != "1":  # too few steps there to tell; and an emulated device's rows have no such key
    bad += [f"{row['of']}, {row['model']}: more than 1 percent" for row in report.get("telemetry", [])
            if not row.get("at_most_1_percent", True)]
report |= {"ok": not bad, "bad": bad}
pathlib.Path(out).write_text(json.dumps(report, indent=1) + "\n")

for name, what in parts.items():
    print(f"  {name:<11} {what['status']}" + (f": {what['reason']}" if "reason" in what else f", {what['seconds']} s"))
for row in report.get("steps", []):
    words = f"  {row['model']}, batch {row['batch']}, {row['precision']}: {row['step_us']:,.1f} us a step"
    for mode, times in row.get("times_as_fast_as", {}).items():
        words += f"; {times:.2f} times as fast as PyTorch {mode}"
    print(words)
for row in report.get("telemetry", []):
    print(f"  {row['of']}, {row['model']}: {row['cost_percent']:+.2f}% ({row['low_percent']:+.2f} to {row['high_percent']:+.2f})")
if bad:
    print("  not well: " + ", ".join(bad))
print(f"gpu.sh: {out}" + ("" if on_a_gpu else ": nothing ran on a GPU, so its times say nothing of one"))
sys.exit(1 if bad else 0)
PYTHON
}

command=${1:-}
shift || true
case $command in
  pack) pack "$@" ;;
  run) run "$@" ;;
  *) sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}" && exit 2 ;;
esac
