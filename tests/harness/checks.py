# SPDX-License-Identifier: BSD-3-Clause
"""What tests of health checks share: a service whose backends are on the loopback network."""

import time

HOSTS = ["127.0.1.1", "127.0.1.2", "127.0.1.3", "127.0.1.4"]
FAST = "interval: 20ms, fast-interval: 10ms, timeout: 1s"
#: A machine may be slow; what does not work is found after so many seconds.
PATIENCE = 60


def document(port, health="", checks=None, hosts=HOSTS):
    """Backends on the loopback network: the dataplane has no way to them, the checks have."""
    checks = checks or f"{{type: tcp, {FAST}, port: {port}}}"
    backends = "".join(f"      - address: {host}\n" for host in hosts)
    return f"""\
services:
  - name: pay
    address: 192.0.2.10
    protocol: tcp
    port: 443
    mode: ipip
    health: {{checks: [{checks}], {health}}}
    backends:
{backends}"""


def one_check(kind, port, more="", fast=FAST):
    """One backend, HOSTS[0], with one check that may take it down."""
    return document(0, health="min-healthy: 0", hosts=HOSTS[:1],
                    checks=f"{{type: {kind}, {fast}, port: {port}{more}}}")


def wait_until(control, condition, what, timeout=PATIENCE):
    """@param what For the error; or a function that says it when the time is up."""
    end = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < end, \
            f"{what() if callable(what) else what}: {control.daemon.log_tail()}"
        time.sleep(0.01)


def healths(control):
    return {b["address"]: b["health"]
            for b in control.api.get("/v1/services/pay")["backends"]}


def wait_for(control, wanted, timeout=PATIENCE):
    end = time.monotonic() + timeout
    while (seen := healths(control)) != wanted:
        assert time.monotonic() < end, f"{seen}, not {wanted}: {control.daemon.log_tail()}"
        time.sleep(0.01)


def only_check(control):
    """What is known of the one check of the one backend."""
    backend, = control.api.get("/v1/services/pay")["backends"]
    check, = backend["checked"]["checks"]
    return check


def last_result(control):
    return only_check(control)["last_result"]


def wait_for_result(control, wanted, timeout=PATIENCE):
    end = time.monotonic() + timeout
    while (seen := last_result(control)) != wanted:
        assert time.monotonic() < end, f"{seen}, not {wanted}: {control.daemon.log_tail()}"
        time.sleep(0.01)
