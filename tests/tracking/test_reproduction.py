"""How runs are made again, in the words of their own tags."""

from bakeoff.tracking.reproduction import origin, reproduction, whole

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


def test_the_whole_is_said_only_where_all_runs_have_one_configuration_and_commit() -> None:
    lines = whole([run(0), run(1)])
    assert lines[3:5] == [f"git checkout {COMMIT}", "snakemake --configfile 'my file.yaml'"]
    assert whole([run(0), run(1, git_commit="b" * 40)]) == []
    assert whole([run(0), run(1, command="bakeoff train --config other.yaml")]) == []
    assert whole([run(0, command="bakeoff train --config a.yaml --set training.lr=1")]) == []
    assert whole([{"host": "vm"}]) == whole([]) == []


def test_the_origin_says_when_a_commit_is_not_all() -> None:
    assert origin([run(0), run(1)]) == "From commit `374264a00000`, configuration `my file.yaml`."
    dirty = origin([run(0, git_dirty="True")])
    assert dirty.startswith("From commit `374264a00000` with uncommitted changes,")
    assert origin([{}]) == ""
