"""Keeping finished runs that a change of code would train again, if the code of now computes the same.

The model built now gets the weights that a run stored and predicts what the run was evaluated on last. Where
its scores are those of predictions/{val,test}.csv, the run may be accepted: `accepted.json` in its folder
says so, and with it the digest of now counts as the one that it was trained under. A changed configuration
is refused. Scores do not show how the weights came to be: code of initialisation, of dropout, of an objective
or of the trainer may be another one. That cannot be compared without training, so it is told.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bakeoff.config.digest import pretraining_digest, run_digest
from bakeoff.config.experiment import Experiment, Run
from bakeoff.errors import BakeoffError, ConfigError, EvaluationError
from bakeoff.layout import Layout
from bakeoff.locking import is_held
from bakeoff.planning.acceptance_record import write_acceptance
from bakeoff.planning.outputs import Comparison, compare
from bakeoff.planning.reruns import CODE, Rerun, reruns
from bakeoff.training.initialisation import build_model
from bakeoff.weights.source import PREFIX


@dataclass(frozen=True)
class Verdict:
    """What came of one run or pretraining: accepted, or refused and why, in words."""

    name: str
    accepted: bool
    text: str


def accept(
    load: Callable[[], Experiment], layout: Layout, names: Sequence[str], tolerance: float
) -> Iterator[Verdict]:
    """Compare and record, a run after the other; without `names` all that would be trained again.

    A pretraining stores no outputs: it is accepted by the runs that start from it, if all that were
    compared gave theirs. `load` reads the configuration, again once pretrainings are accepted, for the
    digests of their runs count them. Raises ConfigError for a name that the experiment does not have.
    """
    experiment = load()
    affected = reruns(experiment, layout)
    starts = {one.name: one for one in affected if one.seed is None}
    passed: list[tuple[Rerun, Comparison]] = []  # of those that start from one of them
    refused: set[str] = set()  # pretrainings
    for rerun in _chosen(affected, experiment, names):
        before = _start(rerun, experiment)
        try:
            found = _compared(rerun, experiment, layout, tolerance)
        except BakeoffError as error:
            refused.add(before)
            yield Verdict(str(rerun), False, str(error).rstrip("."))
            continue
        if before in starts:
            passed.append((rerun, found))
        else:
            yield _accept_run(rerun, found, experiment, tolerance)
    for name, start in starts.items():
        shown = [rerun for rerun, _ in passed if _start(rerun, experiment) == name]
        if not (shown or not names or name in names):
            continue
        try:
            yield _accept_pretraining(start, shown, name in refused, experiment, tolerance)
        except BakeoffError as error:
            refused.add(name)
            yield Verdict(name, False, str(error).rstrip("."))
    experiment = load()
    for rerun, found in passed:
        if (before := _start(rerun, experiment)) in refused:
            yield Verdict(str(rerun), False, f"it starts from {before}, which is not accepted")
        else:
            yield _accept_run(rerun, found, experiment, tolerance)


def _chosen(affected: Sequence[Rerun], experiment: Experiment, names: Sequence[str]) -> list[Rerun]:
    """By `<variant>`, `<variant>/seed-<n>`, or those that start from `pretraining/<name>`; else all."""
    runs = [one for one in affected if one.seed is not None]
    if not names:
        return runs
    chosen: list[Rerun] = []
    for name in names:
        variant, _, seed = name.rpartition("/seed-")
        if name.startswith(PREFIX):
            experiment.pretraining(name.removeprefix(PREFIX))
            found = [one for one in runs if _start(one, experiment) == name]
        elif variant and seed.isdecimal():
            experiment.run(variant, int(seed))
            found = [one for one in runs if (one.name, one.seed) == (variant, int(seed))]
        else:
            experiment.variant(name)
            found = [one for one in runs if one.name == name]
        chosen += [one for one in found if one not in chosen]
    return chosen


def _start(rerun: Rerun, experiment: Experiment) -> str:
    """The pretraining that a run starts from, as a variant names it; empty where it starts from none."""
    start = experiment.variant(rerun.name).pretraining
    return f"{PREFIX}{start}" if start else ""


def _run(rerun: Rerun, experiment: Experiment) -> Run:
    assert rerun.seed is not None, "a pretraining is no run"
    return experiment.run(rerun.name, rerun.seed)


def _compared(rerun: Rerun, experiment: Experiment, layout: Layout, tolerance: float) -> Comparison:
    """The outputs of now beside those of then; a BakeoffError where the run cannot be kept."""
    found = compare(_run(rerun, experiment), experiment, layout, _planned(rerun))
    if not found.difference <= tolerance:
        commit = rerun.recorded.commit
        back = f" (git checkout {commit[:12]})" if commit else ""
        raise EvaluationError(
            f"it computes something else now: {found.worst}. The largest difference is "
            f"{found.difference:.3g}, the tolerance {tolerance:g}. Let it be trained again, or go back to "
            f"the code that trained it{back}"
        )
    return found


def _planned(rerun: Rerun) -> str:
    """The digest that it was trained under; a BakeoffError where no outputs could keep it."""
    if not rerun.by_code_alone:
        others = "; ".join(one.text for one in rerun.reasons if one.kind not in CODE)
        raise ConfigError(
            f"not only code changed, but {others}. Outputs do not prove that training would be the same: put "
            "that back, or let it be trained again"
        )
    if is_held(rerun.folder.lock):
        raise EvaluationError("a job trains it at this moment; wait until it has ended")
    if rerun.recorded.planned is None:
        raise EvaluationError(f"{rerun.folder.run_json} does not say what it was planned with")
    return rerun.recorded.planned


def _accept_run(
    rerun: Rerun, found: Comparison, experiment: Experiment, tolerance: float
) -> Verdict:
    digest = run_digest(_run(rerun, experiment), experiment.data)
    write_acceptance(rerun, found, digest, tolerance)
    return Verdict(str(rerun), True, "; ".join([str(found), *_unseen(rerun)]))


def _accept_pretraining(
    rerun: Rerun, shown: Sequence[Rerun], wrong: bool, experiment: Experiment, tolerance: float
) -> Verdict:
    """Accept a pretraining whose weights load, and whose runs, `shown`, give their outputs."""
    _planned(rerun)
    if wrong:
        raise EvaluationError("a run that starts from it is refused, see above")
    if not shown:
        raise EvaluationError(
            "it stores no outputs, and no finished run starts from it that could be compared: let it be "
            "made again"
        )
    logging.disable(logging.INFO)  # what it says is for those who train
    try:
        build_model(experiment, _run(shown[0], experiment))  # loads its weights, or raises
    finally:
        logging.disable(logging.NOTSET)
    pretraining = experiment.pretraining(rerun.name.removeprefix(PREFIX))
    digest = pretraining_digest(pretraining)
    write_acceptance(rerun, Comparison(0, 0.0), digest, tolerance)
    said = "by the outputs of the runs that start from it"
    return Verdict(rerun.name, True, "; ".join([said, *_unseen(rerun)]))


def _unseen(rerun: Rerun) -> Iterator[str]:
    """What of its reasons no output can show."""
    for reason in rerun.reasons:
        if reason.kind == "trainer":
            yield f"{reason.text.partition(' (')[0]}, of which outputs show nothing"
