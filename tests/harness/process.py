# SPDX-License-Identifier: BSD-3-Clause
"""Programs under test: started, watched, ended; each with its log."""

import os
import pathlib
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
#: Where the programs are: GUIDEWAY_BUILD, else build/.
BUILD = pathlib.Path(os.environ.get("GUIDEWAY_BUILD", ROOT / "build"))
#: What a sanitizer says when it has found something.
SANITIZER_WORDS = ("AddressSanitizer", "runtime error:", "LeakSanitizer", "UndefinedBehavior")


class Program:
    """A running program."""

    every = []  # Those that run now, for the logs of a failed test.

    def __init__(self, name, command, log, **popen):
        self.name = name
        self.log = pathlib.Path(log)
        environment = dict(os.environ, UBSAN_OPTIONS="print_stacktrace=1",
                           ASAN_OPTIONS="abort_on_error=0:detect_leaks=1")
        with open(self.log, "ab") as file:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=file,
                                            stderr=subprocess.STDOUT, env=environment, **popen)
        Program.every.append(self)

    @property
    def pid(self):
        return self.process.pid

    @property
    def running(self):
        return self.process.poll() is None

    def log_text(self):
        return self.log.read_text(errors="replace")

    def log_tail(self, lines=60):
        return "\n".join(self.log_text().splitlines()[-lines:])

    def wait_until(self, condition, what, timeout=20):
        """Wait until the condition holds; the program's end or the time-out is an error."""
        end = time.monotonic() + timeout
        while not condition():
            if not self.running:
                raise AssertionError(f"{self.name} ended with {self.process.returncode} while "
                                     f"waiting until {what}:\n{self.log_tail()}")
            if time.monotonic() > end:
                raise AssertionError(f"{self.name}: not within {timeout} s: {what}:\n"
                                     f"{self.log_tail()}")
            time.sleep(0.01)

    def kill(self):
        """SIGKILL; legal with one that has ended."""
        self.process.kill()
        self.process.wait()
        self._forget()

    def end(self, timeout=20):
        """SIGTERM; the exit code. No sanitizer may have complained."""
        if self.running:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"{self.name} did not end on SIGTERM within {timeout} s:\n"
                                 f"{self.log_tail()}") from None
        finally:
            self._forget()
        self.check_sanitizers()
        return code

    def check_sanitizers(self):
        text = self.log_text()
        found = [word for word in SANITIZER_WORDS if word in text]
        assert not found, f"{self.name}: {found[0]} in its log:\n{text[-12000:]}"

    def _forget(self):
        if self in Program.every:
            Program.every.remove(self)
