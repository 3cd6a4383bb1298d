# SPDX-License-Identifier: BSD-3-Clause
"""VIPs as addresses of the dataplane's own interfaces, for a routing daemon to advertise."""

import json
import time

import pytest

from harness.channel import NONE, PREFERRED, SPARE, Backend, Service
from harness.netns import run
from harness.rig import backend

TAP, SPARE_TAP = "gw-vips", "gw-spare"
VIPS = {4: "192.0.2.90", 6: "2001:db8::90"}
both = pytest.mark.parametrize("family", [4, 6])


def CONFIGURE(config):  # noqa: N802 (a setting of this module)
    config["advertise"] = {"tap": TAP, "spare_tap": SPARE_TAP}


@pytest.fixture(autouse=True)
def ipv6(rig):
    """The rig's namespaces have none of their own."""
    for tap in (TAP, SPARE_TAP):
        run("ip", "netns", "exec", rig.namespace.name, "sysctl", "-qw",
            f"net.ipv6.conf.{tap}.disable_ipv6=0")


def addresses(rig, tap):
    shown = json.loads(run("ip", "-n", rig.namespace.name, "-json", "addr", "show", "dev", tap))
    return {a["local"]: a["prefixlen"] for a in shown[0]["addr_info"]
            if not a["local"].startswith("fe80:")}


def until(rig, preferred, spare=()):
    """Wait until just these VIPs are on the interfaces."""
    end = time.monotonic() + 30
    wanted = [{vip: 128 if ":" in vip else 32 for vip in vips} for vips in (preferred, spare)]
    while (seen := [addresses(rig, TAP), addresses(rig, SPARE_TAP)]) != wanted:
        assert time.monotonic() < end, f"{seen}, not {wanted}"
        time.sleep(0.01)


def service(vip, port=80, advertise=PREFERRED):
    family = 6 if ":" in vip else 4
    return Service(vip, port=port, advertise=advertise, backends=[Backend(backend(family, 11))])


@both
def test_vips_come_and_go_with_their_services(rig, family):
    vip = VIPS[family]
    rig.apply(service(vip), service(vip, 443))
    until(rig, [vip])
    rig.apply(service(vip, 443))
    until(rig, [vip])
    rig.apply()
    until(rig, [])


@both
def test_a_vip_moves_to_the_spare_interface_and_back(rig, family):
    vip = VIPS[family]
    rig.apply(service(vip))
    until(rig, [vip])
    rig.apply(service(vip, advertise=SPARE))
    until(rig, [], [vip])
    rig.apply(service(vip, advertise=NONE))
    until(rig, [])
    rig.apply(service(vip))
    until(rig, [vip])


def test_of_services_with_one_vip_the_best_counts(rig):
    vip = VIPS[4]
    rig.apply(service(vip, 1, NONE), service(vip, 2, SPARE), service(vip, 3))
    until(rig, [vip])
    rig.apply(service(vip, 1, NONE), service(vip, 2, SPARE))
    until(rig, [], [vip])
    rig.apply(service(vip, 1, NONE))
    until(rig, [])


def test_two_hundred_vips(rig):
    vips = [f"198.18.{i // 200}.{i % 200 + 1}" for i in range(200)]
    rig.apply(*map(service, vips))
    until(rig, vips)
    rig.apply(*(service(vip, advertise=SPARE) for vip in vips))
    until(rig, [], vips)
    rig.apply()
    until(rig, [])


def test_what_somebody_took_away_does_not_keep_the_rest_from_going_on(rig):
    rig.apply(service(VIPS[4]), service(VIPS[6]))
    until(rig, VIPS.values())
    run("ip", "-n", rig.namespace.name, "addr", "del", f"{VIPS[4]}/32", "dev", TAP)
    rig.apply(service("192.0.2.91"))
    until(rig, ["192.0.2.91"])


def test_what_the_kernel_refuses_is_tried_again(rig):
    rig.apply()
    until(rig, [])
    run("ip", "netns", "exec", rig.namespace.name, "sysctl", "-qw",
        f"net.ipv6.conf.{TAP}.disable_ipv6=1")
    rig.apply(service(VIPS[6]), service(VIPS[4]))
    until(rig, [VIPS[4]])
    assert f"advertise: {VIPS[6]}: " in rig.dataplane.log_text()
    run("ip", "netns", "exec", rig.namespace.name, "sysctl", "-qw",
        f"net.ipv6.conf.{TAP}.disable_ipv6=0")
    until(rig, VIPS.values())


def test_the_interfaces_go_when_the_process_is_killed(rig):
    rig.apply(service(VIPS[4]))
    until(rig, [VIPS[4]])
    rig.control.close()
    rig.dataplane.kill()
    links = json.loads(run("ip", "-n", rig.namespace.name, "-json", "link"))
    assert not {TAP, SPARE_TAP} & {link["ifname"] for link in links}
    rig.start()
    rig.connect()
