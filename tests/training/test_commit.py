"""What a commit holds of what was run, asked of real repositories."""

from pathlib import Path

import pytest

from bakeoff.files import sha256
from bakeoff.training.commit import commit_of
from tests.workflow.conftest import git


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "checkout"
    (folder / "src/bakeoff").mkdir(parents=True)
    (folder / "src/bakeoff/train.py").write_text("train = 1\n")
    (folder / "mine.yaml").write_text("experiment: mine\n")
    (folder / ".gitignore").write_text("data/\nlocal*\n")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "One")
    monkeypatch.chdir(folder)
    return folder


def asked(*configuration: str, data: tuple[str, ...] = ()) -> tuple[object, list[str]]:
    package = Path.cwd() / "src/bakeoff"
    said = commit_of(map(Path, configuration), map(Path, data), package)
    return said["git_dirty"], said["not_in_commit"]


def test_what_is_committed_is_clean(checkout: Path) -> None:
    assert commit_of([], [], checkout / "src/bakeoff")["git_commit"] == (
        git(checkout, "rev-parse", "HEAD").strip()
    )
    assert asked("mine.yaml") == (False, [])


def test_a_configuration_that_the_commit_does_not_hold_is_named(
    checkout: Path, tmp_path: Path
) -> None:
    for name in ("new.yaml", "local.yaml", "../outside.yaml"):
        (checkout / name).write_text("experiment: other\n")
    assert asked("new.yaml") == (True, ["new.yaml: not tracked by git"])
    assert asked("local.yaml") == (True, ["local.yaml: not tracked by git"])  # ignored
    assert asked("mine.yaml", "../outside.yaml") == (
        True,
        ["../outside.yaml: outside the repository"],
    )
    (checkout / "mine.yaml").write_text("experiment: changed\n")
    assert asked("mine.yaml") == (True, ["mine.yaml: changed since"])


def test_code_that_git_does_not_know_is_named(checkout: Path) -> None:
    (checkout / "src/bakeoff/local.py").write_text("model = 1\n")
    (checkout / "src/bakeoff/train.pyc").write_bytes(b"nobody's code")
    dirty, missing = asked("mine.yaml")
    assert dirty
    assert missing == [f"{checkout}/src/bakeoff/local.py: not tracked by git"]
    installed = commit_of([], [], checkout.parent / "site-packages/bakeoff")
    assert installed["git_dirty"]
    assert "bakeoff itself, outside the repository" in installed["not_in_commit"][0]
    (checkout / "data/site-packages/bakeoff").mkdir(parents=True)
    inside = commit_of([], [], checkout / "data/site-packages/bakeoff")
    assert "bakeoff itself, not tracked by git" in inside["not_in_commit"][0]


def test_data_is_named_with_its_content_and_is_no_uncommitted_change(checkout: Path) -> None:
    labels = checkout / "data/labels.csv"
    labels.parent.mkdir()
    labels.write_text("image,label\n")
    content = sha256(labels)[:12]
    assert asked("mine.yaml", data=("data/labels.csv",)) == (
        False,
        [f"data/labels.csv: not tracked by git, sha256 {content}"],
    )


def test_outside_of_a_checkout_nothing_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert commit_of([], []) == {"git_commit": None, "git_dirty": None, "not_in_commit": []}
