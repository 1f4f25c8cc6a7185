"""Hands programs to a compiler, some at a time, and collects what it says."""
import concurrent.futures
import os
import subprocess


def compile_one(command, text=None):
    """(exit status, output) of one compiler run; text, if any, is the program on its standard input."""
    done = subprocess.run(command, input=text, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


def compile_all(jobs):
    """{name: output} of the jobs (name, command, text) that did not compile."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        results = pool.map(lambda job: (job[0], *compile_one(*job[1:])), jobs)
        return {name: output for name, status, output in results if status}
