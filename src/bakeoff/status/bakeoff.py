"""Where a whole bake-off stands: every pretraining and run, and the stages before and after them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from bakeoff.config.experiment import Experiment
from bakeoff.config.run_packs import run_packs
from bakeoff.layout import Layout, RunFolder
from bakeoff.status.queue import Queue, queued
from bakeoff.status.run import RunStatus, State, pretraining_status, run_status
from bakeoff.status.stages import of_experiment

ORDER: tuple[State, ...] = (
    "done", "trained", "running", "queued", "saved", "unknown", "died", "failed", "not started",
)  # fmt: skip


def stand(experiment: Experiment, layout: Layout) -> list[RunStatus]:
    """Every pretraining that a variant starts from, and every run, in the configuration's order."""
    found: dict[RunFolder, RunStatus] = {}
    for one in experiment.started_from():
        folder = layout.pretraining(one.name)
        found[folder] = pretraining_status(one, folder)
    for run in experiment.runs():
        place = layout.run(run.variant.name, run.seed)
        found[place] = run_status(run, place, task=experiment.task)
    over = ("done", "trained", "running")
    packs = {
        layout.run(run.variant.name, run.seed): layout.train_pack(number)
        for number, pack in run_packs(experiment.runs()).items()
        for run in pack
    }
    queue = queued((place for place, one in found.items() if one.state not in over), packs=packs)
    return [_with_queue(one, folder, queue) for folder, one in found.items()]


def _with_queue(one: RunStatus, folder: RunFolder, queue: Queue) -> RunStatus:
    """What SLURM knows waits for its turn, or has just begun, whatever its folder says of before."""
    if description := queue.descriptions.get(folder):
        state: State = "running" if description.startswith("RUNNING") else "queued"
        return replace(one, state=state, note=description, log="")
    if job_id := queue.unanswered.get(folder):
        before = f"; before: {one.state}{f', {one.note}' if one.note else ''}"
        note = f"SLURM job {job_id}{before if one.state != 'not started' else ''}"
        return replace(one, state="unknown", note=note, unanswered=queue.error)
    if job_id := queue.unasked.get(folder):
        silent = f"SLURM cannot be asked here about job {job_id} (no squeue)"
        return replace(one, note=f"{one.note}; {silent}" if one.note else silent)
    return one


def failed_stages(experiment: Experiment, layout: Layout) -> list[RunStatus]:
    """The stages of no run that ended with an error, with their logs and what those say."""
    return [
        RunStatus("stage", stage.name, None, "failed", 0, 0, None, error, str(stage.log))
        for stage in of_experiment(experiment, layout)
        if (error := stage.failure())
    ]


def summarise(statuses: Sequence[RunStatus]) -> str:
    """How many pretrainings and runs there are of each state, in words."""
    parts = []
    for kind in ("pretraining", "run"):
        counts = Counter(one.state for one in statuses if one.kind == kind)
        if number := counts.total():
            states = ", ".join(f"{counts[state]} {state}" for state in ORDER if counts[state])
            parts.append(f"{number} {kind}{'' if number == 1 else 's'}: {states}")
    return "; ".join(parts)
