"""How runs are made again, in the words of their own tags."""

import pytest

from bakeoff.serving.champion import challenge
from bakeoff.task.binary import BinaryTask
from bakeoff.tracking.presentation.descriptions import of_baseline, of_comparison, of_experiment
from bakeoff.tracking.presentation.reproduction import origin, recipe, reproduction, whole
from bakeoff.tracking.records import StoredRun

COMMIT = "374264a" + "0" * 33


def run(seed: int, **more: str) -> dict[str, str]:
    command = f"bakeoff train --config 'my file.yaml' --variant a --seed {seed}"
    return {"git_commit": COMMIT, "git_dirty": "False", "command": command, **more}


def test_several_runs_name_the_commit_once_and_a_command_each() -> None:
    kept = [
        run(seed, reproduce=f"git checkout {COMMIT}\nsnakemake results/a/seed-{seed}")
        for seed in (0, 1)
    ]
    lines = reproduction(kept)
    assert lines[0] == "Reproduce with, in a clone of the repository,"
    assert lines[3:6] == [
        f"git checkout {COMMIT}",
        "snakemake results/a/seed-0",
        "snakemake results/a/seed-1",
    ]
    kept[1]["not_in_commit"] = "my file.yaml: not tracked by git"
    assert "Not in the commit: my file.yaml: not tracked by git." in reproduction(kept)
    earlier = reproduction([run(0), run(1)])
    assert earlier[0] == "Trained by"
    assert earlier[3:6] == [f"git checkout {COMMIT}", run(0)["command"], run(1)["command"]]
    assert reproduction([{"host": "vm"}]) == []


def test_the_whole_bake_off_has_commands_only_where_all_runs_have_one_configuration_and_commit() -> (
    None
):
    lines = whole([run(0), run(1)])
    assert lines[3:5] == [f"git checkout {COMMIT}", "snakemake --configfile 'my file.yaml'"]
    other = whole([run(0), run(1, command="bakeoff train --config other.yaml")])
    assert other == ["Its runs are of several configurations: each says how it is made again."]
    commits = whole([run(0), run(1, git_commit="b" * 40)])
    assert (
        commits[3] == "snakemake --configfile 'my file.yaml'" and "git checkout" not in commits[3]
    )
    assert commits[-1].startswith(f"The runs are of several commits: {COMMIT}, {'b' * 40}.")
    assert whole([{"host": "vm"}]) == whole([]) == []


def test_overrides_are_part_of_the_command_of_the_whole() -> None:
    command = "bakeoff train --config a.yaml --set 'training={seeds: [0,1], epochs: 3}' --set image.size=9"
    assert whole([run(0, command=f"{command} --seed 0"), run(1, command=f"{command} --seed 1")])[
        4
    ] == (
        "snakemake --configfile a.yaml --config 'training={seeds: [0,1], epochs: 3}' 'image={size: 9}'"
    )
    assert origin([run(0, command=command)]).endswith(
        "configuration `a.yaml` with `training={seeds: [0,1], epochs: 3}` and `image.size=9`."
    )


def test_what_a_commit_does_not_hold_is_listed_with_the_whole() -> None:
    missing = "config.yaml: not tracked by git"
    lines = whole([run(0), run(1, not_in_commit=missing, git_dirty="True")])
    assert lines[-2:] == ["", f"Not in the commit, and needed: {missing}."]
    assert whole([run(0, git_dirty="True")])[-1] == (
        "Not in the commit, and needed: changes of tracked files."
    )
    # As run.json has them.
    provenance = {
        "git_commit": COMMIT,
        "git_dirty": True,
        "not_in_commit": [missing, "b: changed since"],
    }
    made = recipe("snakemake --configfile config.yaml", [provenance])
    assert made.commands == [f"git checkout {COMMIT}", "snakemake --configfile config.yaml"]
    assert made.caveats == [
        f"Not in the commit, and needed: {missing}.",
        "Not in the commit, and needed: b: changed since.",
    ]
    assert "No commit is known" in recipe("snakemake", [{"git_commit": None}]).caveats[0]
    assert recipe("snakemake", []).caveats == recipe("", [provenance]).commands == []


def test_the_origin_says_when_a_commit_is_not_all() -> None:
    assert origin([run(0), run(1)]) == "From commit `374264a00000`, configuration `my file.yaml`."
    dirty = origin([run(0, git_dirty="True")])
    assert dirty.startswith("From commit `374264a00000` with uncommitted changes,")
    assert origin([{}]) == ""


@pytest.mark.parametrize(
    "options",
    [
        "--set data.seed=007",
        '--set data.name="a --b"',
        "--set data.taken=2024-13-45",
        "--set data.number=0x_",
        f"--set data.deep={'[' * 5000}",
    ],
)
def test_a_noted_command_that_nobody_can_read_is_given_as_it_is(options: str) -> None:
    """Earlier versions quoted nothing and read other numbers; a sync must not fail for it."""
    command = f"bakeoff train --config a.yaml {options} --variant a --seed 0"
    (line,) = whole([run(0, command=command)])
    assert line == (
        f"Its configuration cannot be read from `{command}`: each run says how it is made again."
    )
    assert origin([run(0, command=command)])
    assert "several" in whole([run(0, command=command), run(1)])[0]


def test_runs_that_name_no_configuration_or_commit_are_counted_not_compared() -> None:
    lines = whole([run(0), {}, {"host": "vm"}])
    assert lines[3:5] == [f"git checkout {COMMIT}", "snakemake --configfile 'my file.yaml'"]
    assert "2 of its 3 runs do not say of which configuration they are." in lines
    assert "1 of the 2 runs that are known does not say of which commit it is." in lines
    assert lines == whole([{}, {"host": "vm"}, run(0)])
    known = [run(0), run(1, git_commit="b" * 40), {"host": "vm"}]
    made = recipe("snakemake", known)
    assert made.commands == ["snakemake"]
    assert made.caveats == [
        f"The runs are of several commits: {COMMIT}, {'b' * 40}. Each run says how it is made again.",
        "1 of the 3 runs that are known does not say of which commit it is.",
    ]


def test_descriptions_are_no_longer_than_mlflow_takes_whatever_was_noted() -> None:
    tags = [run(0, command=f"bakeoff train --config a.yaml --set data.note={'long ' * 2000}")]
    assert len(of_experiment("1", "test", tags, [], BinaryTask().metric())) < 5000
    assert len(of_comparison("test", tags, [])) < 8000
    assert len(of_baseline("test", "majority", "", tags)) < 8000


def test_tags_that_people_changed_or_took_away_are_no_mistake() -> None:
    def comparison(number: int, **tags: str) -> StoredRun:
        return StoredRun(str(number), "1", f"run {number}", "FINISHED", 0, 0, False, tags, {}, {})

    both = [comparison(0, results="a"), comparison(1)]
    text = of_experiment("1", "test", [], both, BinaryTask().metric())
    assert "[report of a]" in text and "[report of run 1]" in text
    tags = {"test_split": "s", "test_auroc_mean": "0.7"}
    assert challenge(tags, tags | {"test_auroc_mean": "0.6"})[0]
    better, reason = challenge(tags, tags | {"test_auroc_mean": "good", "task": "mine"})
    assert not better and reason.startswith("its AUROC is not known")
