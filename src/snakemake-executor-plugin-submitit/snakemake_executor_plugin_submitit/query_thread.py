"""Conversations with SLURM, one at a time in a thread of their own, as an answer may take minutes."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue

from snakemake_executor_plugin_submitit.monitoring.watcher import Watcher
from snakemake_executor_plugin_submitit.registry.tasks import Task
from snakemake_executor_plugin_submitit.slurm import commands
from snakemake_executor_plugin_submitit.slurm.queries import Seen
from snakemake_executor_plugin_submitit.submission.adoption import Adoption
from snakemake_executor_plugin_submitit.submission.dispatch import Dispatcher, Refusal

# Seconds after which the user is told why nothing happens.
SLOW = 5.0


@dataclass
class Answer:
    """What a conversation came to."""

    submitted: list[Task] = field(default_factory=list)
    taken_over: list[Task] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    seen: dict[str, Seen] | None = None


class QueryThread:
    """Starts a conversation when there is a reason, and keeps its answer until it is fetched."""

    def __init__(
        self,
        adoption: Adoption,
        dispatcher: Dispatcher,
        watcher: Watcher,
        done: Callable[[], None],
        log: Callable[[str], None],
    ) -> None:
        self.adoption = adoption
        self.dispatcher = dispatcher
        self.watcher = watcher
        self.done = done
        self.log = log
        self._begun = 0.0
        self.incoming: SimpleQueue[Task] = SimpleQueue()
        # Held during a conversation: cancelling waits for a submission that is on its way.
        self.lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._answer = Answer()
        self._error: BaseException | None = None
        self._stopped = False

    def stop(self) -> None:
        """Begin no new conversation."""
        self._stopped = True

    def end(self, patience: float) -> None:
        """Wait for the conversation that goes on, so long, then end it; no command outlives this."""
        self.stop()
        thread = self._thread
        if thread is not None and thread.is_alive():
            deadline = time.monotonic() + patience
            while thread.is_alive() and time.monotonic() < deadline and commands.waited_for():
                thread.join(timeout=0.1)
            commands.end()
            thread.join(timeout=2 * commands.DYING)

    def answer(self) -> Answer:
        """What the last conversation came to; empty while one is going on or there was none."""
        if self._thread is not None and self._thread.is_alive():
            if self._begun and time.monotonic() - self._begun > SLOW:
                self._begun = 0
                who = commands.slowest() or "file system"
                self.log(
                    f"SLURM is slow to answer ({who}); it is waited for. Results are still noticed."
                )
            return Answer()
        if self._thread is None:
            return Answer()
        self._thread = None
        if self._error is not None:
            raise self._error
        answer, self._answer = self._answer, Answer()
        return answer

    def go_on(self) -> None:
        """Begin a conversation if there is something to say or to ask, and none is going on."""
        busy = not self.incoming.empty() or self.dispatcher.due or self.adoption.due
        if self._thread is None and not self._stopped and (busy or self.watcher.curious):
            self._begun = time.monotonic()
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()

    def _run(self) -> None:
        try:
            with self.lock:
                if not self._stopped:
                    self._answer = self._exchange()
        except BaseException as error:
            self._error = error
        self.done()

    def _exchange(self) -> Answer:
        answer = Answer()
        while True:
            try:
                self.adoption.consider(self.incoming.get_nowait())
            except Empty:
                break
        self.adoption.step()
        answer.submitted, answer.refused = self.dispatcher.step(bool(self.watcher.tasks))
        answer.refused += self.adoption.refused
        self.adoption.refused = []
        if self.watcher.curious:
            answer.seen = self.watcher.ask()
        answer.taken_over, self.adoption.taken_over = self.adoption.taken_over, []
        return answer
