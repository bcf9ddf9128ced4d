"""A command is formatted before its job runs only where the job would format the same one."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from snakemake_executor_plugin_submitit.direct.command import (
    UncertainError,
    command_of,
    digest_text,
)
from tests.executor.graph import jobs_of
from tests.executor.workflow import Workflow

BEGIN = """
import datetime, glob, os, random, shutil, socket, sys, time
import pandas as pd
from os import environ as surroundings
from functools import partial
from pathlib import Path
name = "a variable of the Snakefile"
CONSTANT = {"conv": 3}
asked = []
def counting(wildcards):
    asked.append(wildcards)
    return len(asked)
def with_more(wildcards, more):
    return wildcards.word + more
def of_a_constant(wildcards, output):
    return CONSTANT[wildcards.word]
def through_another(wildcards):
    return host()
def host():
    return socket.gethostname()
def with_default(wildcards, now=time.time):
    return now()
class Method:
    def __call__(self, wildcards):
        return os.environ["HOME"]
HOST = socket.gethostname()
AFTER_HOST = [f"{HOST}.{number}" for number in range(2)]
CALLED = "".join(["on ", host()])
SETTINGS = {"one": 1}
SETTINGS["home"] = os.path.expanduser("~")
CHANGED = []
CHANGED.append(surroundings.get("HOME"))
SET_INSIDE = None
def set_inside():
    global SET_INSIDE
    SET_INSIDE = os.getcwd()
set_inside()
if shutil.which("bash"):
    CHOSEN = "bash"
else:
    CHOSEN = "sh"
with open("Snakefile") as stream:
    LINE = stream.readline().strip()
if not os.path.exists("Snakefile"):
    raise FileNotFoundError(CONSTANT)
os.environ["UNRELATED"] = str(len(os.sched_getaffinity(0)))
print("to be told:", CONSTANT, time.time(), file=sys.stderr)
HERE = workflow.basedir
TABLE = pd.DataFrame({"word": ["conv"]})
def read_of_a_checkpoint(wildcards):
    if wildcards.word == "conv":
        return "conv"
    with open(checkpoints.made.get(word=wildcards.word).output[0]) as stream:
        return pd.read_csv(stream)
def with_a_checkpoint_here(wildcards):
    return checkpoints.made.get() if os.environ.get("NOWHERE") else "conv"
def made_for(host):
    return lambda wildcards: host
"""
# What follows `shell:` with the rule's other lines before it, and what the command must be.
CERTAIN = {
    'shell: "plain {{braces}} ${{HOME-}} {output}"': "plain {braces} ${HOME-} conv.{i}",
    'shell: "{wildcards.word} {rule} {threads} {log:q} {input}"': "conv r{i} 1 'conv log' ",
    'shell:\n        # a comment\n        "two "\n        "lines {output[0]}"': "two lines conv.{i}",
    'shell: "folded " + "together {output}"': "folded together conv.{i}",
    'shell: f"no field of its own {{output}}"': "no field of its own conv.{i}",
    'shell:\n        """\n        {output.named}\n"""': "\n        conv.{i}\n",
    'params: 1.5, b=["x", "y z"]\n    shell: "{params[0]} {params.b:q}"': "1.5 x 'y z'",
    'params: c={"k": "v"}, d=None\n    shell: "{params.c[k]} {params.d}"': "v None",
    'params: lambda wildcards: wildcards.word * 2\n    shell: "{params[0]}"': "convconv",
    'params: p=of_a_constant\n    shell: "{params.p}"': "3",
    'params: p=partial(with_more, more="!")\n    shell: "{params.p}"': "conv!",
    'params: p=Path("a") / "b"\n    shell: "{params.p}"': "a/b",
    'params: unused=lambda wildcards: time.time()\n    shell: "{output}"': "conv.{i}",
    'resources: mem_mb=lambda wildcards, attempt: 100 * attempt\n    shell: "{resources.mem_mb}"': "100",
    'threads: lambda wildcards: 1\n    shell: "{threads}"': "1",
    'params: p=lambda HOST: HOST.word\n    shell: "{params.p}"': "conv",
    'params: p=CONSTANT["conv"], q=HOST\n    shell: "{params.p}"': "3",
    'params: p=[stream for stream in CONSTANT]\n    shell: "{params.p}"': "conv",
    'params: p=lambda wildcards: TABLE.word[0]\n    shell: "{params.p}"': "conv",
    'params: p=lambda wildcards: len(rules.r0.output)\n    shell: "{params.p}"': "1",
    'params: p=len(rules.r0.output)\n    shell: "{params.p}"': "1",
    'params: p=read_of_a_checkpoint\n    shell: "{params.p}"': "conv",
    'params: p=lambda wildcards: (os.path.exists, checkpoints) and 3\n    shell: "{params.p}"': "3",
    'params: p=made_for("conv")\n    shell: "{params.p}"': "conv",
    'params: p=os.path.basename(str(HERE)) and 3\n    shell: "{params.p}"': "3",
}  # fmt: skip
# The rule's lines, and a word of the reason for which they are left to the job.
UNCERTAIN = {
    'params: p=with_a_checkpoint_here\n    shell: "{params.p}"': "environ",
    'shell: "echo {name}"': "variable of the Snakefile",
    'shell: "echo {config}"': "variable of the Snakefile",
    'shell: "echo {os.environ[HOME]}"': "variable of the Snakefile",
    'shell: "echo {jobid}"': "variable of the Snakefile",
    'shell: "echo {bench_iteration}"': "variable of the Snakefile",
    'shell: f"echo {name}"': "expression",
    'shell: f"echo {output.named}"': "expression",
    'shell: "echo {}".format(name)': "expression",
    'shell: CONSTANT and "echo"': "expression",
    'shell: "echo {input.size_mb}"': "in its command",
    'shell: "echo {output!r}"': "in its command",
    'shell: "echo {params.missing}"': "in its command",
    'params: p=set("ab")\n    shell: "echo {params.p}"': "no plain text",
    'params: p=Method()\n    shell: "echo {params.p}"': "environ",
    'params: p=with_default\n    shell: "echo {params.p}"': "time",
    'params: p=lambda wildcards: object()\n    shell: "echo {params.p}"': "no plain text",
    'params: p=counting\n    shell: "echo {params.p}"': "differently",
    'params: p=lambda wildcards: os.environ["HOME"]\n    shell: "echo {params.p}"': "environ",
    'params: p=lambda wildcards: time.time()\n    shell: "echo {params.p}"': "time",
    'params: p=lambda wildcards: random.random()\n    shell: "echo {params}"': "random",
    'params: p=through_another\n    shell: "echo {params.p}"': "gethostname|socket",
    'params: p=lambda wildcards: [host() for _ in range(2)]\n    shell: "echo {params.p}"': "socket",
    'params: p=lambda wildcards: workflow.cores\n    shell: "echo {params.p}"': "workflow",
    'resources: r=lambda wildcards: os.cpu_count()\n    shell: "echo {resources.r}"': "cpu_count",
    'threads: lambda wildcards: max(1, 0 * os.cpu_count())\n    shell: "echo {threads}"': "cpu_count",
    'params: p=lambda wildcards: open("Snakefile").read()\n    shell: "echo {params.p:q}"': "open",
    'params: p=lambda wildcards: os.listdir()\n    shell: "echo {params.p}"': "listdir",
    'params: p=lambda wildcards: os.path.exists("x")\n    shell: "echo {params.p}"': "exists",
    'params: p=lambda wildcards: glob.glob("*")\n    shell: "echo {params.p}"': "glob",
    'params: p=lambda wildcards: Path("Snakefile").read_text()\n    shell: "echo {params.p:q}"': "read_",
    'params: p=lambda wildcards: Path("x").exists()\n    shell: "echo {params.p}"': "exists",
    'params: p=lambda wildcards: Path(".").stat().st_size\n    shell: "echo {params.p}"': "stat",
    'params: p=lambda wildcards: os.path.getsize(".")\n    shell: "echo {params.p}"': "getsize",
    'params: p=lambda wildcards: len(pd.read_table("Snakefile"))\n    shell: "echo {params.p}"': "read_table",
    'params: p=HOST\n    shell: "echo {params.p}"': "gethostname|socket",
    'params: HOST\n    shell: "echo {params[0]}"': "gethostname|socket",
    'params: p=lambda wildcards: HOST\n    shell: "echo {params.p}"': "gethostname|socket",
    'params: p=partial(with_more, more=HOST)\n    shell: "echo {params.p}"': "socket",
    'params: p=made_for(HOST)\n    shell: "echo {params.p}"': "socket",
    'params: p=AFTER_HOST\n    shell: "echo {params.p}"': "socket",
    'params: p=CALLED\n    shell: "echo {params.p:q}"': "socket",
    'params: p=SETTINGS["home"]\n    shell: "echo {params.p}"': "expanduser",
    'params: p=CHANGED\n    shell: "echo {params.p}"': "environ",
    'params: p=SET_INSIDE\n    shell: "echo {params.p}"': "getcwd",
    'params: p=CHOSEN\n    shell: "echo {params.p}"': "shutil",
    'params: p=LINE\n    shell: "echo {params.p}"': "open",
    'params: p=time.time()\n    shell: "echo {params.p}"': "time",
    'params: p=random.random()\n    shell: "echo {params.p}"': "random",
    'params: p=str(datetime.datetime.now())\n    shell: "echo {params.p:q}"': "datetime|now",
    'params: p=os.environ.get("HOME")\n    shell: "echo {params.p}"': "environ",
    'params: p=workflow.cores\n    shell: "echo {params.p}"': "workflow.cores",
    'resources: r=os.cpu_count()\n    shell: "echo {resources.r}"': "cpu_count",
    'threads: max(1, 0 * os.cpu_count())\n    shell: "echo {threads}"': "cpu_count",
    'input: lambda wildcards: [] if os.environ else "x"\n    shell: "echo {input}"': "environ",
    'params: p=lambda wildcards: rules.r0.params\n    shell: "echo x{params.p}"': "time|socket|environ",
    'input: [HOST for _ in range(0)]\n    shell: "echo {input}"': "socket",
    'threads: lambda wildcards: os.cpu_count() and 1\n    params: p=lambda wildcards, threads: threads\n'
    '    shell: "echo {params.p}"': "cpu_count",
}  # fmt: skip


@pytest.fixture(scope="module")
def jobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The jobs of a workflow with all of these rules, by the text of their rule."""
    folder = tmp_path_factory.mktemp("commands")
    bodies = [*CERTAIN, *UNCERTAIN]
    rules = [
        f'rule r{i}:\n    output: named="{{word}}.{i}"\n    log: "{{word}} log"\n    {body}\n'
        for i, body in enumerate(bodies)
    ]
    wanted = [f"conv.{i}" for i in range(len(bodies))]
    text = f"{BEGIN}\nrule all:\n    input: {wanted}\n" + "\n".join(rules)
    (folder / "Snakefile").write_text(text)
    with jobs_of(folder / "Snakefile", folder) as found:
        yield {bodies[int(job.rule.name[1:])]: job for job in found if job.rule.name != "all"}


@pytest.mark.parametrize("rule", CERTAIN)
def test_a_settled_command_is_the_one_that_the_job_would_format(
    jobs: dict[str, Any], rule: str
) -> None:
    job = jobs[rule]
    assert command_of(job) == CERTAIN[rule].replace("{i}", job.rule.name[1:])


@pytest.mark.parametrize("rule", UNCERTAIN)
def test_what_may_differ_inside_the_job_is_left_to_it(jobs: dict[str, Any], rule: str) -> None:
    with pytest.raises(UncertainError, match=UNCERTAIN[rule]):
        command_of(jobs[rule])


def test_commands_of_two_starts_are_compared_by_their_variables_and_not_by_addresses(
    jobs: dict[str, Any],
) -> None:
    assert digest_text(jobs['shell: "echo {name}"']) == "echo a variable of the Snakefile"
    assert " at 0x" not in digest_text(jobs['shell: f"echo {output.named}"'])


CASES = """
import os
name = "a variable"
shell.prefix("set -eu; word=prefixed; ")
WHERE = os.environ.get("SUBMITIT_EXECUTOR", "nowhere")
def lines(wildcards, input):
    return len(open("first.txt").read().split()) * 100
rule all:
    input: "name.txt", "expression.txt", "second.txt", "environment.txt", "value.txt", "cores.txt"
rule name:
    output: "name.txt"
    shell: "echo {name} $word > {output}"
rule expression:
    output: txt="expression.txt"
    shell: f"echo here $word > {output.txt}"
rule first:
    output: "first.txt"
    shell: "echo 1 2 3 > {output}"
rule second:
    input: "first.txt"
    output: "second.txt"
    resources: mem_mb=lines
    shell: "echo {resources.mem_mb} > {output}"
rule environment:
    output: "environment.txt"
    params: where=lambda wildcards: os.environ.get("SUBMITIT_EXECUTOR", "nowhere")
    shell: "echo {params.where} > {output}"
rule value:
    output: "value.txt"
    params: where=WHERE, through=lambda wildcards: WHERE
    shell: "echo {params.where} {params.through} > {output}"
rule cores:
    output: "cores.txt"
    shell: "echo {workflow.cores} > {output}"
"""


@pytest.mark.slow(seconds=20)
def test_the_right_command_runs_whatever_the_direct_way_knows_of_it(tmp_path: Path) -> None:
    workflow = Workflow(tmp_path, "local")
    workflow.write(CASES)
    done = workflow.run("--jobs", "2", "--cores", "3")
    assert done.returncode == 0, done.stdout + workflow.logs()
    assert workflow.read("cores.txt") == "3\n", "as asked, although the job has one"
    assert workflow.read("name.txt") == "a variable prefixed\n"
    assert workflow.read("expression.txt") == "here prefixed\n"
    assert workflow.read("second.txt") == "300\n"
    assert workflow.read("environment.txt") == "local\n", "asked inside the job, as it ever was"
    assert workflow.read("value.txt") == "local local\n"
