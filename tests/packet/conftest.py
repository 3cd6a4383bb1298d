# SPDX-License-Identifier: BSD-3-Clause
"""A dataplane for each module of tests; every test starts with its wires drained."""

import pytest

from harness.rig import Rig


@pytest.fixture(scope="module")
def module_rig(request):
    """The module may define CONFIGURE(config), WORKERS and MTU."""
    name = request.module.__name__.removeprefix("test_")[:10]
    rig = Rig(name, getattr(request.module, "CONFIGURE", None),
              getattr(request.module, "WORKERS", 1), getattr(request.module, "MTU", 1500))
    yield rig
    rig.stop()


@pytest.fixture
def rig(module_rig):
    module_rig.front.drain()
    module_rig.back.drain()
    yield module_rig
    assert module_rig.dataplane.running, "the dataplane has ended during the test"
    module_rig.dataplane.check_sanitizers()
