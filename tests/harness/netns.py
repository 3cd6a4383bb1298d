# SPDX-License-Identifier: BSD-3-Clause
"""Network namespaces of a test: all its traffic stays inside them."""

import concurrent.futures
import contextlib
import ctypes
import os
import signal
import subprocess
import time

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def run(*command):
    """Run a command; its words become the error if it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def call_inside(name, function):
    """Run a function on a thread inside a namespace; the sockets that it makes stay there."""
    def inside():
        with open(f"/run/netns/{name}", "rb") as file:
            if _libc.setns(file.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        return function()

    # A thread of its own each time: it never comes back from the namespace.
    with concurrent.futures.ThreadPoolExecutor(1) as executor:
        return executor.submit(inside).result()


def delete_namespace(name):
    """Ends what runs in the namespace, then removes it."""
    if not os.path.exists(f"/run/netns/{name}"):
        return
    for pid in run("ip", "netns", "pids", name).split():
        with contextlib.suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)
    for _ in range(100):
        if not run("ip", "netns", "pids", name).split():
            break
        time.sleep(0.02)
    run("ip", "netns", "del", name)


class Namespace:
    """A network namespace; leftovers of that name from a killed run are removed first."""

    def __init__(self, name):
        self.name = name
        self.delete()
        run("ip", "netns", "add", name)
        # The kernel in there neither speaks nor answers: all packets are the test's.
        run("ip", "netns", "exec", name, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1",
            "net.ipv6.conf.default.disable_ipv6=1")
        run("ip", "-n", name, "link", "set", "lo", "up")

    def cable(self, one, other, one_mac, mtu=1500):
        """A veth pair inside the namespace."""
        run("ip", "-n", self.name, "link", "add", one, "address", one_mac, "type", "veth",
            "peer", "name", other)
        for end, end_mtu in ((one, mtu), (other, 9200)):
            run("ip", "netns", "exec", self.name, "ethtool", "-K", end, "tx", "off", "tso", "off",
                "gso", "off", "gro", "off")
            run("ip", "-n", self.name, "link", "set", end, "mtu", str(end_mtu), "up")

    def delete(self):
        delete_namespace(self.name)

    def call(self, function):
        """Run a function on a thread inside the namespace (sockets stay there for good)."""
        return call_inside(self.name, function)
