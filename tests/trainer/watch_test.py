"""`sidestep watch`: a live run, seen from another process."""
import os
import re
import resource
import signal
import subprocess
import unittest

from runs import RunTest, evidence


class Watch(RunTest):
    def start(self, *arguments, **how):
        process = subprocess.Popen(self.command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                   cwd=self.folder, **how)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        return process

    def start_run(self, name, *arguments, **how):
        """One that goes on until it is told to stop, and is at work."""
        arguments = arguments or ("--epochs", "1000000", "--no-default-callbacks")
        process = self.start(*self.train_arguments(name, "--quiet", *arguments), **how)
        self.await_at_work(process, self.folder / name, signal.SIGINT)
        return process

    def rest_of(self, process):
        """What it says until its end. (communicate() would lose what readline() has read ahead.)"""
        out, errors = process.stdout.read(), process.stderr.read()
        process.wait(60)
        return out, errors

    def refused(self, *arguments, **how):
        said = self.sidestep("watch", *arguments, code=2, **how)
        self.assertEqual(said.stdout, "")
        self.assertEqual(said.stderr.count("\n"), 1, said.stderr)
        return said.stderr

    def test_shows_a_run_and_ends_with_it(self):
        name = "a run whose name is much longer than that of any socket can be, " * 3
        run = self.start_run(name)
        watch = self.start("watch", name)
        for _ in range(3):
            line = watch.stdout.readline()
            self.assertRegex(line, r"^epoch \d+/1000000  ", watch.stderr)
        self.assertRegex(line, r"  train/accuracy \d.*  train/loss \d.*  lr \d.* samples/s$")
        run.send_signal(signal.SIGINT)
        rest, errors = self.rest_of(watch)
        self.assertEqual((watch.returncode, errors), (0, ""))
        self.assertTrue(rest.splitlines()[-1].startswith(f"{name}: interrupted"), rest)
        run.communicate(timeout=60)
        self.assertEqual(run.returncode, 130)
        self.assertIn("isn't live: it was interrupted", self.refused(name))

    def test_a_live_line_is_drawn_only_where_it_can_be(self):
        run = self.start_run("run")
        shown = {}
        for term in ("xterm", "dumb"):
            watch, terminal = self.on_a_terminal("watch", "run", term=term)
            shown[term] = os.read(terminal, 4096)
            while b"\n" not in shown[term]:
                shown[term] += os.read(terminal, 4096)
            watch.kill()
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=60)
        self.assertIn(b"\x1b[K", shown["xterm"])
        self.assertNotIn(b"\x1b[K", shown["dumb"])

    def test_its_events_are_those_of_the_log(self):
        run = self.start_run("runs/one", "--epochs", "1000000")
        watch = self.start("watch", "--events")  # the newest in runs/
        seen = [watch.stdout.readline() for _ in range(500)]
        run.send_signal(signal.SIGINT)
        rest, errors = self.rest_of(watch)
        seen += rest.splitlines(keepends=True)
        run.communicate(timeout=60)
        self.assertEqual(watch.returncode, 0, errors)
        self.assertTrue(errors.splitlines()[-1].startswith("runs/one: "), errors)
        logged = set(self.sidestep("log", "cat", "runs/one/events.log").stdout.splitlines(keepends=True))
        self.assertEqual([line for line in seen if line not in logged], [])
        numbers = [int(found[1]) for line in seen if (found := re.search(r"Z trainer#(\d+) ", line))]
        self.assertEqual(numbers, sorted(set(numbers)))
        missed = re.search(r"; (\d+) of its events were missed", errors)
        trainers = [line for line in logged if "Z trainer#" in line]
        self.assertIn(" FitEnd ", "".join(seen[-20:]))
        if missed is None and numbers[0] == 1:
            self.assertEqual(len(numbers), len(trainers))

    def test_a_watched_run_is_the_same_run(self):
        alone = self.train("alone", "--epochs", "2", "--no-share")
        process = self.start(*self.train_arguments("watched", "--epochs", "2"))
        while process.poll() is None:
            self.start("watch", "watched").communicate()
        self.assertEqual(process.returncode, 0)
        self.assertEqual(evidence(self.folder / "watched"), evidence(alone))

    def test_a_killed_run_ends_what_watches_it(self):
        run = self.start_run("run")
        watch = self.start("watch", "run")
        self.assertIn("epoch ", watch.stdout.readline())
        run.kill()
        rest, errors = self.rest_of(watch)
        self.assertEqual((watch.returncode, errors), (4, ""))
        self.assertIn("run: its process was killed", rest.splitlines()[-1])
        run.wait(timeout=60)  # its socket may be the last thing to go
        self.assertIn("isn't live, or can't be watched", self.refused("run"))

    def test_a_stopped_watcher_holds_nothing_up(self):
        run = self.start_run("run")
        watch = self.start("watch", "run", "--events")
        first = watch.stdout.readline()
        watch.send_signal(signal.SIGSTOP)
        before = self.steps("run")
        while self.steps("run") < before + 20_000:  # several times what a ring holds
            self.assertIsNone(run.poll())
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=60)
        watch.send_signal(signal.SIGCONT)
        rest, errors = self.rest_of(watch)
        self.assertEqual(watch.returncode, 0)
        missed = int(re.search(r"run: interrupted; (\d+) of its events were missed\.$", errors.strip())[1])
        numbers = [int(found[1]) for line in [first, *rest.splitlines()] if (found := re.search(r"Z trainer#(\d+) ", line))]
        gaps = sum(b - a - 1 for a, b in zip(numbers, numbers[1:]))
        self.assertEqual(gaps, missed)
        self.assertGreater(missed, 0)

    def steps(self, run):
        """How many steps the run has made, as somebody sees who comes now."""
        watched = self.start("watch", run, "--events")
        line = watched.stdout.readline()
        while " BatchEnd step=" not in line:
            line = watched.stdout.readline()
        watched.kill()
        return int(re.search(r" BatchEnd step=(\d+)", line)[1])

    def test_nobody_watches_a_run_that_does_not_want_it(self):
        run = self.start_run("run", "--epochs", "1000000", "--no-default-callbacks", "--no-share")
        self.assertIn("runs with --no-share", self.refused("run"))
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=60)

    def test_a_run_that_cannot_be_shared_goes_on_without(self):
        small = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (32 << 20, 32 << 20))
        said = self.sidestep(*self.train_arguments("run", "--epochs", "1"), preexec_fn=small)
        self.assertEqual(said.stderr, "sidestep: the run can't be watched: shared memory: File too large.\n")
        self.assertEqual(self.report(self.folder / "run")["state"], "finished")

    def test_says_in_one_sentence_what_is_wrong(self):
        self.assertIn("runs: there is no run.", self.refused())
        self.assertIn("nothing: there is no such run.", self.refused("nothing"))
        self.assertIn("isn't a run of Sidestep", self.refused("data"))
        self.train("run", "--epochs", "1")
        self.assertIn("isn't live: it finished", self.refused("run"))
        self.assertIn("there is no such option", self.refused("run", "--event"))

    @unittest.skipUnless(os.geteuid() == 0, "takes another user")
    def test_another_user_is_refused(self):
        run = self.start_run("run")
        self.folder.chmod(0o700)
        nobody = {"user": 65534, "group": 65534, "extra_groups": []}

        def refused(path, **how):
            said = subprocess.run(self.command("watch", path), capture_output=True, text=True, cwd="/", timeout=60, **how)
            self.assertEqual((said.returncode, said.stdout), (2, ""), said.stderr)
            return said.stderr

        try:
            self.assertIn("you may not look into it", refused(self.folder / "run", **nobody))
        except PermissionError:
            self.skipTest("nobody may not run the command here")
        self.folder.chmod(0o755)
        self.assertIn("it belongs to user 0", refused(self.folder / "run", **nobody))
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=60)


if __name__ == "__main__":
    unittest.main(verbosity=2)
