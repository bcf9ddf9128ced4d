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
    "__import__", "argv", "available_cpu_count", "cpu_count", "cwd", "device_count", "environ",
    "environb", "eval", "exec", "executable", "expanduser", "expandvars", "get_device_name",
    "get_device_properties", "get_ident", "get_native_id", "getcwd", "getegid", "getenv", "getenvb",
    "geteuid", "getgid", "getloadavg", "getlogin", "getpgid", "getpgrp", "getpid", "getppid",
    "getrandom", "getsid", "getuid", "globals", "hash", "home", "import_module", "is_available",
    "isatty", "now", "orig_argv", "owner", "popen", "process_cpu_count", "random",
    "sched_getaffinity", "shell", "system", "times", "today", "uname", "urandom", "utcnow",
    "workflow",
}  # fmt: skip
# What looks at the files that are there, and may not be on another machine or at another time.
FILES = {
    "access", "exists", "getatime", "getctime", "getmtime", "getsize", "glob", "glob_wildcards",
    "iglob", "is_dir", "is_file", "is_mount", "is_symlink", "isdir", "isfile", "islink", "ismount",
    "iterdir", "lexists", "listdir", "lstat", "open", "read_bytes", "read_text", "readlink",
    "realpath", "resolve", "rglob", "samefile", "scandir", "stat", "statvfs", "walk",
}  # fmt: skip
# A function that asks these reads what a job that has ended made, which is the same everywhere.
CHECKPOINTS = "checkpoints"
# Texts that a library reads as the time, such as `pd.Timestamp("now")`.
WHEN = ("now", "today")
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
        if module := module_of(function):
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
    names = list(_names(code))
    settled = CHECKPOINTS in names
    for name in names:
        missing = getattr(builtins, name, None)
        value = function.__globals__.get(name, missing)
        found = _consider(name, value, function.__globals__, seen)
        yield from (one for one in found if not (settled and looks_at_files(one)))


def _consider(name: str, value: Any, variables: dict[str, Any], seen: set[int]) -> Iterator[str]:
    if name in NAMES or looks_at_files(name) or module_of(value):
        yield name or module_of(value)
    elif callable(value) and getattr(value, "__globals__", None) is variables:
        yield from _looks(value, seen)


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        by_name = "getattr" in code.co_names and constant in NAMES | FILES
        if by_name:
            yield str(constant)
        if isinstance(constant, CodeType):
            yield from _names(constant)


def looks_at_files(name: str) -> bool:
    """Whether a name is of something that looks at files."""
    return name in FILES or name.startswith(READS)


def module_of(value: Any) -> str:
    """The part of the name of a value's module that is one of MODULES; empty if none is."""
    if isinstance(value, functools.partial):
        return module_of(value.func)
    try:
        owner = getattr(value, "__self__", None)
        of_owner = type(owner).__module__ if owner is not None else None
        name = getattr(value, "__module__", None) or of_owner or ""
    except Exception:  # `rules` knows no name but those of rules
        return ""
    name = value.__name__ if isinstance(value, ModuleType) else str(name)
    # `_socket` is the part of `socket` that is written in C.
    return next((part for one in name.split(".") if (part := one.lstrip("_")) in MODULES), "")
