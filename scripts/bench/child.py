# SPDX-License-Identifier: BSD-3-Clause
"""Runs programs to their end, and leaves none behind when a signal ends the script."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile

END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
#: Of a program's output, in an error.
LINES_SHOWN = 20
#: For a program that is not to be interrupted.
PATIENCE_S = 60


class Failed(Exception):
    """What was to be built or measured could not be. The text is for the user."""


def note(text=""):
    """Progress, for people: on stderr, so that --json leaves stdout to the machine."""
    print(text, file=sys.stderr, flush=True)


def cpu_name():
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return "unknown"


def exit_on_signals():
    """From now on they raise SystemExit, so that everything is cleaned up on the way out."""
    def end(number, _frame):
        sys.exit(128 + number)
    for number in END_SIGNALS:
        signal.signal(number, end)


@contextlib.contextmanager
def undisturbed():
    """Signals wait."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, END_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _signal_all(process, number):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)


def end_it(process):
    """And what it started: ninja ends its compilers, which remove their files."""
    _signal_all(process, signal.SIGTERM)
    process.wait()
    _signal_all(process, signal.SIGKILL)


def let_it_end(process):
    """What it has begun it is to finish. A second signal kills it."""
    note("waiting for the run to end")
    try:
        process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        pass
    finally:
        _signal_all(process, signal.SIGKILL)
        process.wait()


def run(words, on_interrupt=end_it, **options):
    """Run a program to its end. On an exception meanwhile (a signal's) @p on_interrupt sees to
    the process, then the exception goes on.

    The program has a session of its own: Ctrl-C reaches the script only.
    @return (exit code, stdout, stderr)
    @throws Failed: there is no such program
    """
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        try:
            process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                       start_new_session=True, **options)
        except OSError as error:
            raise Failed(f"cannot run {words[0]}: {error.strerror}") from error
        try:
            process.wait()
        except BaseException:
            on_interrupt(process)
            raise
        out.seek(0)
        err.seek(0)
        return process.returncode, out.read(), err.read()


def must(what, words, **options):
    """@return stdout. @throws Failed: its text begins with @p what, the program's words follow"""
    code, out, err = run(words, **options)
    if code != 0:
        said = "\n".join((out + err).strip().splitlines()[-LINES_SHOWN:])
        raise Failed(f"{what} ({words[0]} ended with {code}):\n{said}")
    return out
