# SPDX-License-Identifier: BSD-3-Clause
"""What is missing is an error that names the cause and the cure, with its exit code; never a panic."""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess

import pytest

from conftest import PROGRAM, READY

NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


@pytest.fixture
def open_folder(platform):
    """nobody may use the folder, and the program."""
    folder = platform.folder
    os.chmod(folder, 0o777)
    while folder != folder.parent:
        if folder.stat().st_mode & 0o001 == 0:
            os.chmod(folder, folder.stat().st_mode | 0o011)
        folder = folder.parent
    return platform


def test_usage(platform):
    for words in (["--nonsense"], ["extra"], ["-c"]):
        code, output = platform.call(*words)
        assert code == 2, output
        assert "usage:" in output


def test_pipeline_that_is_none(platform):
    code, output = platform.call("--pipeline", "mmx")
    assert code == 2 and "--pipeline: 'mmx' is none of avx2 portable" in output


def test_help_and_version(platform):
    code, output = platform.call("--help")
    assert code == 0 and "--check" in output
    code, output = platform.call("--version")
    assert code == 0 and re.fullmatch(r"guideway-dataplane \d+\.\d+\.\d+\n", output)


def test_missing_file(platform):
    code, output = platform.call("-c", platform.folder / "nowhere.yaml")
    assert code == 6 and "nowhere.yaml: No such file" in output


def test_bad_yaml_names_the_place(platform):
    output = platform.refused("lcores: {workers: [1]}\nports: [\n", 6)
    assert re.search(r"dataplane\.yaml:\d+:\d+: ", output)


def test_all_mistakes_at_once(platform):
    platform.refused("lcores: {main: x, workers: [1]}\n"
                     "color: red\n"
                     "ports:\n"
                     "  - name: p0\n"
                     "    device: af_packet\n"
                     "    mtu: 70000\n", 6,
                     'dataplane.yaml:1:16: lcores.main: "x" is not a number (wanted: 0..1023)',
                     'dataplane.yaml:2:1: unknown key "color"',
                     "dataplane.yaml:6:10: ports[0].mtu: 70000 is not in 68..9600",
                     "ports[0]: interface is missing (device af_packet needs it)")


def test_no_such_interface(platform):
    platform.refused(platform.config({"name": "p0", "device": "af_packet", "interface": "nope"}),
                     12, "p0: interface nope: No such device")


def test_interface_down(platform):
    platform.cable("gwa", "gwb")
    platform.ip("link", "set", "gwa", "down")
    platform.refused(platform.config({"name": "p0", "device": "af_packet", "interface": "gwa"}),
                     12, "ip link set gwa up")


def test_no_such_pci_device(platform):
    platform.refused(platform.config({"name": "p0", "device": "pci", "pci": "0000:ff:1f.7"}),
                     12, "no PCI device 0000:ff:1f.7", "lspci")


def test_bad_devargs(platform):
    platform.refused(platform.config({"name": "p0", "device": "devargs",
                                      "devargs": "net_nonsense0"}), 12, "p0: DPDK cannot make")


def test_virtio_user_without_the_other_side(platform):
    platform.refused(platform.config({"name": "p0", "device": "virtio_user",
                                      "path": str(platform.folder / "none.sock")}),
                     12, "start the vhost side first")


def test_vhost_socket_of_somebody_else(platform):
    path = str(platform.folder / "taken.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as taken:
        taken.bind(path)
        taken.listen()
        platform.refused(platform.config({"name": "p0", "device": "vhost", "path": path}), 12)
        assert os.path.exists(path)


def test_missing_folder(platform):
    platform.refused(platform.config({"name": "p0", "device": "vhost",
                                      "path": str(platform.folder / "none" / "v.sock")}),
                     12, "mkdir -p")


def test_missing_pcap(platform):
    platform.refused(platform.config({"name": "p0", "device": "pcap", "path": "/nowhere.pcap"}),
                     12, "/nowhere.pcap: No such file")


def test_broken_pcap(platform):
    path = platform.folder / "bad.pcap"
    path.write_bytes(b"no pcap at all")
    platform.refused(platform.config({"name": "p0", "device": "pcap", "path": str(path)}), 12)


def test_tap_name_that_exists(platform):
    platform.cable("gw-p0", "gwb")
    platform.refused(platform.config({"name": "p0", "device": "null", "punt": "tap"}), 12,
                     "an interface gw-p0 exists already")


def test_more_queues_than_the_device_has(platform):
    platform.refused(platform.config({"name": "p0", "device": "tap", "interface": "gwt",
                                      "rx_queues": 40}), 12, "rx_queues: 40")
    assert platform.links() == []


def test_mtu_that_the_device_cannot_have(platform):
    platform.refused(platform.config({"name": "p0", "device": "tap", "interface": "gwt",
                                      "mtu": 9000}), 12, "mtu: 9000", "1504 at most")


def test_af_xdp_mtu(platform):
    platform.cable("gwa", "gwb", 9000)
    platform.refused(platform.config({"name": "p0", "device": "af_xdp", "interface": "gwa"}), 12,
                     "ip link set gwa mtu 3438")


def test_missing_xdp_program(platform):
    platform.cable("gwa", "gwb")
    platform.refused(platform.config({"name": "p0", "device": "af_xdp", "interface": "gwa",
                                      "xdp_program": "/nowhere.o"}), 12, "/nowhere.o")


def test_memory_beyond_the_machine(platform):
    output = platform.refused(platform.config(memory={"flows_ipv4": 1 << 28, "mbufs": 1 << 24}),
                              10, "MiB are needed")
    assert "lower" in output


def test_given_memory_too_small(platform):
    platform.refused(platform.config(memory={"megabytes": 16}), 10, "16 MiB are given")


def test_hugepages_too_few(platform):
    free = 0
    for size in pathlib.Path("/sys/kernel/mm/hugepages").glob("hugepages-*kB"):
        kilobytes = int(size.name.removeprefix("hugepages-").removesuffix("kB"))
        free += int((size / "free_hugepages").read_text()) * kilobytes // 1024
    mbufs = min((free + 4096) * 1024 * 1024 // 2400, 1 << 24)
    platform.refused(platform.config(memory={"hugepages": True, "mbufs": mbufs}), 10,
                     "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages")


def test_lcores_that_do_not_exist(platform):
    platform.refused(platform.config(lcores={"main": 700, "workers": [900]}), 11,
                     "CPU 700 of main does not exist", "CPU 900 of worker 0 does not exist",
                     "this machine has 0-")


def test_lcore_that_is_not_allowed(platform):
    platform.refused(platform.config(), 11, "CPU 1 of worker 0 is not allowed",
                     prefix=("taskset", "-c", "0"))


def test_several_kinds_of_trouble_are_all_told(platform):
    output = platform.refused(
        platform.config({"name": "p0", "device": "af_packet", "interface": "nope"},
                        {"name": "p1", "device": "pci", "pci": "0000:ff:1f.7"},
                        lcores={"workers": [900]}, memory={"megabytes": 16}), 10)
    for text in ("16 MiB", "CPU 900", "nope", "0000:ff:1f.7"):
        assert text in output


def test_second_instance(platform):
    config = platform.config()
    with platform.started(config):
        platform.refused(config, 14, "another dataplane runs", config["channel"]["socket"])


def test_without_root(open_folder):
    platform = open_folder
    platform.cable("gwa", "gwb")
    program = platform.folder / "guideway-dataplane"
    shutil.copy(PROGRAM, program)
    path = platform.write(platform.config(
        {"name": "p0", "device": "af_packet", "interface": "gwa", "punt": "tap"}))
    done = subprocess.run(["ip", "netns", "exec", platform.namespace, *NOBODY, str(program), "-c",
                           str(path)], capture_output=True, text=True, timeout=30, check=False)
    output = done.stdout + done.stderr
    assert done.returncode == 13, output
    assert "p0: device af_packet needs CAP_NET_RAW" in output
    assert "CAP_NET_ADMIN" in output


def test_socket_folder_that_cannot_be_made(open_folder):
    platform = open_folder
    program = platform.folder / "guideway-dataplane"
    shutil.copy(PROGRAM, program)
    path = platform.write(platform.config(channel={"socket": "/gwt-no-folder/c.sock"}))
    done = subprocess.run([*NOBODY, str(program), "-c", str(path)], capture_output=True, text=True,
                          timeout=30, check=False)
    assert done.returncode == 13, done.stderr
    assert "/gwt-no-folder/c.sock" in done.stderr


def test_ordinary_user_with_null_port(open_folder):
    """Nothing needs root unless a device does."""
    platform = open_folder
    program = platform.folder / "guideway-dataplane"
    shutil.copy(PROGRAM, program)
    path = platform.write(platform.config())
    process = subprocess.Popen([*NOBODY, str(program), "-c", str(path)], text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                               env={"XDG_RUNTIME_DIR": str(platform.folder), "PATH": "/usr/bin"})
    try:
        lines = []
        for line in process.stdout:
            lines.append(line)
            if READY in line:
                break
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0, "".join(lines)
        assert READY in lines[-1], "".join(lines)
    finally:
        process.kill()


def test_check_says_fine_and_starts_nothing(platform):
    code, output = platform.call("-c", platform.write(platform.config()), "--check")
    assert code == 0 and "fine" in output
    assert READY not in output


@pytest.mark.parametrize("change, code", [
    ({"ports": [{"name": "p0", "device": "af_packet", "interface": "nope"}]}, 12),
    ({"lcores": {"main": 0, "workers": [900]}}, 11),
    ({"ports": []}, 6),
])
def test_check_finds_trouble(platform, change, code):
    config = platform.config()
    config.update(change)
    got, output = platform.call("-c", platform.write(config), "--check")
    assert got == code, output


def test_check_beside_a_running_dataplane(platform):
    config = platform.config()
    with platform.started(config):
        code, output = platform.call("-c", platform.write(config), "--check")
        assert code == 14, output
