"""own_loop, built against the installed library: killed with SIGKILL in the middle and resumed once, it ends as one that wasn't."""
import pathlib
import re
import shutil
import signal
import subprocess
import sys

program, work = sys.argv[1], pathlib.Path(sys.argv[2])
shutil.rmtree(work, ignore_errors=True)
work.mkdir(parents=True)


def run(folder, *options):
    done = subprocess.run([program, work / folder, *options], capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        sys.exit(f"own_loop {folder} {options} exited {done.returncode}: {done.stderr}")
    return done.stdout


def rows(folder):
    """metrics.csv without its wall-time columns."""
    lines = [line.split(",") for line in (work / folder / "metrics.csv").read_text().splitlines()]
    keep = [i for i, name in enumerate(lines[0]) if name not in ("seconds", "samples_per_second", "waited_ns", "wall_time")]
    return [[line[i] for i in keep] for line in lines]


whole = run("whole")
stopped = re.search(r"stopped behind step (\d+)", whole)
epochs = len(re.findall(r"^epoch ", whole, re.M))
if not stopped or not 6 < epochs < 60:
    sys.exit(f"early stopping did not end the run where it should:\n{whole}")

# Killed when all but two epochs of patience are used up: it must go on with the rest, not begin anew.
# (An epoch takes a millisecond: the first checkpoint may not be on the disk by then. Then once more.)
for attempt in range(20):
    shutil.rmtree(work / "killed", ignore_errors=True)
    killed = subprocess.Popen([program, work / "killed"], stdout=subprocess.PIPE, text=True)
    for line in killed.stdout:
        if line.startswith(f"epoch {epochs - 2}:"):
            killed.send_signal(signal.SIGKILL)
            break
    killed.stdout.read()
    if killed.wait() == -signal.SIGKILL and (work / "killed/checkpoints/last.detector").exists():
        break
else:
    sys.exit("it could not be killed between its first checkpoint and its end")
resumed = run("killed", "--resume")
if "resumed behind step" not in resumed:
    sys.exit(f"it began anew:\n{resumed}")
if whole.splitlines()[-1] != resumed.splitlines()[-1]:
    sys.exit(f"uninterrupted: {whole.splitlines()[-1]}\nresumed: {resumed.splitlines()[-1]}")
for name in ("best.detector", "last.detector"):
    if (work / "whole/checkpoints" / name).read_bytes() != (work / "killed/checkpoints" / name).read_bytes():
        sys.exit(f"{name} differs between the uninterrupted and the resumed run")
if rows("whole") != rows("killed"):
    sys.exit("metrics.csv differs between the uninterrupted and the resumed run")

# A run that was stopped is over: it says so, and is left as it is, unless more is asked for.
before = {path: path.read_bytes() for path in (work / "whole").rglob("*") if path.is_file()}
over = run("whole", "--resume")
if f"early_stopping stopped this run behind step {stopped[1]}" not in over:
    sys.exit(f"it doesn't know that it had been stopped:\n{over}")
if before != {path: path.read_bytes() for path in (work / "whole").rglob("*") if path.is_file()}:
    sys.exit("a run that was over has been changed")
if f"resumed behind step {stopped[1]}" not in run("whole", "--resume", "--epochs", "61"):
    sys.exit("a run that was stopped doesn't go on when more epochs are asked for")
if any(float(line.split(",")[-3]) <= 0 for line in (work / "whole/metrics.csv").read_text().splitlines()[1:]):
    sys.exit("an epoch of metrics.csv took no time")
print(f"stopped behind step {stopped[1]} both times, the same files")
