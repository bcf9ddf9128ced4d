import shutil

import pytest

from tests.report.digits import make_bakeoff


@pytest.fixture(scope="session")
def finished_bakeoff(tmp_path_factory):
    """A bake-off to read; tests that change it take `bakeoff`."""
    return make_bakeoff(tmp_path_factory.mktemp("digits"))


@pytest.fixture
def bakeoff(finished_bakeoff, tmp_path):
    return shutil.copytree(finished_bakeoff, tmp_path / "digits")
