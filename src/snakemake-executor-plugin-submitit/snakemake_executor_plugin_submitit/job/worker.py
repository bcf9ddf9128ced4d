"""What submitit runs inside the job: prepare, start the command, watch, decide, write the outcome.

It catches the signals, because neither Snakemake nor a shell can save on behalf of a rule.
"""

import os
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from snakemake_executor_plugin_submitit import records
from snakemake_executor_plugin_submitit.job import prepare
from snakemake_executor_plugin_submitit.job.claim import CANCELLED, Claim
from snakemake_executor_plugin_submitit.job.heartbeat import Beat, Heartbeat
from snakemake_executor_plugin_submitit.job.killing import kill_tree, signal_tree
from snakemake_executor_plugin_submitit.job.meter import Meter
from snakemake_executor_plugin_submitit.job.notice import EX_CONFIG, EX_TEMPFAIL, Notice, say
from snakemake_executor_plugin_submitit.job.slurm_job import InsideJob
from snakemake_executor_plugin_submitit.job.spec import JobSpec, Outcome
from snakemake_executor_plugin_submitit.job.time_limit import TimeLimit
from snakemake_executor_plugin_submitit.job.usage import Usage
from snakemake_executor_plugin_submitit.layout import Layout, log_in

# SLURM's words for a job that it will start again by itself, or has already put back.
SLURM_RESTARTS = ("PENDING", "REQUEUED", "REQUEUE_HOLD", "PREEMPTED", "COMPLETING", "NODE_FAIL")

# The exit code of a job that found another submission in its place (EX_UNAVAILABLE).
SUPERSEDED = 69
# Seconds in which a cancelled command may save, as many as SLURM's KillWait gives.
GRACE = 30.0
# Seconds between the signals to a job's first and last process.
SIGNALS_APART = 1.0


@dataclass(frozen=True)
class Worker:
    """The picklable callable that is submitted; everything else is read from the specification."""

    spec: str

    def __call__(self) -> str:
        """Run the job; returns its verdict, or exits with the command's code when it failed."""
        run = Run(Path(self.spec))
        outcome = run.run()
        if outcome.verdict == "done":
            return outcome.verdict
        # SystemExit leaves no traceback in the log, and sacct shows the code.
        raise SystemExit(outcome.exit_code or 1)


class Run:
    """One run of a job; after a requeue there is another one with the same specification."""

    def __init__(self, path: Path) -> None:
        self.spec = JobSpec.read(path)
        self.folder = path.parent
        self.layout = Layout(Path(self.spec.root))
        self.inside = InsideJob()
        self.counts = path.with_suffix(".counts")
        self.notice = Notice(path.with_suffix(".notice"))
        self.started = time.time()
        self.signals: list[int] = []
        self.taken = False  # SLURM wants the node back
        self.woken = threading.Event()
        self.child: subprocess.Popen[bytes] | None = None
        self.replaced = ""  # why this run may not go on
        self.claim = Claim(self.layout.registry / f"{self.spec.identity}.json", self.spec.key)
        pulse = path.with_suffix(".beat")
        self.meter = Meter(_used_before(pulse), whole=not self.spec.launcher)
        self.heart = Heartbeat(
            pulse,
            self.spec.beat,
            self.inside.job_id,
            self.inside.node,
            self.claim.lost,
            self._give_way,
            self.meter.used,
        )
        self.limit = TimeLimit(self.inside, self.started, self.spec.runtime, self.spec.notice)

    def run(self) -> Outcome:
        """Run the command unless it is not wanted any more or has already succeeded."""
        self._catch_signals()
        unwanted = self.claim.lost_before_start() or self.heart.begin()
        if unwanted:
            return self._superseded(unwanted)
        self.meter.begin()
        try:
            return self._run()
        finally:
            self.meter.end()
            self.heart.end()

    def _run(self) -> Outcome:
        earlier = Outcome.read(self._outcome_file)
        if earlier is not None and earlier.verdict == "done":
            return earlier
        self._outcome_file.unlink(missing_ok=True)
        self.notice.reset()
        say(f"{self.spec.name}: {time.ctime()} on {self.inside.node}")
        if self.spec.rename:
            threading.Thread(target=self.inside.rename, args=[self.spec.name], daemon=True).start()
        try:
            if not prepare.prepare(self.spec, lambda: not self.replaced):
                return self._superseded(self.replaced)
        except OSError as error:
            # Snakemake shows a group's log and no other word of it.
            say(f"{self.spec.name}: not started: {error}")
            return self._finish(Outcome("failed", f"not started: {error}", exit_code=1))
        code = self._watch()
        return self._superseded(self.replaced) if self.replaced else self._decide(code)

    @property
    def _outcome_file(self) -> Path:
        return self.layout.outcome(self.spec.key)

    def _superseded(self, reason: str) -> Outcome:
        say(f"{self.spec.name}: {reason}; nothing more to do")
        return Outcome("superseded", exit_code=SUPERSEDED)

    def _give_way(self, reason: str) -> None:
        """End the command: like scancel where it was cancelled, else before it writes any more."""
        say(f"{self.spec.name}: {reason}; it ends")
        self.replaced = reason
        child = self.child
        if child is not None and reason == CANCELLED:
            signal_tree(child.pid, signal.SIGTERM)
            timer = threading.Timer(GRACE, self._kill)
            timer.daemon = True
            timer.start()
        self.woken.set()
        if reason != CANCELLED:
            self._kill()

    def _kill(self) -> None:
        if self.child is not None and self.child.poll() is None:
            kill_tree(self.child.pid, own_session=not self.inside.on_slurm)

    def _catch_signals(self) -> None:
        # submitit's debug mode runs jobs outside the main thread, where nothing can be caught.
        if threading.current_thread() is threading.main_thread():
            for number in self._heard():
                signal.signal(number, self._on_signal)
            signal.signal(signal.SIGCONT, signal.SIG_DFL)
            # The local executor starts us deaf to Ctrl-C: cancelling is Snakemake's decision.
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

    def _heard(self) -> set[int]:
        asked = {self.spec.signal} if self.spec.signal else set()
        return {signal.SIGTERM, signal.SIGUSR2, signal.SIGINT, *asked}

    def _on_signal(self, number: int, _frame: Any) -> None:
        self.signals.append(number)
        self.woken.set()

    def _watch(self) -> int:
        """Run the command to its end and give it notice when one comes; returns its exit code."""
        self.child = child = subprocess.Popen(
            [self.spec.shell, "-c", prepare.script(self.spec)],
            cwd=self.spec.workdir,
            env=prepare.environment(self.spec, self.notice.path),
            # The local executor's jobs share Snakemake's terminal; its Ctrl-C is not for them.
            start_new_session=not self.inside.on_slurm,
        )
        threading.Thread(target=self._wake_after, args=[child], daemon=True).start()
        if self.replaced:  # at this very moment
            self._kill()
        if self.inside.restarted:
            # A limit that was changed while the job ran holds for its next runs as well.
            self.limit.ask()
        while child.poll() is None:
            self.woken.wait(0.5 if self.notice.reason else self.limit.pause())
            self.woken.clear()
            # Whoever was replaced may not write any more, not even to save.
            if self.replaced == CANCELLED:
                self.notice.give("preempted")
            elif self.replaced:
                self._kill()
            self._consider_notice()
        return child.returncode if child.returncode >= 0 else 128 - child.returncode

    def _wake_after(self, child: "subprocess.Popen[bytes]") -> None:
        child.wait()
        self.woken.set()

    def _consider_notice(self) -> None:
        while self.signals:
            number = self.signals.pop(0)
            if number == signal.SIGUSR2:
                self.notice.give("time limit" if self.limit.is_near(120) else "preempted")
            elif number == signal.SIGTERM:
                # SLURM sends it at the limit, too; before, somebody else needs the node.
                self.taken = self.limit.at is None or time.time() < self.limit.at
                self.notice.give("preempted" if self.taken else "time limit")
        self.limit.learn()
        if not self.notice.reason and self.limit.is_reached():
            self.notice.give("time limit")
        self.notice.signal_registered()

    def _decide(self, code: int) -> Outcome:
        if code == 0:
            return self._finish(Outcome("done"))
        if code > 128:
            self._wait_for_sigterm()
        self._consider_notice()
        saved = self.notice.saved or code == EX_TEMPFAIL
        if not self.notice.reason and not saved:
            hopeless = self.notice.hopeless or code == EX_CONFIG
            return self._finish(Outcome("failed", exit_code=code, hopeless=hopeless))
        reason = self.notice.reason or "asked to run again"
        described = self.inside.describe()
        state = described.get("JobState", "")
        if state.startswith("CANCELLED"):
            return self._finish(Outcome("failed", "cancelled", exit_code=code, saved=saved))
        if described.get("Reason") == "TimeLimit":
            # Its end, which may come earlier than we knew. SLURM will not restart the job.
            reason, state = "time limit", "TIMEOUT"
        elif self.taken or state.startswith(SLURM_RESTARTS):
            # Whatever notice it had before.
            reason = "preempted"
        if reason == "preempted":
            return self._again(reason, state, code, saved)
        if not saved:
            why = "time limit" if reason == "time limit" else ""
            return self._finish(Outcome("failed", why, exit_code=code))
        timeouts = 1 + int((records.read(self.counts) or {}).get("timeouts", 0))
        if timeouts > self.spec.timeouts:
            why = f"{reason}, {timeouts} times, more than --submitit-timeouts allows"
            return self._finish(Outcome("failed", why, exit_code=code, saved=True))
        records.write(self.counts, {"timeouts": timeouts})
        return self._again(reason, state, code, saved)

    def _wait_for_sigterm(self) -> None:
        """SLURM signals one process after the other, whatever notice came before: ours may be late."""
        deadline = time.monotonic() + SIGNALS_APART
        while not self.taken and signal.SIGTERM not in self.signals:
            if time.monotonic() > deadline:
                return
            time.sleep(0.05)

    def _again(self, reason: str, state: str, code: int, saved: bool) -> Outcome:
        say(f"{self.spec.name}: {reason}; {'saved' if saved else 'not saved'}")
        if self.spec.requeue and state.startswith(SLURM_RESTARTS):
            sys.exit(0)
        if self.spec.requeue and state in ("RUNNING", "TIMEOUT") and self.inside.requeue():
            # SLURM waits for the job to end before it queues it again.
            sys.exit(0)
        # Outside SLURM, or without its commands: the controlling Snakemake submits again.
        return self._finish(Outcome("again", reason, exit_code=code, saved=saved))

    def _finish(self, outcome: Outcome) -> Outcome:
        complete = Outcome(
            **{
                **vars(outcome),
                "node": self.inside.node,
                "job_id": self.inside.job_id,
                "log": str(log_in(Path(self.spec.logs or self.folder), self.inside.job_id)),
                "started": self.started,
                "finished": time.time(),
                "usage": self.meter.used().as_dict(),
            }
        )
        deadline, pause = time.monotonic() + 300, 1.0
        while True:
            try:
                complete.write(self._outcome_file)
                return complete
            except OSError as error:
                # A full disk may be emptied; a job that ran for days should not be lost to it.
                say(f"{self._outcome_file}: {error}; trying again")
                if time.monotonic() > deadline or os.environ.get("SUBMITIT_EXECUTOR") != "slurm":
                    return complete
                time.sleep(pause)
                pause = min(15.0, 2 * pause)


def _used_before(pulse: Path) -> Usage:
    """What earlier attempts of the job used, as the last of them noted while it ran."""
    beat = Beat.read(pulse)
    return Usage.of(beat.usage) if beat is not None else Usage()
