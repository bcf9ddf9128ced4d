"""A plain shell rule ends the same with and without a nested Snakemake."""

import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from snakemake_executor_plugin_submitit.job.prepare import prepare
from snakemake_executor_plugin_submitit.job.spec import JobSpec
from tests.executor.workflow import Workflow

RULES = """
    rule all:
        input: "plain.txt", "folder", "deep/er/touched.txt", "protected.txt", "consumer.txt", "log.txt"
    rule plain:
        output: "plain.txt"
        threads: 3
        params: word="it's \\"quoted\\" $HOME"
        shell: "printf '%s\\\\n' {params.word:q} $OMP_NUM_THREADS $TMPDIR > {output}"
    rule folder:
        output: directory("folder")
        shell: "mkdir {output}; touch {output}/a"
    rule touched:
        output: touch("deep/er/touched.txt")
        shell: "test -d deep/er"
    rule protected:
        output: protected("protected.txt")
        shell: "echo kept > {output}"
    rule producer:
        output: temp("temporary.txt")
        shell: "echo once > {output}"
    rule consumer:
        input: "temporary.txt"
        output: "consumer.txt"
        shell: "cat {input} > {output}"
    rule log:
        output: "log.txt"
        log: "logs/of/log.log"
        shell: "echo said | tee {log} > {output}; false | true || true"
"""


def outcome(folder: Path) -> dict[str, object]:
    """Every file below a folder with its content, and what Snakemake noted about it."""
    files = sorted(path for path in folder.rglob("*") if ".snakemake/" not in str(path))
    found: dict[str, object] = {
        str(path.relative_to(folder)): (path.read_text(), oct(path.stat().st_mode))
        if path.is_file()
        else "folder"
        for path in files
    }
    records = [json.loads(path.read_text()) for path in (folder / ".snakemake/metadata").iterdir()]
    for record in records:
        for moment in ("starttime", "endtime", "job_hash"):
            record.pop(moment, None)
    found["metadata"] = sorted(records, key=lambda record: json.dumps(record, sort_keys=True))
    found["incomplete"] = list((folder / ".snakemake/incomplete").iterdir())
    return found


@pytest.mark.slow
def test_files_modes_and_metadata_are_those_of_a_nested_snakemake(tmp_path: Path) -> None:
    found = {}
    for mode in ("auto", "never"):
        folder = tmp_path / mode / "work"
        folder.mkdir(parents=True)
        workflow = Workflow(folder, "local")
        workflow.write(RULES)
        done = workflow.run("--submitit-direct", mode, "--jobs", "3")
        assert done.returncode == 0, done.stdout + workflow.logs()
        found[mode] = outcome(folder)
        nested = "Building DAG of jobs" in workflow.logs()
        assert nested == (mode == "never")
    assert found["auto"] == found["never"]


@pytest.mark.slow
def test_a_failing_pipe_a_leftover_and_a_missing_output_fail_as_they_should(
    local_workflow: Workflow,
) -> None:
    local_workflow.write("""
        rule all:
            input: "pipe.txt", "missing.txt", "leftover.txt"
        rule pipe:
            output: "pipe.txt"
            shell: "false | tee {output}"
        rule missing:
            output: "missing.txt"
            shell: "true"
        rule leftover:
            output: "leftover.txt"
            shell: "test ! -e {output} && echo new > {output}"
    """)
    (local_workflow.folder / "leftover.txt").write_text("old\n")
    done = local_workflow.run("--keep-going", "--latency-wait", "1", "--forcerun", "leftover")
    assert done.returncode == 1
    assert "pipe failed: exit code 1" in done.stdout
    assert "missing.txt (missing locally" in done.stdout
    assert local_workflow.read("leftover.txt") == "new\n"
    assert not (local_workflow.folder / "pipe.txt").exists(), "a failed job's output is removed"


SPECIAL = {
    "shadow": 'shadow: "minimal"\n    shell: "touch {output}"',
    "benchmark": 'benchmark: "b.tsv"\n    shell: "touch {output}"',
    "python": 'run:\n        open(output[0], "w").close()',
    "tmpdir": 'resources: tmpdir="own"\n    shell: "echo $TMPDIR > {output}"',
    "command": 'shell: "echo {resources.tmpdir} > {output}"',
}


@pytest.mark.slow(seconds=50)
def test_rules_that_need_more_get_their_nested_snakemake(local_workflow: Workflow) -> None:
    rules = "\n".join(
        f'rule {name}:\n    output: "{name}.txt"\n    {body}' for name, body in SPECIAL.items()
    )
    wanted = ", ".join(f'"{name}.txt"' for name in SPECIAL)
    (local_workflow.folder / "Snakefile").write_text(f"rule all:\n    input: {wanted}\n{rules}\n")
    done = local_workflow.run("--jobs", "2")
    assert done.returncode == 0, done.stdout + local_workflow.logs()
    assert local_workflow.logs().count("Building DAG of jobs") == len(SPECIAL)
    assert local_workflow.read("tmpdir.txt") == "own\n"
    assert Path(local_workflow.read("command.txt").strip()).is_dir()


def test_a_job_without_a_declared_variable_says_so(tmp_path: Path) -> None:
    spec = JobSpec("key", "identity", "one", str(tmp_path), str(tmp_path), "true", nested=False)
    prepare(replace(spec, declared=["HOME"]))
    with pytest.raises(OSError, match=r"^NOWHERE: declared in envvars.*SBATCH_EXPORT"):
        prepare(replace(spec, declared=["HOME", "NOWHERE"]))


@pytest.mark.slow(seconds=5)
def test_job_folders_are_private_and_cleaned_on_request(local_workflow: Workflow) -> None:
    local_workflow.write("""
        rule all:
            input: "a.txt", "b.txt"
        rule a:
            output: "a.txt"
            shell: "touch {output}"
        rule b:
            output: "b.txt"
            shell: "exit 1"
    """)
    before = os.umask(0)
    try:
        done = local_workflow.run("--keep-going", "--submitit-clean")
    finally:
        os.umask(before)
    assert done.returncode == 1
    root = local_workflow.folder / ".snakemake/submitit"
    folders = [path for path in (root, *root.iterdir()) if path.is_dir()]
    assert {oct(path.stat().st_mode & 0o777) for path in folders} == {"0o700"}
    left = local_workflow.submissions()
    assert len(left) == 1 and "-b-" in left[0], "the failed job's folder stays, the other goes"


@pytest.mark.slow
def test_cleaning_also_takes_the_folders_of_submissions_that_were_replaced(
    local_workflow: Workflow,
) -> None:
    rules = """
        rule all:
            input: "again.txt", "changed.txt"
        rule again:
            output: "again.txt"
            shell: "[ -e tried ] && touch {output} || {{ touch tried; exit 75; }}"
        rule changed:
            output: "changed.txt"
            shell: "touch started; sleep SECONDS; touch {output}"
    """
    local_workflow.write(rules.replace("SECONDS", "60"))
    snakemake = local_workflow.start("--submitit-clean")
    started = local_workflow.folder / "started"
    local_workflow.wait_for(
        lambda: "1 of 3 steps" in local_workflow.output and started.exists(), "one is done"
    )
    snakemake.kill()  # alone: its jobs live on
    snakemake.wait()
    local_workflow.write(rules.replace("SECONDS", "0"))
    local_workflow.run("--unlock")
    done = local_workflow.run("--submitit-clean")
    assert done.returncode == 0, done.stdout
    assert "it is submitted again" in local_workflow.output
    assert "does not fit any more and has to go" in done.stdout
    assert local_workflow.submissions() == []
