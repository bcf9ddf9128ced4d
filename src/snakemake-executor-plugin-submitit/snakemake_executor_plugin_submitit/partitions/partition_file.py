"""The file of partitions: limits by the keys that --slurm-partition-config has in the slurm plugin."""

import difflib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from snakemake_interface_common.exceptions import WorkflowError

from snakemake_executor_plugin_submitit.partitions.durations import minutes
from snakemake_executor_plugin_submitit.partitions.limits import Partition

NUMBERS = (
    "max_mem_mb", "max_mem_mb_per_cpu", "max_cpus_per_task", "max_threads", "max_nodes", "max_tasks",
    "max_tasks_per_node", "max_mpi_tasks", "max_gpu", "max_cpus_per_gpu",
)  # fmt: skip
LISTS = ("available_gpu_models", "available_constraints")
CLUSTERS = ("cluster", "clusters", "slurm_cluster")
KEYS = ("max_runtime", *NUMBERS, *LISTS, "supports_mpi", *CLUSTERS)


class _Loader(yaml.SafeLoader):
    """YAML in which 12:00:00 is a text: YAML 1.1 takes it for a number in base 60, 43,200."""

    def whole(self, node: yaml.ScalarNode) -> object:
        """An integer, or the text of a clock."""
        return node.value if ":" in node.value else self.construct_yaml_int(node)


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.whole)


def read(path: Path) -> list[Partition]:
    """The partitions of a file, in its order.

    Raises WorkflowError that names the file, the partition and the key, and what was expected.
    """
    try:
        values = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise WorkflowError(f"{path}: the file of partitions cannot be read: {why}") from None
    except yaml.YAMLError as error:
        raise WorkflowError(f"{path}: no valid YAML: {error}") from None
    if not isinstance(values, dict) or not isinstance(values.get("partitions"), dict):
        raise WorkflowError(
            f"{path}: expected a key 'partitions' with a mapping of names to limits, found "
            f"{_shown(values)}. For example: partitions: {{short: {{max_runtime: 2h}}}}"
        )
    if unknown := set(values) - {"partitions"}:
        raise WorkflowError(
            f"{path}: {sorted(map(str, unknown))[0]}: unknown key; partitions go below 'partitions'"
        )
    if not values["partitions"]:
        raise WorkflowError(f"{path}: partitions: none is named")
    return [_partition(path, str(name), limits) for name, limits in values["partitions"].items()]


def _partition(path: Path, name: str, limits: Any) -> Partition:
    where = f"{path}: partitions.{name}"
    if not name.strip() or "," in name:
        raise WorkflowError(f"{where}: expected the name of one partition")
    if limits is None:  # a name alone: no limit is known
        limits = {}
    if not isinstance(limits, dict):
        raise WorkflowError(f"{where}: expected limits such as max_runtime, found {_shown(limits)}")
    for key in limits:
        if key not in KEYS:
            raise WorkflowError(f"{where}.{key}: unknown key. {_nearest(str(key))}")
    found: dict[str, Any] = {}
    for key, value in limits.items():
        if value is None or key in CLUSTERS:
            continue
        try:
            found[key] = _value(key, value)
        except ValueError as error:
            raise WorkflowError(f"{where}.{key}: {error}") from None
    return Partition(name=name, clusters=_clusters(where, limits), **found)


def _value(key: str, value: Any) -> object:
    if key == "max_runtime":
        if isinstance(value, bool):
            raise ValueError(f"{value}: expected a time such as 720, 12h or 2-12:00:00")
        return minutes(value)
    if key in NUMBERS:
        text = "" if isinstance(value, bool) else str(value)
        try:
            number = float(text)
        except ValueError:
            raise ValueError(f"{value!r}: expected a number") from None
        if not number >= 0:
            raise ValueError(f"{value!r}: expected 0 or more")
        return number
    if key == "supports_mpi":
        if not isinstance(value, bool):
            raise ValueError(f"{value!r}: expected true or false")
        return value
    names = [name.strip() for name in value.split(",")] if isinstance(value, str) else value
    if not isinstance(names, list) or any(isinstance(name, dict | list) for name in names):
        raise ValueError(f"{value!r}: expected a list of names")
    # Without a name there is no limit, as in the other plugin.
    return tuple(str(name) for name in names if str(name)) or None


def _clusters(where: str, limits: Mapping[str, Any]) -> tuple[str, ...]:
    given = {key: str(limits[key]) for key in CLUSTERS if limits.get(key) not in (None, "")}
    if len(set(given.values())) > 1:
        listed = ", ".join(f"{key}={value}" for key, value in given.items())
        raise WorkflowError(f"{where}: {listed}: they mean the same, keep one")
    names = next(iter(given.values()), "").split(",")
    return tuple(name.strip() for name in names if name.strip())


def _nearest(key: str) -> str:
    near = difflib.get_close_matches(key, KEYS, n=1, cutoff=0.5)
    return f"Did you mean '{near[0]}'?" if near else f"Expected one of {', '.join(KEYS)}."


def _shown(value: Any) -> str:
    text = " ".join(repr(value).split())
    return text[:60] + ("…" if len(text) > 60 else "")
