"""System metrics of a training job, under the names of MLflow's own."""

import contextlib
import logging
import shutil
import time

import psutil

from bakeoff.commands import ask

INTERVAL = 10.0  # seconds between samples
PATIENCE = 5.0  # seconds for nvidia-smi
LONGEST_PAUSE = 600.0  # seconds before nvidia-smi is tried again after failures

log = logging.getLogger(__name__)

_GPU = {
    "utilization.gpu": "utilization_percentage",
    "memory.used": "memory_usage_megabytes",
    "power.draw": "power_usage_watts",
}


class Monitor:
    """Samples the process `pid` with its children, the machine, and the GPUs that the job sees."""

    def __init__(self, pid: int) -> None:
        self.process = psutil.Process(pid)
        self._own = psutil.Process().pid
        self._nvidia_smi = shutil.which("nvidia-smi")
        self._visible: str | None = None
        self._gpus_at = self._gpus_pause = 0.0  # monotonic; seconds
        self._logged_error = ""
        with contextlib.suppress(psutil.Error):
            # SLURM sets it for the trainer; the sender's own is empty.
            self._visible = self.process.environ().get("CUDA_VISIBLE_DEVICES")
        self._before = (time.monotonic(), self._cpu_seconds())
        psutil.cpu_percent()  # the first answer is meaningless

    def sample(self) -> dict[str, float]:
        """Means since the last sample (CPU) and values of this moment (the rest).

        `process_cpu_percentage` is 100 for one busy core; memory is resident, in megabytes.
        """
        now, used = time.monotonic(), self._cpu_seconds()
        begun, before = self._before
        self._before = (now, used)
        memory = psutil.virtual_memory()
        resident = 0
        for process in self._family():
            with contextlib.suppress(psutil.Error):
                resident += process.memory_info().rss
        values = {
            "process_cpu_percentage": max(0.0, 100 * (used - before) / max(now - begun, 1e-3)),
            "process_memory_megabytes": resident / 1e6,
            "cpu_utilization_percentage": psutil.cpu_percent(),
            "system_memory_usage_megabytes": memory.used / 1e6,
            "system_memory_usage_percentage": memory.percent,
        }
        return {f"system/{key}": value for key, value in (values | self._gpus()).items()}

    def _family(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.Error):
            children = self.process.children(recursive=True)
            return [self.process, *(child for child in children if child.pid != self._own)]
        return []

    def _cpu_seconds(self) -> float:
        total = 0.0
        for process in self._family():
            with contextlib.suppress(psutil.Error):
                times = process.cpu_times()
                total += times.user + times.system
        return total

    def _gpus(self) -> dict[str, float]:
        if self._nvidia_smi is None or self._visible == "":
            return {}
        query = f"--query-gpu={','.join(_GPU)}"
        command = [self._nvidia_smi, query, "--format=csv,noheader,nounits"]
        if self._visible is not None:
            command.append(f"--id={self._visible}")
        if time.monotonic() < self._gpus_at:
            return {}
        answer = ask(*command, patience=PATIENCE)
        if answer.error:
            # With a broken driver each try may leave a process that cannot be killed.
            self._gpus_pause = min(LONGEST_PAUSE, max(4 * INTERVAL, 2 * self._gpus_pause))
            self._gpus_at = time.monotonic() + self._gpus_pause
            if answer.error != self._logged_error:
                log.warning("What the GPUs do is not sampled for now: %s.", answer.error)
            self._logged_error = answer.error
            return {}
        self._gpus_pause, self._logged_error = 0.0, ""
        values: dict[str, float] = {}
        rows = [line.split(",") for line in answer.text.splitlines()]
        # nvidia-smi may write warnings between the rows.
        for index, row in enumerate(row for row in rows if len(row) == len(_GPU)):
            for name, text in zip(_GPU.values(), row, strict=True):
                with contextlib.suppress(ValueError):  # "[N/A]" where the driver does not know
                    values[f"gpu_{index}_{name}"] = float(text)
        return values
