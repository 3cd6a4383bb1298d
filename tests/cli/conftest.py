# SPDX-License-Identifier: BSD-3-Clause
"""Consoles: with a dataplane between two cables, without one, and without a daemon."""

import time

import pytest

from console import Console
from harness.rig import Rig


@pytest.fixture(scope="module")
def rig():
    """One dataplane for all tests of a module; each test's daemon makes its own state of it."""
    rig = Rig("cli", connect=False)
    yield rig
    rig.stop()


@pytest.fixture
def bare(tmp_path):
    """No daemon yet, and no dataplane."""
    console = Console(tmp_path / "no-channel.sock")
    yield console
    console.stop()


@pytest.fixture
def alone(bare):
    """A daemon without a dataplane."""
    bare.start()
    return bare


#: A dataplane takes ten sessions a second; a daemon that is refused applies its file alone.
SESSION_S = 0.11


@pytest.fixture
def console(rig):
    """A daemon whose dataplane is in sync."""
    time.sleep(SESSION_S)
    console = Console(rig.socket_path)
    console.start()
    console.wait_in_sync()
    yield console
    console.stop()
