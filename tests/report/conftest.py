import shutil

import pytest

from tests.report.digits import make_bakeoff
from tests.report.several import make_several


@pytest.fixture(scope="session")
def finished_bakeoff(tmp_path_factory):
    """A bake-off to read; tests that change it take `bakeoff`."""
    return make_bakeoff(tmp_path_factory.mktemp("digits"))


@pytest.fixture
def bakeoff(finished_bakeoff, tmp_path):
    return shutil.copytree(finished_bakeoff, tmp_path / "digits")


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """The results that answer a question, made when they are first asked for; not to be changed."""
    answers = {}

    def make(name):
        if name not in answers:
            answers[name] = make_several(tmp_path_factory.mktemp(name), name)
        return answers[name]

    return make
