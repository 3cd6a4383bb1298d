# SPDX-License-Identifier: BSD-3-Clause
"""The lab of scripts/lab and its traffic, for the demo and for the tests of tests/lab."""

import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time

from harness.api import Api
from harness.process import BUILD, ROOT

VIPS = {"4": "192.0.2.10", "6": "2001:db8::10"}
SERVICES = {"4": "web4", "6": "web6"}


def backend_address(family, number):
    return f"10.70.2.1{number}" if family == "4" else f"fd70:2::1{number}"


def vip_urls(port):
    return [f"http://[{vip}]:{port}/" if ":" in vip else f"http://{vip}:{port}/"
            for vip in VIPS.values()]


class Load:
    """scripts/http-load inside the client's namespace, in the background."""

    def __init__(self, lab, port=80, urls=None, **options):
        self.report_path = tempfile.mktemp(prefix="guideway-load-", suffix=".json")
        command = ["ip", "netns", "exec", f"{lab.name}-client", ROOT / "scripts/http-load",
                   "--report", self.report_path]
        for url in urls or vip_urls(port):
            command += ["--url", url]
        for name, value in options.items():
            command += [f"--{name.replace('_', '-')}", str(value)]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
        while not os.path.exists(self.report_path):
            if self.process.poll() is not None:
                raise RuntimeError(f"http-load ended with {self.process.returncode}")
            time.sleep(0.02)

    def report(self):
        """What has happened so far."""
        return json.loads(pathlib.Path(self.report_path).read_text(encoding="utf-8"))

    def fresh_report(self, timeout=60):
        """With all that had happened when it was called: reports are written now and then, the
        next one may have been begun before."""
        end = time.monotonic() + timeout
        seen = {self.report()["seconds"]}
        while len(seen) < 3:
            if time.monotonic() > end:
                raise RuntimeError(f"http-load has written no report for {timeout} s")
            time.sleep(0.02)
            seen.add((report := self.report())["seconds"])
        return report

    def wait(self, timeout=120):
        """Until it ends by itself; the report."""
        self.process.wait(timeout)
        return self._finish()

    def stop(self):
        """Let requests under way end, then the report."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)
        return self._finish()

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for path in (self.report_path, self.report_path + ".new"):
            if os.path.exists(path):
                os.unlink(path)

    def _finish(self):
        report = self.report()
        os.unlink(self.report_path)
        return report


def answered_since(before, after, kind="new"):
    """backend -> answers between two reports, per family."""
    return {family: {name: count - before[kind][family].get(name, 0)
                     for name, count in after[kind][family].items()
                     if count > before[kind][family].get(name, 0)}
            for family in ("4", "6")}


class Lab:
    """scripts/lab with a name of its own."""

    def __init__(self, name):
        self.name = name
        self.dir = pathlib.Path("/run/guideway-lab") / name
        self.environment = dict(os.environ, GUIDEWAY_LAB=name, GUIDEWAY_BUILD=str(BUILD))
        self.api = Api(self.dir / "api.sock")

    def do(self, *words, quiet=False):
        subprocess.run([ROOT / "scripts/lab", *map(str, words)], env=self.environment, check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL if quiet else None)

    def command(self, *words):
        """A guideway command line that works from a shell."""
        return [str(BUILD / "guideway"), "--socket", str(self.dir / "api.sock"), *map(str, words)]

    def guideway(self, *words):
        """Run the CLI; its words, or an error with them."""
        done = subprocess.run(self.command(*words), capture_output=True, text=True, check=False,
                              stdin=subprocess.DEVNULL, timeout=30)
        if done.returncode != 0:
            raise RuntimeError(f"guideway {' '.join(map(str, words))} ended with "
                               f"{done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def pid(self, program):
        return int((self.dir / f"{program}.pid").read_text())

    def log(self, program):
        return (self.dir / f"{program}.log").read_text(errors="replace")
