# SPDX-License-Identifier: BSD-3-Clause
"""The real guideway-dataplane in a network namespace of each test, started from a dictionary."""

import contextlib
import copy
import os
import pathlib
import signal
import subprocess
import time

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("GUIDEWAY_BUILD", ROOT / "build"))
PROGRAM = BUILD / "dataplane" / "guideway-dataplane"
LAB = os.environ.get("GUIDEWAY_LAB", "gwt")
SANITIZER_WORDS = ("AddressSanitizer", "runtime error:", "LeakSanitizer", "UndefinedBehavior")
# libxdp's own, in xsk_umem__create(): 80 bytes a socket.
LEAKS = "suppressions=" + str(pathlib.Path(__file__).with_name("leaks.supp"))
READY = "guideway-dataplane: ready"


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}{done.stdout}"
    return done.stdout


class Platform:
    """A namespace, a folder, and dataplanes that run with them."""

    def __init__(self, folder):
        self.folder = folder
        self.namespace = f"{LAB}-platform"
        self.running = []
        self.delete_namespace()
        run("ip", "netns", "add", self.namespace)
        self.ip("link", "set", "lo", "up")

    def ip(self, *words):
        return run("ip", "-n", self.namespace, *words)

    def links(self):
        """Names of all interfaces but lo."""
        names = [line.split(":")[1].strip().split("@")[0]
                 for line in self.ip("-o", "link").splitlines()]
        return sorted(name for name in names if name != "lo")

    def cable(self, one, other, mtu=1500):
        self.ip("link", "add", one, "mtu", str(mtu), "type", "veth", "peer", "name", other,
                "mtu", str(mtu))
        self.ip("link", "set", one, "up")
        self.ip("link", "set", other, "up")

    def config(self, *ports, **sections):
        """A small dataplane.yaml as a dictionary."""
        config = {
            "name": "gwt-platform",
            "lcores": {"main": 0, "workers": [1]},
            "memory": {"hugepages": False, "flows_ipv4": 2000, "flows_ipv6": 2000},
            "limits": {"services": 16, "members": 64},
            "channel": {"socket": str(self.folder / "channel.sock"), "user": "root"},
            "ports": list(copy.deepcopy(ports)) or [{"name": "p0", "device": "null"}],
        }
        for name, section in sections.items():
            if isinstance(section, dict):
                config.setdefault(name, {}).update(section)
            else:
                config[name] = section
        return config

    def write(self, config, name="dataplane.yaml"):
        path = self.folder / name
        path.write_text(config if isinstance(config, str) else yaml.safe_dump(config))
        return path

    def command(self, *words, prefix=()):
        return ["ip", "netns", "exec", self.namespace, *prefix, str(PROGRAM), *map(str, words)]

    def call(self, *words, prefix=(), env=None, timeout=30):
        """Run to the end: exit code and output."""
        done = subprocess.run(self.command(*words, prefix=prefix), capture_output=True, text=True,
                              check=False, timeout=timeout, env={**os.environ, **(env or {})})
        return done.returncode, done.stdout + done.stderr

    def refused(self, config, code, *texts, prefix=()):
        """A start that must fail with that exit code and say these texts, and no more than say."""
        got, output = self.call("-c", self.write(config), prefix=prefix)
        assert got == code, output
        assert READY not in output
        for word in SANITIZER_WORDS + ("PANIC", "Cannot init", "Segmentation"):
            assert word not in output, output
        for text in texts:
            assert text in output, output
        return output

    def start(self, config, name="dataplane.yaml", env=None):
        program = Program(self, self.command("-c", self.write(config, name)),
                          self.folder / f"{name}.log", env)
        self.running.append(program)
        return program

    @contextlib.contextmanager
    def started(self, config, **kwargs):
        """A dataplane that is ready; ended by SIGTERM with exit code 0 and nothing left."""
        before = self.links()
        program = self.start(config, **kwargs)
        program.wait_ready()
        yield program
        assert program.stop() == 0, program.text()
        assert self.links() == before

    def delete_namespace(self):
        if not os.path.exists(f"/run/netns/{self.namespace}"):
            return
        for pid in run("ip", "netns", "pids", self.namespace).split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        run("ip", "netns", "del", self.namespace)

    def close(self):
        for program in self.running:
            program.kill()
        self.delete_namespace()


class Program:
    """A dataplane that was started; its output goes to a file."""

    def __init__(self, platform, command, log, env=None):
        self.platform = platform
        self.log = log
        with open(log, "wb") as file:
            self.process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT,
                                            stdin=subprocess.DEVNULL,
                                            env={**os.environ, "LSAN_OPTIONS": LEAKS, **(env or {})})

    def text(self):
        return self.log.read_text(errors="replace")

    def wait_ready(self, timeout=60):
        end = time.monotonic() + timeout
        while READY not in self.text():
            assert self.process.poll() is None, self.text()
            assert time.monotonic() < end, self.text()
            time.sleep(0.02)

    def stop(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        code = self.process.wait(20)
        for word in SANITIZER_WORDS:
            assert word not in self.text(), self.text()
        return code

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@pytest.fixture
def platform(tmp_path):
    made = Platform(tmp_path)
    yield made
    made.close()
