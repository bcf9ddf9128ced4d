"""Flags that change where a job runs, what comes before it, and what an earlier Snakemake left."""

from pathlib import Path

import pytest
from snakemake_interface_common.exceptions import WorkflowError

from snakemake_executor_plugin_submitit.settings import ExecutorSettings
from tests.executor.workflow import Workflow


@pytest.mark.slow(seconds=2)
def test_debug_runs_the_jobs_inside_snakemake_and_reports_failures(tmp_path: Path) -> None:
    workflow = Workflow(tmp_path, "debug")
    workflow.write("""
        rule all:
            input: "second.txt", "fails.txt"
        rule first:
            output: "first.txt"
            shell: "echo $PPID > {output}"
        rule second:
            input: "first.txt"
            output: "second.txt"
            shell: "cp {input} {output}"
        rule fails:
            output: "fails.txt"
            shell: "exit 3"
    """)
    snakemake = workflow.start("--keep-going")
    assert snakemake.wait(timeout=60) == 1, workflow.output
    assert workflow.read("second.txt").strip() == str(snakemake.pid)
    assert "fails failed: exit code 3" in workflow.output


@pytest.mark.slow(seconds=3)
def test_submitting_everything_at_once_is_refused_before_anything_is_written(
    tmp_path: Path,
) -> None:
    """No job would wait for those that make its inputs, and would read what an earlier run left."""
    workflow = Workflow(tmp_path, "local")
    workflow.write("""
        rule one:
            output: "out.txt"
            shell: "touch {output}"
    """)
    done = workflow.run("--immediate-submit", "--notemp")
    assert done.returncode == 1 and "Traceback" not in done.stdout
    assert "--immediate-submit: jobs would not wait for those that make their inputs" in done.stdout
    assert "--submitit-detach" in done.stdout
    assert not (tmp_path / ".snakemake/submitit").exists()


@pytest.mark.slow(seconds=4)
@pytest.mark.parametrize("flag", ["--submitit-logdir", "--submitit-folder"])
@pytest.mark.parametrize("place", ["a-file", "a-file/below", "/proc/nowhere"])
def test_a_place_that_takes_no_folder_is_refused_before_anything_is_submitted(
    tmp_path: Path, flag: str, place: str
) -> None:
    workflow = Workflow(tmp_path, "local")
    workflow.write("""
        rule one:
            output: "out.txt"
            shell: "touch {output}"
    """)
    (tmp_path / "a-file").touch()
    done = workflow.run(flag, place)
    assert done.returncode == 1 and "Traceback" not in done.stdout
    assert f"{flag} {place}: no folder can be made or written to there" in done.stdout
    assert "submitted" not in done.stdout and not (tmp_path / "out.txt").exists()


@pytest.mark.slow
def test_fresh_cancels_what_was_left_behind_and_setup_comes_before_the_job(
    local_workflow: Workflow,
) -> None:
    local_workflow.write("""
        rule one:
            output: "out.txt"
            shell:
                "echo $WORD >> starts; until [ -e go ]; do sleep 0.1; done; "
                "echo $WORD >> ends; cp ends {output}"
    """)
    snakemake = local_workflow.start("--submitit-setup", "export WORD=left")
    local_workflow.wait_for(lambda: local_workflow.read("starts"), "it runs")
    snakemake.kill()
    snakemake.wait()
    snakemake = local_workflow.start(
        "--nolock", "--submitit-fresh", "--submitit-setup", "export WORD=fresh"
    )
    local_workflow.wait_for(lambda: "fresh" in local_workflow.read("starts"), "it runs anew")
    (local_workflow.folder / "go").touch()
    assert snakemake.wait(timeout=90) == 0, local_workflow.output
    assert local_workflow.read("out.txt") == "fresh\n", "the job left behind did not end"
    assert "has to go" in local_workflow.output


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"requeue": True, "no_requeue": True}, "requeue and --submitit-no-requeue contradict"),
        (
            {"jobname_prefix": "my lab"},
            "--submitit-jobname-prefix my lab: expected up to 50 letters",
        ),
        ({"jobname_prefix": "x" * 51}, "expected up to 50 letters"),
        ({"logdir": "logs/%j"}, "--submitit-logdir logs/%j: expected a path without %"),
        ({"exclude_failed_nodes": "gr[1;rm]"}, "expected auto, never, or nodes such as"),
        ({"exclude_failed_nodes": "gr[001-004"}, "expected auto, never, or nodes such as"),
        ({"exclude_failed_nodes": "gr001,"}, "expected auto, never, or nodes such as"),
        ({"cluster": "pbs"}, "--submitit-cluster pbs: expected slurm, local or debug"),
        ({"array_size": 0}, "--submitit-array-size 0: expected more than 0"),
        ({"notice": -1}, "--submitit-notice -1: expected 0 or more"),
    ],
)
def test_flags_that_cannot_be_meant_are_refused_by_name(values: dict[str, str], words: str) -> None:
    with pytest.raises(WorkflowError, match=words):
        ExecutorSettings(**values)  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_job_that_may_not_be_requeued_fails_and_its_retries_decide(
    local_workflow: Workflow,
) -> None:
    """It saved and asks to go on, which without the flag it would without counting as a failure."""
    local_workflow.write("""
        rule all:
            input: "once.txt", "own.txt"
        rule once:
            output: "once.txt"
            shell: "echo >> tries; exit 75"
        rule own:
            output: "own.txt"
            resources: slurm_requeue=True
            shell: "[ -e saved ] && touch {output} || {{ touch saved; exit 75; }}"
    """)
    done = local_workflow.run("--submitit-no-requeue", "--retries", "1", "--keep-going")
    assert done.returncode == 1
    assert local_workflow.read("tries") == "\n\n", "one try, and the one that --retries gives"
    assert local_workflow.read("own.txt") == "" and "own.txt" not in failed(done.stdout)


@pytest.mark.slow
def test_a_rule_that_would_fail_again_is_not_retried(local_workflow: Workflow) -> None:
    """Exit code 78, of a direct job and through the Snakemake of a nested one, against any other."""
    local_workflow.write("""
        rule all:
            input: "direct.txt", "nested.txt", "other.txt"
        rule direct:
            output: "direct.txt"
            resources: mem_mb=lambda wildcards, attempt: 100 * attempt
            shell: "echo >> direct.tries; exit 78"
        rule nested:
            output: "nested.txt"
            shadow: "minimal"
            params: at=workflow.basedir
            shell: "echo >> {params.at}/nested.tries; exit 78"
        rule other:
            output: "other.txt"
            shell: "echo >> other.tries; exit 77"
    """)
    done = local_workflow.run("--retries", "2", "--keep-going")
    assert done.returncode == 1
    tries = {name: local_workflow.read(f"{name}.tries") for name in ("direct", "nested", "other")}
    assert tries == {"direct": "\n", "nested": "\n", "other": 3 * "\n"}, done.stdout
    assert done.stdout.count("would fail in the same way again, so it is not retried") >= 2


def failed(output: str) -> str:
    """What Snakemake says of rules that failed."""
    return "\n".join(line for line in output.splitlines() if "Error in rule" in line)
