"""Facts about a SLURM site: its controller, partitions, nodes, accounts; each from one bounded command."""

import os
import pwd
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from bakeoff.commands import PATIENCE, Answer, ask
from snakemake_executor_plugin_submitit.slurm import environment
from snakemake_executor_plugin_submitit.slurm.commands import shown as beginning

# `scontrol ping` itself waits up to the site's MessageTimeout.
PING_PATIENCE = 12.0
SINFO = ("sinfo", "--all", "--noheader", "--Node", "--format=%N|%P|%T|%c|%m|%G|%f")
USABLE = ("idle", "mixed", "allocated", "completing", "reserved", "planned")


@dataclass(frozen=True)
class Node:
    """A node as a member of one partition; it may be in several."""

    name: str
    partition: str
    default: bool
    state: str
    cpus: str
    memory: str  # MB
    gres: str
    features: str

    @property
    def usable(self) -> bool:
        """Whether jobs run there; a suffix such as * (silent) or ~ (powered off) may follow."""
        silent = self.state.endswith("*")
        return self.state.rstrip("*~#!%$@^-+").startswith(USABLE) and not silent


@dataclass(frozen=True)
class Site:
    """The facts read from a SLURM that answers."""

    config: Mapping[str, str]
    partitions: Mapping[str, Mapping[str, str]]
    nodes: tuple[Node, ...]
    accounts: tuple[str, ...]
    accounting: str  # the error of sacctmgr; empty when it answers
    unanswered: Mapping[Literal["partitions", "nodes"], str]  # by what is unknown, the reason

    @classmethod
    def read(cls) -> "Site":
        """Query scontrol, sinfo and sacctmgr; facts of one that does not answer stay empty."""
        config = query("scontrol", "show", "config").text
        shown = query("scontrol", "--all", "show", "partition", "--oneliner")
        values = [dict(re.findall(r"(\S+?)=(\S*)", line)) for line in shown.text.splitlines()]
        partitions = {each["PartitionName"]: each for each in values if "PartitionName" in each}
        listed = query(*SINFO)
        nodes = tuple(_nodes(listed))
        unanswered: dict[Literal["partitions", "nodes"], str] = {}
        # "No partitions" is a valid answer.
        if why := _query_error("scontrol", shown, partitions or "No partitions" in shown.text):
            unanswered["partitions"] = why
        if why := _query_error("sinfo", listed, nodes):
            unanswered["nodes"] = why
        accounts, accounting = _accounts()
        return cls(
            dict(re.findall(r"^(\S+)\s*=\s*(.*?)\s*$", config, re.MULTILINE)),
            partitions,
            nodes,
            accounts,
            accounting,
            unanswered,
        )

    @property
    def default_partition(self) -> str:
        """The partition of jobs that name none; empty where the site chooses otherwise."""
        return next((node.partition for node in self.nodes if node.default), "")

    def of(self, partition: str) -> list[Node]:
        """The nodes of a partition (or several, by commas), all where it is empty; each once."""
        names = partition.split(",") if partition else []
        found = [node for node in self.nodes if not names or node.partition in names]
        return list({node.name: node for node in found}.values())

    def gpus(self, partition: str = "") -> dict[str, int]:
        """How many GPUs of each type the nodes of a partition have; type `gpu` where unnamed."""
        found: Counter[str] = Counter()
        for node in self.of(partition):
            for kind, number in re.findall(r"gpu:(?:([^:,()]+):)?(\d+)", node.gres):
                found[kind or "gpu"] += int(number)
        return dict(found)

    def offer(self, partition: str = "") -> str:
        """The nodes in service, in words: `2 nodes with 48 CPUs, 180 GB, gpu:v100:4`."""
        kinds: Counter[str] = Counter()
        nodes = self.of(partition)
        for node in nodes:
            if not node.usable:
                continue
            memory = int(re.sub(r"\D", "", node.memory) or 0) / 1000
            words = f"{node.cpus} CPUs, {memory:.0f} GB"
            words += f", {node.gres}" if node.gres != "(null)" else ", no GPU"
            words += f", features {node.features}" if node.features != "(null)" else ""
            kinds[words] += 1
        offers = [f"{count} nodes with {words}" for words, count in kinds.most_common(6)]
        if absent := [node for node in nodes if not node.usable]:
            offers.append(f"out of service, see sinfo -R: {states_of(absent)}")
        return "; ".join(offers)


def states_of(nodes: Iterable[Node]) -> str:
    """How many nodes are in which state, in words."""
    counts = Counter(node.state for node in nodes)
    return ", ".join(f"{count} {state}" for state, count in counts.items())


def query(*command: str, patience: float = PATIENCE) -> Answer:
    """Run a SLURM command, without the variables that users set for their own queries."""
    return ask(*command, patience=patience, env=environment.of_questions(environment.place()))


def ping() -> Answer:
    """Whether the controller answers; the error names the controllers."""
    answer = query("scontrol", "ping", patience=PING_PATIENCE)
    # The exit code differs between versions; one controller that is up is enough.
    if answer.ok and " UP" in answer.text:
        return answer
    return Answer(answer.text, answer.error or "; ".join(answer.text.strip().splitlines()))


def _nodes(answer: Answer) -> Iterator[Node]:
    for line in answer.text.splitlines():
        fields = line.split("|")
        if len(fields) == 7:
            name, partition, *rest = fields
            yield Node(name, partition.rstrip("*"), partition.endswith("*"), *rest)


def _accounts() -> tuple[tuple[str, ...], str]:
    user = pwd.getpwuid(os.getuid()).pw_name  # LOGNAME may be another
    answer = query("sacctmgr", "--noheader", "--parsable2", "show", "assoc", f"user={user}",
                 "format=account")  # fmt: skip
    lines = [line.strip() for line in answer.text.splitlines() if line.strip()]
    names = dict.fromkeys(line for line in lines if not re.search(r"\s", line))
    return tuple(names), _query_error("sacctmgr", answer, names)


def _query_error(name: str, answer: Answer, found: object) -> str:
    """The error of an answer; empty where something was `found` in it, or where it may be empty."""
    if answer.error or found or not answer.text.strip():
        return answer.error
    return f"{name}: expected what SLURM's says, found {beginning(answer.text)}"
