"""The report at the end of a run: into the log, and into a file."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from snakemake_interface_common.exceptions import WorkflowError

from snakemake_executor_plugin_submitit.efficiency import accounts, rows, sheet, table
from snakemake_executor_plugin_submitit.efficiency.advice import Advice, advise
from snakemake_executor_plugin_submitit.efficiency.ledger import Ended, Ledger
from snakemake_executor_plugin_submitit.efficiency.rows import Row
from snakemake_executor_plugin_submitit.efficiency.rules import Rule, by_rule
from snakemake_executor_plugin_submitit.efficiency.sheet import SheetError
from snakemake_executor_plugin_submitit.efficiency.words import jobs

# Seconds for which the accounting may be asked and waited for, in all.
PATIENCE = 10.0
# FILE that stands for the log alone.
LOG = "-"
# What has to be wasted before anybody who did not ask is told: hours of a CPU, gigabyte-hours.
CPU_HOURS, GIGABYTE_HOURS = 24.0, 240.0


@dataclass(frozen=True)
class Efficiency:
    """What to do at the end: `file` is empty where nobody asked for a report."""

    file: str
    threshold: float
    on_slurm: bool
    log: Callable[[str], None]

    def check(self) -> None:
        """Raise WorkflowError where no report can be written to the file, while nothing runs yet."""
        if self.file not in ("", LOG):
            try:
                sheet.check(Path(self.file))
            except SheetError as error:
                raise WorkflowError(f"--submitit-efficiency: {error}.") from None

    def report(self, ledger: Ledger, patience: float = PATIENCE) -> None:
        """Tell what the jobs used. SLURM is asked only where a report was asked for, and never for long.

        Whatever goes wrong here, or Ctrl-C, ends the report alone: the jobs are done.
        """
        ended, ledger.jobs = ledger.jobs, []
        try:
            if ended and self.file:
                self._report(ended, min(patience, PATIENCE))
            elif ended:
                self._hint(rows.join(ended, {}))
        except KeyboardInterrupt:
            self.log("The efficiency report is left out.")
        except Exception as error:
            self.log(f"There is no efficiency report: {type(error).__name__}: {error}")

    def _report(self, ended: Sequence[Ended], patience: float) -> None:
        known = accounts.ask(_addresses(ended), patience, self.log) if self.on_slurm else {}
        found = rows.join(ended, known)
        self.log("\n".join(self._lines(found, by_rule(found))))
        if self.file != LOG:
            self._write(found)

    def _lines(self, found: Sequence[Row], rules: Sequence[Rule]) -> list[str]:
        advice = [one for rule in rules for one in advise(rule, self.threshold)]
        lines = [f"Efficiency of {jobs(len(found))}, {_source(found)}:"]
        lines += [f"  {line}" for line in table.table(rules)]
        lines += table.remarks(rules, advice)
        if not advice:
            lines.append(f"Nothing is near its limit, nor used by less than {self.threshold:.0%}.")
        if entries := table.profile(rules, advice):
            lines += [
                f"For the profile ({table.headroom()}; after a kill twice as much):",
                *entries,
            ]
        return lines

    def _write(self, found: Sequence[Row]) -> None:
        path = sheet.place(Path(self.file))
        try:
            kept = sheet.write(path, found)
        except (SheetError, OSError) as error:
            self.log(f"--submitit-efficiency: {error}")
            return
        earlier = f" after {jobs(kept)} of earlier runs" if kept else ""
        self.log(f"{jobs(len(found))} written to {path}{earlier}.")

    def _hint(self, found: Sequence[Row]) -> None:
        """One line for whoever did not ask, where very much was wasted on a cluster."""
        if not self.on_slurm or not self.threshold:
            return
        for rule in by_rule(found):
            for one in advise(rule, self.threshold):
                if one.kind == "waste" and _is_much(rule, one):
                    self.log(
                        f"{rule.name} {one.words} ({jobs(len(rule.rows))}). "
                        "--submitit-efficiency FILE.csv shows what all rules used, and what to ask for."
                    )
                    return


def _is_much(rule: Rule, advice: Advice) -> bool:
    """Whether jobs kept others from more than anybody would want to be silent about."""
    hours = rule.elapsed / 3600
    if advice.section == "set-threads" or advice.name == "cpus_per_task":
        limit, most = rule.cpus.limit, rule.cpus.most
        return limit is not None and most is not None and (limit - most) * hours > CPU_HOURS
    if advice.name.startswith("mem_mb"):
        limit, most = rule.memory.limit, rule.memory.most
        return (
            limit is not None
            and most is not None
            and (limit - most) / 2**30 * hours > GIGABYTE_HOURS
        )
    return False


def _addresses(ended: Sequence[Ended]) -> dict[str, float]:
    """Every submission with when it was made, those that others took the place of as well."""
    found = {job.address: job.submitted for job in ended}
    for job in ended:
        found |= dict(job.lost)
    return found


def _source(found: Sequence[Row]) -> str:
    """Who measured, in words."""
    accounted = sum("sacct" in row.source for row in found)
    unknown = sum(row.source == "nobody" for row in found)
    words = "by the accounting and the jobs themselves"
    if not accounted:
        words = "as the jobs measured themselves"
    elif accounted < len(found):
        words += f" ({accounted} of them are in the accounting)"
    return words + (f"; nobody measured {unknown}" if unknown else "")
