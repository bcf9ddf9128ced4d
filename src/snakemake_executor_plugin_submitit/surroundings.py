"""Whether a function of a Snakefile looks at what may be different where its job runs.

The job's own Snakemake asks the functions of its rule again, on another machine and at another time.
A function of its arguments and of constants answers the same there; one that looks at the clock, at
chance, the environment, the machine or its files need not. This reads the function's code and that of
the other functions of the Snakefile it calls, and takes what libraries do to be a matter of their
arguments.
"""

import builtins
import functools
import inspect
from collections.abc import Iterator
from types import CodeType, ModuleType
from typing import Any

MODULES = {
    "datetime", "getpass", "multiprocessing", "platform", "psutil", "pwd", "random", "resource",
    "secrets", "shutil", "socket", "subprocess", "tempfile", "time", "uuid",
}  # fmt: skip
# Names of modules' contents that are looked at through `os`, `Path`, a library or Snakemake itself.
NAMES = {
    "__import__", "argv", "cpu_count", "cwd", "environ", "environb", "eval", "exec", "executable",
    "expanduser", "expandvars", "getcwd", "getegid", "getenv", "geteuid", "getgid", "getloadavg",
    "getlogin", "getpid", "getppid", "getuid", "globals", "hash", "home", "isatty", "now", "popen",
    "process_cpu_count", "random", "sched_getaffinity", "shell", "system", "today", "uname",
    "urandom", "utcnow", "workflow",
}  # fmt: skip
# What looks at the files that are there, and may not be on another machine or at another time.
FILES = {
    "access", "exists", "getatime", "getctime", "getmtime", "getsize", "glob", "glob_wildcards",
    "iglob", "is_dir", "is_file", "is_mount", "is_symlink", "isdir", "isfile", "islink", "ismount",
    "iterdir", "lexists", "listdir", "lstat", "open", "read_bytes", "read_text", "readlink",
    "realpath", "resolve", "rglob", "samefile", "scandir", "stat", "statvfs", "walk",
}  # fmt: skip
# Of libraries, such as `read_csv`.
READS = "read_"
# In an expression of the command line, such as `--default-resources "scratch='$HOME'"`.
WORDS = ("$", "~", "system_tmpdir", "shutil")


def looked_at(function: Any) -> str:
    """What a function, or an expression as text, looks at besides its arguments; empty if nothing."""
    return next(_looks(function, set()), "")


def _looks(function: Any, seen: set[int]) -> Iterator[str]:
    if isinstance(function, str):
        yield from (word for word in WORDS if word in function)
        return
    if id(function) in seen:
        return
    seen.add(id(function))
    while isinstance(function, functools.partial):
        function = function.func
    function = inspect.unwrap(function)
    function = getattr(function, "__func__", function)
    if not hasattr(function, "__code__"):
        if (module := module_of(function)) in MODULES:
            yield module
        # Perhaps an object of the Snakefile that can be called.
        function = vars(type(function)).get("__call__")
    code = getattr(function, "__code__", None)
    if code is None:
        return
    for value in (*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()):
        yield from _consider("", value, function.__globals__, seen)
    for cell in function.__closure__ or ():
        try:
            content = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
        yield from _consider("", content, function.__globals__, seen)
    for name in _names(code):
        missing = getattr(builtins, name, None)
        value = function.__globals__.get(name, missing)
        yield from _consider(name, value, function.__globals__, seen)


def _consider(name: str, value: Any, variables: dict[str, Any], seen: set[int]) -> Iterator[str]:
    if name in NAMES | FILES or name.startswith(READS) or module_of(value) in MODULES:
        yield name or module_of(value)
    elif callable(value) and getattr(value, "__globals__", None) is variables:
        yield from _looks(value, seen)


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)


def module_of(value: Any) -> str:
    """The first part of the name of the module that a value is or is from; empty if none."""
    if isinstance(value, ModuleType):
        return value.__name__.partition(".")[0]
    if isinstance(value, functools.partial):
        return module_of(value.func)
    try:
        owner = getattr(value, "__self__", None)
        of_owner = type(owner).__module__ if owner is not None else None
        name = getattr(value, "__module__", None) or of_owner or ""
    except Exception:  # `rules` knows no name but those of rules
        return ""
    return str(name).partition(".")[0]
