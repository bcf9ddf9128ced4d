"""What a value in a rule's lines comes from is followed through the text of the Snakefiles."""

import ast
import time
from pathlib import Path

import pytest

from snakemake_executor_plugin_submitit.direct.command import UncertainError, command_of
from tests.executor.graph import jobs_of

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
