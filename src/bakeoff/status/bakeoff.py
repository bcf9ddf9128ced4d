"""Where a whole bake-off stands: every run, and the stages before and after them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from bakeoff.config.experiment import Experiment
from bakeoff.layout import Layout
from bakeoff.status.queue import queued
from bakeoff.status.run import ERROR, Standing, State, standing

ORDER: tuple[State, ...] = (
    "done", "trained", "running", "queued", "saved", "died", "failed", "not started",
)  # fmt: skip


def stand(experiment: Experiment, layout: Layout) -> list[Standing]:
    """Every run of the configuration, in its order."""
    runs = list(experiment.runs())
    found = [standing(run, layout.run(run.variant.name, run.seed)) for run in runs]
    waiting = [one for one in found if one.state not in ("done", "trained", "running")]
    if not waiting:
        return found
    said = queued(((one.variant, one.seed) for one in waiting), layout)
    return [_with_queue(one, said.get((one.variant, one.seed), "")) for one in found]


def _with_queue(one: Standing, said: str) -> Standing:
    """A run that SLURM knows waits for its turn, or has just begun, whatever its folder says of before."""
    if not said:
        return one
    state: State = "running" if said.startswith("RUNNING") else "queued"
    return replace(one, state=state, note=said, log="")


def failed_stages(layout: Layout) -> list[str]:
    """A line for each stage of no run that ended with an error: its log and what that says."""
    outputs = {
        "split": layout.splits / "audit.json",
        "compare": layout.comparison,
        "report": layout.report,
    }
    outputs |= {
        log.stem: layout.packed(int(log.stem.rpartition("-")[2])) / "index.csv"
        for log in (layout.root / "logs").glob("pack-size-*.log")
    }
    lines = []
    for stage, output in outputs.items():
        log = layout.root / f"logs/{stage}.log"
        if output.exists() or not log.exists():
            continue
        if errors := ERROR.findall(log.read_text(encoding="utf-8", errors="replace")):
            lines.append(f"{stage} failed: {errors[-1]} ({log})")
    return lines


def summarise(standings: Sequence[Standing]) -> str:
    """How many runs there are of each state, in words."""
    counts = Counter(one.state for one in standings)
    said = ", ".join(f"{counts[state]} {state}" for state in ORDER if counts[state])
    return f"{len(standings)} run{'' if len(standings) == 1 else 's'}: {said}"
