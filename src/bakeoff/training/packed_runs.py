"""Several runs trained by one process: each with its own folder, journal, log and failure, and its own bits.

On a CPU they are trained one after the other, so that each has the cache to itself. On a GPU, which one small
run leaves idle, they take turns, a step each, on a stream of their own.
"""

import logging
import sys
import traceback
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

import torch

from bakeoff.config.experiment import Experiment, Run
from bakeoff.config.run_packs import of_the_process
from bakeoff.errors import BakeoffError, ConfigError, TrainingError
from bakeoff.files import read_json
from bakeoff.layout import Layout, RunFolder, SplitName
from bakeoff.training.allocator import keep_freed_memory
from bakeoff.training.device import choose_device
from bakeoff.training.distributed import World
from bakeoff.training.images import SplitImages
from bakeoff.training.job import held, warn_of_threads
from bakeoff.training.journalling import has_journalled_end
from bakeoff.training.out_of_memory import out_of_memory_told
from bakeoff.training.own_logs import OwnLogs
from bakeoff.training.randomness import refusals_explained
from bakeoff.training.stop import StopNotice, Stopped
from bakeoff.training.train import Trainer

log = logging.getLogger(__name__)

Opened = dict[object, dict[SplitName, SplitImages]]
"""The images that runs of the process share, by how they are packed."""


_OVER = object()


def train_together(
    experiment: Experiment, runs: Sequence[Run], layout: Layout, *, fresh: bool = False
) -> dict[str, str]:
    """Train each run as `train` does; returns why each failed that did, by its name.

    A run that fails says so in its own log, lets its folder go, and leaves the others alone. Raises Stopped
    after a notice, once every run that had begun has saved; TrainingError where none can begin; ConfigError
    where they do not agree in what is one for a process.
    """
    keep_freed_memory()
    if (world := World.from_environment()).size > 1:
        raise TrainingError(
            f"{world.size} processes cannot train {len(runs)} runs together: each run of a pack has one. "
            "Set training.pack: 1, or resources.tasks: 1."
        )
    _require_alike(runs)
    asked = any(run.variant.resources.asks_for_gpu for run in runs)
    device = choose_device(runs[0].variant.training.device, asked=asked)
    # Another job may hold some of their folders: where both take them in one order, neither waits for ever.
    ordered = sorted(runs, key=lambda run: run.name)
    with StopNotice() as notice, OwnLogs().heard() as logs:  # one notice for all of them
        at_once = len(ordered) if by_turns(device) else 1
        pack = _Pack(experiment, layout, world, device, notice, logs, fresh, at_once)
        members = [_Member(pack, run) for run in ordered]
        try:
            for group in [members] if by_turns(device) else [[one] for one in members]:
                _take_turns(group)
        finally:
            for member in members:  # after what ended all of them, as a second Ctrl-C
                member.close()
        if stopped := [one.run.name for one in members if one.stopped]:
            raise Stopped(
                f"{notice.reason() or 'notice'}: {len(stopped)} of {len(members)} runs are not finished, and "
                "what they did is saved; the same command goes on from there."
            )
    return {one.run.name: one.failure for one in members if one.failure}


def _require_alike(runs: Sequence[Run]) -> None:
    first = runs[0]
    for other in runs[1:]:
        for key, value in of_the_process(other).items():
            if value != (wanted := of_the_process(first)[key]):
                raise ConfigError(
                    f"{first.name} and {other.name} cannot be trained in one process: training.{key} is "
                    f"{wanted} of the one and {value} of the other. Train them with a command each."
                )


def by_turns(device: torch.device) -> bool:
    """Whether runs on that device take turns, rather than go one after the other."""
    return device.type == "cuda"


def _take_turns(members: Sequence["_Member"]) -> None:
    """A step of each, round after round, until all have ended."""
    going = list(members)
    while going:
        going = [one for one in going if one.step()]


@dataclass(frozen=True)
class _Pack:
    """What the runs of a process have in common."""

    experiment: Experiment
    layout: Layout
    world: World
    device: torch.device
    notice: StopNotice
    logs: OwnLogs
    fresh: bool
    at_once: int  # runs that are in memory together
    opened: Opened = field(default_factory=dict)


class _Member:
    """One of the runs, and how it ended."""

    def __init__(self, pack: _Pack, run: Run) -> None:
        self.pack, self.run = pack, run
        self.folder = pack.layout.run(run.variant.name, run.seed)
        self.failure = ""
        self.stopped = False
        self._turns = self._train()

    def step(self) -> bool:
        """Take a turn; False when that was the last one, however it ended."""
        self.pack.logs.speak(self.folder)
        try:
            next(self._turns)
        except StopIteration:
            return self._end("trained")
        except Stopped as stopped:
            self.stopped = True
            log.info("%s", stopped)
            return self._end("stopped")
        except BakeoffError as error:
            self.failure = str(error)
            print(f"bakeoff: error: {error}", file=sys.stderr)
            return self._end(f"failed: {error}")
        except Exception as error:
            self.failure = f"{type(error).__name__}: {error}"
            traceback.print_exc()
            return self._end(f"failed: {self.failure}")
        return True

    def close(self) -> None:
        """Let the folder go, wherever the run is."""
        self._turns.close()

    def _is_published(self, digest: str) -> bool:
        """Whether the results of that very training are there: what follows from them is not made again."""
        try:
            stated = read_json(self.folder.run_json)["digest"]
        except (OSError, ValueError, KeyError, TypeError):
            return False
        there = self.folder.best.exists() and has_journalled_end(self.folder.path)
        return bool(stated == digest and there)

    def _end(self, how: str) -> bool:
        self._turns.close()
        self.pack.logs.end(self.folder)
        log.info("%s: %s", self.run.name, how)
        return False

    def _train(self) -> Generator[None, None, None]:
        pack = self.pack
        if reason := pack.notice.reason():
            raise Stopped(f"{reason}: not begun in this job.")
        # No room beside others is not marked as no room: the run is tried by itself then.
        with (
            held(self.folder, pack.notice, fresh=pack.fresh),
            refusals_explained(),
            out_of_memory_told(self.run, pack.device) as attempt,
        ):
            warn_of_threads(self.run.variant.training.threads)
            loop = attempt.loop = _PackedTrainer(pack, self.run, self.folder)
            if not pack.fresh and self._is_published(loop.progress.digest):
                log.info("Trained before: its results are there (--fresh trains anew).")
                return
            # As Snakemake deletes the outputs of a job: what a run leaves that fails is not of another plan.
            for made in (self.folder.best, self.folder.run_json):
                made.unlink(missing_ok=True)
            yield from self._turns_of(loop)

    def _turns_of(self, loop: Trainer) -> Generator[None, None, None]:
        """The turns of its training, each with what it has of the process for itself."""
        # A graph reads its seed when it runs, from the state of the generator: each stream has its own.
        default = _generator(self.pack.device)
        own = default.clone_state() if default is not None else None
        turns = loop.turns(self.pack.notice)
        while True:
            loop.numerics.set_products()  # what runs of a pack may differ in is set again each turn
            if default is not None and own is not None:
                default.graphsafe_set_state(own)
            with loop.stream:
                if next(turns, _OVER) is _OVER:
                    return
            yield


def _generator(device: torch.device) -> torch.Generator | None:
    """The generator of a GPU's kernels, as dropout's; None on a CPU, where nothing is read later."""
    if device.type != "cuda":
        return None
    number = torch.cuda.current_device() if device.index is None else device.index
    return torch.cuda.default_generators[number]


class _PackedTrainer(Trainer):
    """A training that takes its images from another run of the process, where that has the same ones."""

    def __init__(self, pack: _Pack, run: Run, folder: RunFolder) -> None:
        self._opened, self._at_once = pack.opened, pack.at_once
        super().__init__(pack.experiment, run, pack.layout, folder, pack.world, pack.device)

    def _open_images(self) -> dict[SplitName, SplitImages]:
        image = self.run.variant.image
        ways = (image.packing, image.training_packing)
        if ways not in self._opened:
            if not by_turns(self.device):
                self._opened.clear()  # of runs that are over
            self._opened[ways] = super()._open_images()
        return self._opened[ways]

    def _bytes_of_step(self) -> int:
        return self._at_once * super()._bytes_of_step()

    def _settled(self) -> dict[SplitName, SplitImages]:
        image = self.run.variant.image
        settled = super()._settled()
        self._opened[image.packing, image.training_packing] = settled
        return settled
