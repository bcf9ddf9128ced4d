"""A command is formatted before its job runs only where the job would format the same one."""

import ast
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from snakemake_executor_plugin_submitit.command import UncertainError, command_of, told
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
    assert told(jobs['shell: "echo {name}"']) == "echo a variable of the Snakefile"
    assert " at 0x" not in told(jobs['shell: f"echo {output.named}"'])


RULE = """
rule one:
    output: "one.txt"
    params: p=config.get("p", 1)
    shell: "echo {params.p} > {output}"
"""
CHANGED = """
use rule one as other with:
    params: p=VALUE
use rule other as last with:
    output: "last.txt"
    default_target: True
"""
OF_HOST = RULE.replace("1)", "HOST)")
DEEPER = OF_HOST.replace("\n", "\n    ")
MODULE = 'module m:\n    snakefile: "FILE.smk"\nuse rule '
# A Snakefile, and a word of the reason for which the rule of its target is left to the job.
SNAKEFILES = {
    "plain": (RULE, ""),
    "included": ('include: "other.smk"\n' + OF_HOST, "gethostname|socket"),
    "included by another name": ('include: os.environ.get("X", "other.smk")' + RULE, "environ"),
    "included, without a use": ('include: "other.smk"' + RULE, ""),
    "settings": ('config.setdefault("p", os.environ.get("X", 3))' + RULE, "environ"),
    "settings of a file": ('configfile: os.environ.get("X", "other.yaml")' + RULE, "environ"),
    "one of two": ("if not os.path.exists('here'):" + RULE.replace("\n", "\n    "), "exists"),
    "changed": (RULE + CHANGED.replace("VALUE", "os.getcwd()"), "getcwd"),
    "changed to a constant": (RULE + CHANGED.replace("VALUE", "3"), ""),
    "of a module": (MODULE.replace("FILE", "host") + "* from m", "gethostname|socket"),
    "of a plain module": (MODULE.replace("FILE", "plain") + "* from m", ""),
    "of a module, changed": (
        MODULE.replace("FILE", "plain") + "one from m with:\n    params: p=os.getpid()", "getpid"
    ),
    "by code": ("exec('x = 3')" + RULE, "exec"),
    "by another name": ("globals()['HOST'] = os.getpid()" + RULE, "getpid|globals"),
    "declared before": ('x = ":".join([(HOST := str(os.getpid())), "a"])' + OF_HOST, "getpid"),
    "an attempt": (
        "HOST = 1\ntry:\n    os.stat('here')\n    HOST = 2\nexcept OSError:\n    pass" + OF_HOST, "stat"
    ),
    "a loop": ("for HOST in [os.getpid()]:" + DEEPER, "getpid"),
}  # fmt: skip


@pytest.mark.parametrize("case", SNAKEFILES)
def test_values_are_followed_through_files_modules_and_the_rules_that_inherit(
    case: str, tmp_path: Path
) -> None:
    text, reason = SNAKEFILES[case]
    (tmp_path / "other.smk").write_text("import socket\nHOST = socket.gethostname()\n")
    (tmp_path / "other.yaml").write_text("p: 1\n")
    (tmp_path / "plain.smk").write_text(RULE)
    (tmp_path / "host.smk").write_text('include: "other.smk"' + OF_HOST)
    (tmp_path / "Snakefile").write_text(f"import os\n{text}\n")
    with jobs_of(tmp_path / "Snakefile", tmp_path) as (job,):
        if reason:
            with pytest.raises(UncertainError, match=reason):
                command_of(job)
        else:
            assert command_of(job) == f"echo {job.params.p} > {job.output[0]}"


# What comes before a rule, and what its parameter is; `x` is none of the names that are looked for.
FOLLOWED = {
    "class C: pass\nC.x = os.environ['HOME']": "C.x",
    "def f(): pass\nf.x = gethostname()": "f.x",
    "import string\nstring.x = gethostname()": "string.x",
    "class C: pass\ndef f():\n    C.x = gethostname()\nf()": "C.x",
    "x = []\nx.append(gethostname())\nx = '-'.join(x)": "x",
    "for i in range(1):\n    x = [] if i else ''\n    str.join(x, [gethostname()])": "x",
    "x = {'a': {}}\nfor s in x.values():\n    s['d'] = os.environ['HOME']": "x['a']['d']",
    "x = {'a': {}}\nfor _, s in x.items():\n    s['d'] = gethostname()": "lambda w: x['a']['d']",
    "x = {'a': {}}\n[s.update(h=gethostname()) for s in x.values()]": "x['a']['h']",
    "x = {}\ny = x\ny['h'] = gethostname()": "x['h']",
    "x = {}\ny = [x]\ny[0]['h'] = gethostname()": "x['h']",
    "config['x'] = {}\ny = config['x']\ny['h'] = gethostname()": "config['x']['h']",
    "x = {}\ndef f():\n    y = x\n    y['h'] = gethostname()\nf()": "x['h']",
    "x = {}\ndef f():\n    return x\nf()['h'] = gethostname()": "x['h']",
    "x = {}\ndef f(y):\n    x['h'] = y\nf(gethostname())": "x['h']",
    "x = {}\ndef f(y):\n    y['h'] = os.environ['HOME']\nf(x)": "x['h']",
    "x = {}\ndef f(y):\n    y['h'] = os.environ['HOME']\n    return 1\nz = f(x)": "x['h']",
    "def f(c):\n    c.setdefault('t', os.environ.get('HOME'))\nf(config)": "config['t']",
    "x = {}\nf = lambda y: x.update(h=y)\nf(gethostname())": "x['h']",
    "x = {}\nclass C:\n    def __init__(self, y): y['h'] = os.getpid()\nz = C(x)": "x['h']",
    "x = {}\nclass C:\n    def f(self, y): y['h'] = os.getpid()\nz = C()\n_ = z.f(x)": "x['h']",
    "x = []\ny = x\ny += [gethostname()]": "x[0]",
    "match 1:\n    case 1 if os.environ.get('HOME'): x = 'a'\n    case _: x = 'b'": "x",
    "match gethostname():\n    case x: pass": "x",
    "match [gethostname()]:\n    case [*x]: pass": "x",
    "match {'h': gethostname()}:\n    case {**x}: pass": "x",
    "for x in 'ab':\n    if os.environ.get('X') == x: break": "x",
    "from socket import *": "gethostname()",
    "from _socket import gethostname as x": "x()",
    "from numpy.random import default_rng as r\nx = int(r().integers(9))": "x",
    "import numpy.random as r\nx = float(r.rand())": "x",
    "from numpy.random import rand as r": "lambda w: 0 * r()",
    "import snakemake.utils as u\nx = u.available_cpu_count()": "x",
    "import importlib\nx = importlib.import_module('socket').gethostname()": "x",
    "x = getattr(os, 'environ')['HOME']": "x",
    "x = os.getenvb(b'HOME').decode()": "x",
    "x = os.times().elapsed": "x",
    "x = os.getpgrp()": "x",
    "x = id(object())": "x",
    "import pandas as pd\nx = str(pd.Timestamp('now'))": "x.split()[0]",
    "x = Path('/').owner()": "x",
    "x = list(set('abc'))": "x",
    "x = set('abc')": "lambda w: ' '.join(x)",
    "x = sorted({gethostname()})": "x",
    "x = {'a'}\nx.add(gethostname())": "sorted(x)[0]",
    "x = {}\n_ = x.update(h=gethostname())": "x['h']",
    "x = []\nlist(map(x.append, [gethostname()]))": "x[0]",
    "x = 'a'\nworkflow.globals['x'] = gethostname()": "x",
    "x = ({},)\nx[0]['h'] = gethostname()": "x[0]['h']",
    "x = ([],)\nx[0].append(gethostname())": "x[0][0]",
    "from collections import namedtuple\nN = namedtuple('N', 'a')\nx = N([])\n"
    "x.a.append(gethostname())": "x.a",
    "import dataclasses\n@dataclasses.dataclass(frozen=True)\nclass D:\n    h: list\n"
    "x = D([])\nx.h.append(gethostname())": "x.h",
    "def d(h):\n    return lambda f: lambda wildcards: h\nx = gethostname()\n"
    "@d(x)\ndef f(wildcards):\n    x = 3\n    return x": "f",
}  # fmt: skip
# The same, of which every job can be certain.
UNTOUCHED = {
    "x = sorted(set('ba'))": "x",
    "x = {'a', 'b'}": "lambda w: 'a' in x",
    "x = {}\nos.environ['X'] = gethostname()": "os.path.basename('x')",
    "x = {'name': 'a'}\nPath(os.environ['HOME'], x['name']).exists()": "x['name']",
    "x = ['a']\ny = expand('{h}/{x}', h=gethostname(), x=x)": "x",
    "x = ['a']\ndef f(h, x):\n    return [h, *x]\ny = f(gethostname(), x)": "x",
    "config['x'] = 'a'\nimport shutil\nshutil.rmtree(config['x'], True)": "config['x']",
    "config['x'] = 'a'\nimport subprocess\nsubprocess.run(['echo', config['x']])": "config['x']",
    "x = 'a'\nif not os.environ.get('X'):\n    print(x)": "x",
}  # fmt: skip


@pytest.mark.parametrize("before", [*FOLLOWED, *UNTOUCHED])
def test_values_are_followed_through_what_shares_and_changes_them(
    before: str, tmp_path: Path
) -> None:
    value = FOLLOWED.get(before) or UNTOUCHED[before]
    begin = f"import os\nfrom pathlib import Path\nfrom socket import gethostname\n{before}\n"
    rule = f'rule:\n    output: "x.txt"\n    params: p={value}\n    shell: "echo {{params.p}}"\n'
    (tmp_path / "Snakefile").write_text(begin + rule)
    with jobs_of(tmp_path / "Snakefile", tmp_path) as (job,):
        if before in UNTOUCHED:
            assert command_of(job).startswith("echo ")
        else:
            with pytest.raises(UncertainError, match="looks at"):
                command_of(job)


def test_a_module_s_name_is_not_taken_for_that_of_the_main_snakefile(tmp_path: Path) -> None:
    module = "import socket\nX = {}\nX['h'] = socket.gethostname()\n"
    (tmp_path / "host.smk").write_text(module + RULE.replace("1)", "X['h'])"))
    (tmp_path / "Snakefile").write_text(f"X = 'x'\n{MODULE.replace('FILE', 'host')}* from m\n")
    with (
        jobs_of(tmp_path / "Snakefile", tmp_path) as (job,),
        pytest.raises(UncertainError, match="socket"),
    ):
        command_of(job)


def test_what_cannot_be_followed_is_left_to_the_job_and_tried_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = []
    real = ast.parse
    monkeypatch.setattr(ast, "parse", lambda *given: [reads.append(1), real(*given)][1])
    long = RULE.replace("config.get", "len(" + "+".join(["'x'"] * 1500) + ") and config.get")
    (tmp_path / "Snakefile").write_text(long)
    with jobs_of(tmp_path / "Snakefile", tmp_path) as (job,):
        for _ in range(3):
            with pytest.raises(UncertainError, match="recursion"):
                command_of(job)
    assert len(reads) == 1


def test_a_long_chain_of_functions_is_followed_in_few_passes(tmp_path: Path) -> None:
    chain = "".join(f"def f{i}(): return f{i + 1}()\n" for i in range(200))
    chain += "import os\ndef f200(): return os.getpid()\n"
    (tmp_path / "Snakefile").write_text(chain + RULE.replace("1)", "f0())"))
    with jobs_of(tmp_path / "Snakefile", tmp_path) as (job,):
        begun = time.process_time()
        with pytest.raises(UncertainError, match="getpid"):
            command_of(job)
        assert time.process_time() - begun < 1, "it was four seconds with a pass for each link"


def test_rules_that_inherit_are_not_searched_anew_for_each_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = "".join(
        f'use rule one as r{i} with:\n    output: "r{i}.txt"\n    params: p={i}\n' for i in range(9)
    )
    wanted = [f"r{i}.txt" for i in range(9)]
    rules += f"rule all:\n    default_target: True\n    input: {wanted}\n"
    (tmp_path / "Snakefile").write_text(RULE + rules)
    with jobs_of(tmp_path / "Snakefile", tmp_path) as jobs:
        first, *others = [job for job in jobs if job.rule.name != "all"]
        command_of(first)
        looks = []
        real = ast.iter_child_nodes
        monkeypatch.setattr(
            ast, "iter_child_nodes", lambda node: [looks.append(node), real(node)][1]
        )
        assert len({command_of(job) for job in others}) == 8
    assert not looks


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
