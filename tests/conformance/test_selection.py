"""Some of Snakemake's own tests, through this executor; all of them: `make conformance`."""

from pathlib import Path

import pytest

from tests.conformance.running import run
from tests.conformance.suite import Suite, UnavailableError
from tests.conformance.table import differences, name

# One or two of each kind: commands, what is known late, restarts, files with a meaning, and what never
# ended. Those with jobs of their own Snakemake take the time.
SELECTED = [
    "test_fstring",
    "test_spaces_in_fnames",
    "test_lazy_resources",
    "test_config_replacing_nocli",
    "test_retries",
    "test_temp",
    "test_ensure_success",
    "test_touch",
    "test_update_flag_fail",
    "test_service_jobs",
]

pytestmark = pytest.mark.slow(seconds=90)


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], Path]:
    """How the selection ends, run once, and its log."""
    try:
        suite = Suite.prepare()
    except UnavailableError as error:
        pytest.skip(f"Snakemake's source distribution cannot be fetched: {error}")
    log = tmp_path_factory.mktemp("conformance") / "log"
    return {**run(suite, "direct", SELECTED, workers=2, log=log, patience=900)}, log


@pytest.mark.parametrize("test", SELECTED)
def test_snakemakes_own_test_passes(test: str, results: tuple[dict[str, str], Path]) -> None:
    found, log = results
    assert found.get(test) == "passed", log.read_text()[-20_000:]


def test_nothing_selected_stands_in_the_list_of_differences() -> None:
    assert not {name(test) for test in SELECTED} & set(differences())
