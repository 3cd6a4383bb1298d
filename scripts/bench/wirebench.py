# SPDX-License-Identifier: BSD-3-Clause
"""What the scripts of this folder share: Guideway between two ends of one vhost cable.

        CPU G                                    CPU W
    ┌──────────────────┐  vhost-user socket  ┌──────────────────────┐
    │ guideway-bench   │ virtio ────── vhost │ guideway-dataplane,  │
    │ wire             │ 02:…:05     02:…:01 │ or testpmd macswap   │
    └──────────────────┘                     └──────────────────────┘

The generator's port is every backend's MAC address, so that what Guideway forwards comes back
to it. guidewayd, the main lcore, CLI and script share CPU G with the generator where there is no
third one. Needs root: hugepages. Whatever way the script ends (SIGKILL included), its programs
end, its hugepages are given back and its folder in /run is removed.
"""

import argparse
import contextlib
import ctypes
import fcntl
import json
import os
import pathlib
import select
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
sys.dont_write_bytecode = True

from child import Failed, cpu_name, note  # noqa: E402
from harness.api import Api, ApiError  # noqa: E402

POOL = pathlib.Path("/sys/kernel/mm/hugepages/hugepages-2048kB")
POOL_LOCK = "/run/guideway-bench.lock"
VIP = "192.0.2.10"
SERVICE = "wire"
NETWORK = "10.1.0"
FIRST_BACKEND = 10
MAX_BACKENDS = 64  # Static neighbours of one interface.
OWN_MAC = "02:00:00:00:00:01"
PEER_MAC = "02:00:00:00:00:05"
GENERATOR_MB = 128
TESTPMD_MB = 256
START_TIMEOUT_S = 60
PR_SET_PDEATHSIG = 1

_LIBC = ctypes.CDLL(None, use_errno=True)


def _pool_add(pages):
    """Change the number of hugepages of 2 MB. @return by how much it went."""
    with open(POOL_LOCK, "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        file = POOL / "nr_hugepages"
        before = int(file.read_text())
        file.write_text(str(max(before + pages, 0)))
        return int(file.read_text()) - before


class Keeper:
    """Hugepages and a folder, given back when this process is gone, however it went.

    A child waits for the end of a pipe, which the kernel closes with this process.
    """

    def __init__(self, megabytes):
        if os.geteuid() != 0:
            raise Failed("needs root: it reserves hugepages")
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="guideway-bench-", dir="/run"))
        read_end, self._write_end = os.pipe()
        # Signals before the child knows what to give back would lose it.
        signals = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
        signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        wanted = (megabytes + 1) // 2
        self.pages = _pool_add(wanted)
        self._child = os.fork()
        if self._child == 0:
            self._keep(read_end)
        os.close(read_end)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, signals)
        if self.pages < wanted:
            self.release()
            raise Failed(f"only {self.pages * 2} of {wanted * 2} MB of hugepages could be had: "
                         "memory is fragmented")

    def _keep(self, read_end):
        """The child: never returns."""
        try:
            os.setsid()
            os.close(self._write_end)
            for fd in (0, 1, 2):  # Who waits for the end of our output is not to wait for us.
                os.dup2(os.open(os.devnull, os.O_RDWR), fd)
            os.read(read_end, 1)
            shutil.rmtree(self.directory, ignore_errors=True)
            _pool_add(-self.pages)
        finally:
            os._exit(0)

    def release(self):
        if self._write_end >= 0:
            os.close(self._write_end)
            self._write_end = -1
            os.waitpid(self._child, 0)


def _set_nice(nice):
    """Of this process; and of its session, as autogroups weigh sessions before niceness counts."""
    os.setpriority(os.PRIO_PROCESS, 0, nice)
    with contextlib.suppress(OSError), open("/proc/self/autogroup", "w", encoding="ascii") as file:
        file.write(str(nice))


def end_with(parent, cpus, nice):
    """What a child does before exec: die with us, run where it is told to.

    A session of its own is what it would have as a service; and Ctrl-C is for the script alone.
    """
    def prepare():
        _LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
        os.setsid()
        os.sched_setaffinity(0, cpus)
        if nice:
            _set_nice(nice)
    return prepare


class Process:
    """A program of the bench, with its log."""

    def __init__(self, bench, name, command, cpus, stdout=None, meekness=0):
        self.name = name
        nice = min(bench.arguments.nice + meekness, 19)
        self.log = bench.directory / f"{name}.log"
        with open(self.log, "ab") as log:
            # Line by line after select(): no buffer may hide a line, so none is used.
            self.process = subprocess.Popen(
                list(map(str, command)), stdin=subprocess.DEVNULL,
                stdout=log if stdout is None else stdout, stderr=log, bufsize=0,
                preexec_fn=end_with(os.getpid(), cpus, nice))  # noqa: PLW1509

    def check(self):
        if self.process.poll() is not None:
            raise Failed(f"{self.name} ended with {self.process.returncode}:\n{self.tail()}")

    def tail(self, lines=15):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def wait_until(self, condition, what, timeout=START_TIMEOUT_S):
        end = time.monotonic() + timeout
        while not condition():
            self.check()
            if time.monotonic() > end:
                raise Failed(f"{self.name}: not within {timeout} s: {what}\n{self.tail()}")
            time.sleep(0.02)

    def end(self, sig=signal.SIGTERM, timeout=20):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.send_signal(sig)
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Generator(Process):
    """guideway-bench wire: measures by phases, each from one mark() to the next."""

    def __init__(self, bench, flows, rate=0, descriptors=256, meekness=0):
        super().__init__(
            bench, "generator",
            [bench.program("guideway-bench"), "wire", "--path", bench.wire, "--vip", VIP,
             "--flows", flows, "--rate", rate, "--seconds", 0, "--descriptors", descriptors,
             "--cpu", bench.generator_cpu, "--mac", PEER_MAC, "--peer", OWN_MAC],
            bench.all_cpus, subprocess.PIPE, meekness)
        self._rest = b""
        self.total = None
        self.wait_until(self._handles_signals, "it handles signals")

    def _handles_signals(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
        return int(caught.split()[1], 16) >> (signal.SIGUSR1 - 1) & 1

    def _line(self, timeout):
        end = time.monotonic() + timeout
        while b"\n" not in self._rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                raise Failed(f"the generator says nothing:\n{self.tail()}")
            more = self.process.stdout.read(65536)
            if not more:
                self.process.wait()
                raise Failed(f"the generator ended with {self.process.returncode}:\n{self.tail()}")
            self._rest += more
        line, self._rest = self._rest.split(b"\n", 1)
        return json.loads(line)

    def mark(self):
        """End a phase, begin the next. @return what was measured in the one that ended."""
        self.check()
        self.process.send_signal(signal.SIGUSR1)
        return self._line(START_TIMEOUT_S)

    def finish(self):
        """Stop and wait for what is under way. @return sent, received and lost of all phases."""
        self.process.send_signal(signal.SIGTERM)
        self._line(START_TIMEOUT_S)
        self.total = self._line(START_TIMEOUT_S)
        self.end()
        return self.total


class Guideway:
    """guideway-dataplane with guidewayd."""

    def __init__(self, bench, flows, backends=4):
        self.bench = bench
        self.directory = bench.directory
        self.channel = self.directory / "channel.sock"
        self.api_path = self.directory / "api.sock"
        self.api = Api(self.api_path)
        self.backends = [f"{NETWORK}.{FIRST_BACKEND + i}" for i in range(backends)]
        self.daemon = None
        self._write_files(flows)
        self.dataplane = Process(
            bench, "guideway-dataplane",
            [bench.program("guideway-dataplane"), "--config", self.directory / "dataplane.yaml"],
            bench.all_cpus)
        try:
            self.dataplane.wait_until(self.channel.exists, "the channel's socket is there")
            self.start_daemon()
        except BaseException:
            self.end()
            raise

    def _write_files(self, flows):
        bench = self.bench
        dataplane = {
            "name": self.directory.name,
            "lcores": {"main": bench.main_cpu, "workers": [bench.worker_cpu]},
            "idle": {"mode": "poll"},
            "memory": {"flows_ipv4": max(flows * 5 // 4, 65536), "flows_ipv6": 1024},
            "limits": {"services": 64, "members": 1024},
            "channel": {"socket": str(self.channel)},
            "ports": [{"name": "wire", "device": "vhost", "path": str(bench.wire),
                       "mac": OWN_MAC, "addresses": [f"{NETWORK}.1/24"],
                       "neighbours": [{"address": address, "mac": PEER_MAC}
                                      for address in self.backends]}]}
        service = {"name": SERVICE, "address": VIP, "protocol": "udp", "port": 9,
                   "mode": "direct", "slots": 65537,
                   "backends": [{"address": address, "weight": 100}
                                for address in self.backends]}
        # JSON is YAML.
        (self.directory / "dataplane.yaml").write_text(json.dumps(dataplane))
        (self.directory / "guideway.yaml").write_text(json.dumps({"services": [service]}))

    def start_daemon(self):
        """Start guidewayd; @return once its state is in force."""
        self.api_path.unlink(missing_ok=True)
        self.daemon = Process(
            self.bench, "guidewayd",
            [self.bench.program("guidewayd"), "--config", self.directory / "guideway.yaml",
             "--state-dir", self.directory / "state", "--channel", self.channel,
             "--api", self.api_path], self.bench.other_cpus)
        self.daemon.wait_until(self._in_sync, "the state is in force")

    def _in_sync(self):
        try:
            dataplane = self.api.get("/v1/status")["dataplane"]
        except (OSError, ApiError):
            return False
        return dataplane["connected"] and dataplane["in_sync"]

    def worker(self):
        """Counters of the worker."""
        return self.api.get("/v1/stats")["workers"][0]

    def end(self):
        if self.daemon is not None:
            self.daemon.end()
        self.dataplane.end()


class Testpmd:
    """Debian's testpmd with macswap in Guideway's place: the floor."""

    def __init__(self, bench):
        if shutil.which("dpdk-testpmd") is None:
            raise Failed("dpdk-testpmd is missing: apt-get install dpdk")
        self.process = Process(
            bench, "testpmd",
            ["dpdk-testpmd", f"--lcores=0@{bench.main_cpu},1@{bench.worker_cpu}", "--no-pci",
             "--in-memory", "--no-telemetry", f"--file-prefix={bench.directory.name}-floor",
             "-m", TESTPMD_MB, "--vdev", f"net_vhost0,iface={bench.wire},queues=1", "--",
             "--forward-mode=macswap", "--nb-cores=1", "--total-num-mbufs=16384",
             "--stats-period=3600"], bench.all_cpus)
        try:
            self.process.wait_until(bench.wire.exists, "the vhost socket is there")
            # It forwards a moment later, once its statistics are on the screen.
            self.process.wait_until(
                lambda: "Port statistics" in self.process.log.read_text(errors="replace"),
                "it forwards")
        except BaseException:
            self.end()
            raise

    def end(self):
        self.process.end(signal.SIGINT)


class Bench:
    """The machine while a script of this folder measures: a context manager."""

    def __init__(self, arguments, flows, extra_mb=0):
        """@param extra_mb Hugepages for another generator."""
        self.arguments = arguments
        self._extra_mb = extra_mb
        self.all_cpus = os.sched_getaffinity(0)
        cpus = sorted(self.all_cpus)
        if len(cpus) < 2:
            raise Failed("two CPUs are needed: one for the generator, one for the worker")
        self.generator_cpu = arguments.generator_cpu
        self.worker_cpu = arguments.worker_cpu
        if self.generator_cpu is None:
            self.generator_cpu = next(cpu for cpu in cpus if cpu != self.worker_cpu)
        if self.worker_cpu is None:
            self.worker_cpu = next(cpu for cpu in cpus if cpu != self.generator_cpu)
        spare = [c for c in cpus if c not in (self.generator_cpu, self.worker_cpu)]
        self.main_cpu = spare[0] if spare else self.generator_cpu
        self.other_cpus = set(spare) or {self.generator_cpu}
        self._flows = flows
        self._keeper = None
        self._processes = []
        self.directory = None
        self.wire = None

    def __enter__(self):
        # A shell that starts us in the background lets SIGINT be ignored.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        signal.signal(signal.SIGHUP, lambda *_: sys.exit(129))
        for name in ("guideway-dataplane", "guidewayd", "guideway", "guideway-bench"):
            self.program(name)
        table_mb = self._flows * 64 // 2 ** 20
        self._keeper = Keeper(GENERATOR_MB + max(TESTPMD_MB, 192 + table_mb) + 32 +
                              self._extra_mb)
        self.directory = self._keeper.directory
        self.wire = self.directory / "vhost.sock"
        # This script, and with it the CLI that it calls, stays away from the worker.
        os.sched_setaffinity(0, self.other_cpus)
        if self.arguments.nice:
            with contextlib.suppress(OSError):
                os.setsid()
            _set_nice(self.arguments.nice)
        return self

    def __exit__(self, *_):
        for process in reversed(self._processes):
            process.end(signal.SIGKILL)
        self._keeper.release()

    def program(self, name):
        path = pathlib.Path(self.arguments.build).resolve() / name
        if not path.exists():
            raise Failed(f"{path} is missing: run scripts/build, or --build DIR")
        return path

    @contextlib.contextmanager
    def guideway(self, flows, backends=4):
        yield from self._with(Guideway(self, flows, backends))

    @contextlib.contextmanager
    def testpmd(self):
        yield from self._with(Testpmd(self))

    def _with(self, device):
        try:
            yield device
        finally:
            device.end()
            self.wire.unlink(missing_ok=True)

    @contextlib.contextmanager
    def generator(self, flows, rate=0, descriptors=256, meekness=0):
        generator = Generator(self, flows, rate, descriptors, meekness)
        try:
            yield generator
        finally:
            generator.end()


def parser(description):
    """Options that every script has."""
    options = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--json", action="store_true", help="one JSON object instead of text")
    options.add_argument("--build", default=os.environ.get("GUIDEWAY_BUILD", ROOT / "build"),
                         help="folder of the programs (default: build, or $GUIDEWAY_BUILD)")
    options.add_argument("--generator-cpu", type=int, metavar="CPU")
    options.add_argument("--worker-cpu", type=int, metavar="CPU")
    options.add_argument("--nice", type=int, default=0, metavar="N",
                         help="niceness of all this; -20 holds a busy machine's other programs off")
    return options


def summary(values):
    """Minimum, median, p99 and maximum of a series."""
    ordered = sorted(values)
    return {"min": ordered[0], "median": statistics.median(ordered),
            "p99": ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)], "max": ordered[-1]}


def machine():
    """What figures depend on besides the code."""
    return {"cpu": cpu_name(), "cpus": os.cpu_count(), "kernel": os.uname().release,
            "load_average": [round(load, 2) for load in os.getloadavg()]}


def run(main, options):
    """Parse, measure, print; the exit code: 0 measured and every bar met, 1 not met, 2 failed."""
    arguments = options.parse_args()
    try:
        before = machine()
        result, text, met = main(arguments)
        result["machine"] = dict(before, load_average_after=machine()["load_average"])
    except Failed as failure:
        print(f"{pathlib.Path(sys.argv[0]).name}: {failure}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    if arguments.json:
        print(json.dumps(result))
    else:
        print(text)
        print(f"machine: {before['cpu']}, {before['cpus']} CPUs, Linux {before['kernel']}; load "
              f"average {before['load_average'][0]} before, "
              f"{result['machine']['load_average_after'][0]} after (2 of it are ours)")
    return 0 if met else 1
