# SPDX-License-Identifier: BSD-3-Clause
"""A dataplane of its own for each test: what chaos leaves behind is no other test's."""

import pytest

from harness.rig import Rig


@pytest.fixture
def rig(request):
    rig = Rig("chaos", connect=getattr(request.function, "connect", True))
    yield rig
    rig.stop()
