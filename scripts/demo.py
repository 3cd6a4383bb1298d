# SPDX-License-Identifier: BSD-3-Clause
"""The part of scripts/demo that comes after building: run scripts/demo, not this."""

import contextlib
import os
import pathlib
import shlex
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests"))
sys.dont_write_bytecode = True

from harness.lab import (BUILD, SERVICES, VIPS, Lab, Load, answered_since,  # noqa: E402
                         backend_address)

REQUESTS = 3000  # Of each family, for the first table.
PHASE_S = 5  # Seconds of load after each change.
TTY = sys.stdout.isatty()


def paint(code, text):
    return f"\x1b[{code}m{text}\x1b[0m" if TTY else text


def say(text):
    print(f"{paint('1;32', '==>')} {text}", flush=True)


def note(text=""):
    print(f"    {text}", flush=True)


class Demo:
    """Steps of the demo on one lab."""

    def __init__(self, lab):
        self.lab = lab
        self.load = None
        self.failed = 0
        self.requests = 0

    def operator(self, *words):
        """Do what an operator would do, and show it."""
        note(paint("1", "$ guideway " + shlex.join(map(str, words))))
        for line in self.lab.guideway(*words).rstrip().splitlines():
            note(f"  {line}".rstrip())

    def show_start_report(self):
        for line in self.lab.log("guideway-dataplane").splitlines()[1:]:
            note(paint("2", line))

    def table(self, answers):
        """Weight, expected share and share of each backend, per family."""
        backends = self.lab.api.get("/v1/backends")["backends"]
        note(f"{'':8}{'backend':<14}{'state':<10}{'weight':>6}  {'expected':>8}  {'share':>7}"
             f"  {'requests':>8}")
        for family in ("4", "6"):
            total = sum(answers[family].values())
            for backend in backends:
                if backend["service_name"] != SERVICES[family]:
                    continue
                # The last digit of an address is the backend's number (scripts/lab).
                count = answers[family].get(f"backend{backend['address'][-1]}", 0)
                share = count / total if total else 0
                note(f"{'IPv' + family:8}{backend['address']:<14}{backend['state']:<10}"
                     f"{backend['weight']:>6}  {backend['expected_share']:>7.1%}  {share:>7.1%}"
                     f"  {count:>8}")

    def first_shares(self):
        say(f"{REQUESTS} HTTP requests to http://{VIPS['4']}/ and to http://[{VIPS['6']}]/, "
            "each on a connection of its own")
        load = Load(self.lab, count=REQUESTS, new_rate=500)
        try:
            report = load.wait()
        finally:
            load.kill()
        self.count(report)
        self.table(report["new"])

    def count(self, report):
        self.requests += report["requests"]
        self.failed += report["failed"]
        for error, times in report["errors"].items():
            note(paint("1;31", f"failed: {times} x {error}"))

    def phase(self, title, change):
        """Make a change under load; show the shares of new connections after it."""
        say(title)
        change()
        time.sleep(0.3)  # What was under way before the change.
        before = self.load.report()
        time.sleep(PHASE_S)
        after = self.load.report()
        self.table(answered_since(before, after))
        note(f"requests so far {after['requests']}, failed {after['failed']}, slowest "
             f"{after['slowest_ms']:.0f} ms")

    def each_service(self, *words):
        """The same command for both families; {backendN} in it becomes an address."""
        for family, service in SERVICES.items():
            self.operator(*(word.format(
                service=service, **{f"backend{n}": backend_address(family, n)
                                    for n in range(1, 5)}) for word in words))

    def kill_daemon(self):
        pid = self.lab.pid("guidewayd")
        note(paint("1", f"$ kill -9 {pid}"))
        os.kill(pid, signal.SIGKILL)
        before = self.load.report()
        time.sleep(PHASE_S)
        after = self.load.report()
        answers = sum(map(sum, (f.values() for f in answered_since(before, after).values())))
        note(f"  {answers} new connections were answered without a control plane")
        note(paint("1", "$ guidewayd ..."))
        self.lab.do("start-daemon")
        self.operator("status")

    def changes_under_load(self):
        say("continuous load from here on: new connections and kept ones, IPv4 and IPv6")
        self.load = Load(self.lab, new_rate=150, keep=20, keep_interval=0.2)
        try:
            self.phase("a weight change: backend 1 from 100 to 400", lambda: self.each_service(
                "backend", "set", "{backend1}", "--weight", "400"))
            self.phase("a drain: backend 2 keeps its connections, gets no new ones",
                       lambda: self.each_service("backend", "drain", "{backend2}"))
            self.phase("a backend added: number 4", lambda: self.each_service(
                "backend", "add", "{backend4}", "--service", "{service}", "--weight", "300"))
            self.phase("guidewayd is killed, and comes back", self.kill_daemon)
            self.count(self.load.stop())
        finally:
            self.load.kill()

    def run(self):
        self.lab.do("up")
        say("guideway-dataplane and guidewayd")
        self.lab.do("start")
        self.show_start_report()
        say("the services of doc/examples/demo.yaml")
        self.operator("apply", "--yes", "-f", os.path.relpath(ROOT / "doc/examples/demo.yaml"))
        self.first_shares()
        self.changes_under_load()
        result = f"{self.requests} requests, {self.failed} failed"
        say(paint("1;32" if self.failed == 0 else "1;31", result))
        return 0 if self.failed == 0 else 1


def print_commands(lab):
    guideway = shlex.join(lab.command())
    client = f"ip netns exec {lab.name}-client"
    say("the lab is left running; things to try:")
    for text in (f"alias guideway={shlex.quote(guideway)}",
                 "guideway status", "guideway service list", "guideway backend list",
                 "guideway stats", "guideway stats -o json",
                 f"guideway backend drain {backend_address('4', 3)}",
                 f"guideway backend enable {backend_address('4', 3)}",
                 f"{client} curl -s http://{VIPS['4']}/",
                 f"{client} curl -s 'http://[{VIPS['6']}]/'",
                 f"{client} ping -c 3 {VIPS['4']}",
                 f"tail -f {lab.dir}/guideway-dataplane.log",
                 f"GUIDEWAY_LAB={lab.name} {os.path.relpath(ROOT)}/scripts/lab down"):
        note(text)


def show_logs(lab):
    """What the programs said last, before the lab and their logs are gone."""
    for program in ("guideway-dataplane", "guidewayd"):
        with contextlib.suppress(OSError):
            print(f"--- the end of {program}.log:", file=sys.stderr)
            print("\n".join(lab.log(program).splitlines()[-20:]), file=sys.stderr)


def main():
    keep = sys.argv[1:] == ["--keep"]
    lab = Lab(os.environ["GUIDEWAY_LAB"])
    # Also where whoever started us ignores it (a shell's background job).
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(130))
    kept = False
    try:
        code = Demo(lab).run()
        kept = keep
        return code
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130
    except (RuntimeError, OSError, subprocess.SubprocessError) as error:
        print(f"{paint('1;31', 'error:')} {error}", file=sys.stderr)
        show_logs(lab)
        return 1
    finally:
        if kept:
            print_commands(lab)
        else:
            # A second Ctrl-C must not leave half of it behind.
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            lab.do("down")


if __name__ == "__main__":
    sys.exit(main())
