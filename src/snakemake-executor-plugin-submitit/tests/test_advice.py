"""What is called waste or danger, and what the profile is told to ask for instead."""

from dataclasses import replace

import yaml

from ended_jobs import asking, ended, rows
from snakemake_executor_plugin_submitit.efficiency import table
from snakemake_executor_plugin_submitit.efficiency.advice import Advice, advise
from snakemake_executor_plugin_submitit.efficiency.ledger import MEGABYTE, Asked, Ended
from snakemake_executor_plugin_submitit.efficiency.rows import join
from snakemake_executor_plugin_submitit.efficiency.rules import Rule, by_rule
from snakemake_executor_plugin_submitit.efficiency.sacct import Attempt, Step
from snakemake_executor_plugin_submitit.resources.sbatch_options import translate


def rule_of(*jobs: Ended) -> Rule:
    (rule,) = by_rule(rows(*jobs))
    return rule


def said(*jobs: Ended, threshold: float = 0.5) -> list[Advice]:
    return advise(rule_of(*jobs), threshold)


def test_what_is_well_used_is_not_spoken_of() -> None:
    assert said(*[ended(memory=600, seconds=900)] * 3) == []


def test_memory_that_was_asked_for_in_vain_is_named_with_what_to_ask_for() -> None:
    asked = asking(memory=16_000)
    (advice,) = said(ended(memory=2150, asked=asked), ended(memory=1900, asked=asked))
    assert (advice.kind, advice.section, advice.name) == ("waste", "set-resources", "mem_mb")
    assert advice.words == "2.1 GB of 16 GB of memory at most"
    assert advice.value == 2600, "1.2 times 2150, upwards"


def test_a_little_memory_is_no_waste_however_small_the_share() -> None:
    assert said(ended(memory=20, asked=asking(memory=900))) == []


def test_the_threshold_is_the_users() -> None:
    job = ended(memory=6000, asked=asking(memory=10_000))
    assert said(job) == []
    assert [one.value for one in said(job, threshold=0.7)] == [7200]
    assert said(ended(memory=100, asked=asking(memory=10_000)), threshold=0) == []


def test_memory_near_its_limit_is_a_danger() -> None:
    (advice,) = said(ended(memory=950), ended(memory=300))
    assert (advice.kind, advice.value) == ("danger", 1200)


def test_jobs_that_were_killed_ask_for_twice_as_much() -> None:
    (memory,) = said(ended(memory=700, state="out of memory"), ended(memory=500))
    assert (memory.kind, memory.name, memory.value) == ("danger", "mem_mb", 2000)
    assert memory.words == "1 job ended out of memory, of 1 GB"
    (time,) = said(ended(seconds=1230, state="time limit"))
    assert (time.kind, time.name, time.value) == ("danger", "runtime", 40)


def test_cpus_that_wait_are_named_by_the_name_under_which_the_rule_asks() -> None:
    asked = asking(cpus=8)
    (threads,) = said(ended(busy=1.9, asked=asked))
    assert (threads.section, threads.value) == ("set-threads", 3)
    (resource,) = said(ended(busy=1.9, asked=replace(asked, cpus_by="cpus_per_task")))
    assert (resource.section, resource.name, resource.value) == (
        "set-resources",
        "cpus_per_task",
        3,
    )
    (tasks,) = said(ended(busy=1.9, asked=replace(asked, tasks=4)))
    assert (tasks.name, tasks.value) == ("cpus_per_task", 1), "for each of its four tasks"
    assert said(ended(busy=0.1, seconds=5, asked=asked)) == [], "it has only begun"


def test_fewer_cpus_are_not_advised_where_they_bring_the_memory() -> None:
    asked = Asked(8, 8000 * MEGABYTE, 20, memory_by="mem_mb_per_cpu", memory_unit=8 * MEGABYTE)
    (cpus,) = said(ended(busy=1, memory=7000, asked=asked))
    assert not cpus.section and "less memory" in cpus.words
    memory, _ = said(ended(busy=1, memory=1600, asked=asked))
    assert (memory.name, memory.value) == ("mem_mb_per_cpu", 300), "of each CPU: 1.2 times 1600 / 8"


def test_where_slurm_chooses_the_nodes_memory_by_cpu_gets_words_alone() -> None:
    request = translate({"mem_mb_per_cpu": 2000, "mpi": "srun", "tasks": 64}, threads=1)
    asked = Asked.by(request, {})
    assert (asked.memory, asked.memory_unit, asked.cpus) == (None, 0, 64)
    given = Attempt("COMPLETED", 600, 30_000, 64, 64_000 * MEGABYTE, 0, True)
    given.steps.append(Step(None, None, 30_000, 2000 * MEGABYTE, None, None))
    (rule,) = by_rule(join([ended(memory=0, busy=0, asked=asked)], {"7": [given]}))
    (advice,) = advise(rule, 0.5)
    assert advice.words == "2 GB of 64 GB of memory at most" and not advice.section


def test_cpus_and_memory_that_nobody_measured_are_not_zero() -> None:
    assert said(ended(memory=0, busy=0, asked=asking(memory=64_000, cpus=32))) == []


def test_cpus_of_a_job_that_was_over_within_a_second_are_not_known() -> None:
    """The accounting gives 0 s and the CPU time of starting it: 7 CPUs of 1 were told."""
    given = Attempt("COMPLETED", 0, 0.2, 1, 0, 0, settled=True)
    (row,) = join([ended(busy=0.1, seconds=0.03)], {"7": [given]})
    assert row.busy is None


def test_jobs_that_failed_at_once_say_nothing_of_the_cpus_of_the_others() -> None:
    asked = asking(cpus=4)
    assert (
        said(ended(busy=3.9, asked=asked), ended(busy=0.1, state="exit code 1", asked=asked)) == []
    )
    rule = rule_of(
        ended(seconds=900, asked=asked), ended(seconds=5, state="exit code 1", asked=asked)
    )
    assert rule.time.typical == 900


def test_time_is_waste_by_the_hour_and_danger_near_the_limit() -> None:
    (waste,) = said(ended(seconds=600, asked=asking(minutes=240)))
    assert (waste.kind, waste.name, waste.value) == ("waste", "runtime", 15)
    assert said(ended(seconds=60, asked=asking(minutes=50))) == []
    (danger,) = said(ended(seconds=1190))
    assert (danger.kind, danger.value) == ("danger", 30)


def test_a_job_that_saves_at_its_limit_and_goes_on_uses_it_on_purpose() -> None:
    assert said(ended(seconds=1190, attempts=3)) == []


def test_jobs_of_a_rule_that_ask_differently_get_words_and_no_line() -> None:
    (advice,) = said(
        ended(memory=900, asked=asking(memory=4000)),
        ended(memory=2500, asked=asking(memory=16_000)),
    )
    assert not advice.section
    assert advice.words == (
        "2.5 GB of 4 GB to 16 GB of memory at most (jobs differ: change the function that says it)"
    )


def test_groups_get_words_and_no_line() -> None:
    (advice,) = said(ended("split+pack", memory=100, asked=asking(memory=16_000), grouped=True))
    assert not advice.section and "a group" in advice.words


def test_what_the_site_decides_is_neither() -> None:
    assert said(ended(memory=5000, asked=Asked(cpus=1))) == []


def test_a_gpu_that_waits_is_named_where_the_accounting_looks_at_it() -> None:
    step = Step(None, None, 10, 0, gpu_busy=12, gpu_memory=900 * MEGABYTE)
    attempt = Attempt("COMPLETED", 600, 600, 1, 1000 * MEGABYTE, 1, True, [step])
    (rule,) = by_rule(join([ended()], {"7": [attempt]}))
    (advice,) = advise(rule, 0.5)
    assert advice.words == "a GPU 12 % busy at most, 900 MB of its memory used"
    assert "12 %, 900 MB of 1" in table.table([rule])[1]


def test_slurm_and_the_job_are_both_believed_when_they_saw_more() -> None:
    seen = Step(None, None, 300, 700 * MEGABYTE, None, None)
    attempt = Attempt("COMPLETED", 610, 0.1, 2, 1000 * MEGABYTE, 0, True, [seen])
    job = ended(memory=500, busy=1.5, seconds=600)
    (row,) = join([job], {"7": [attempt]})
    assert (row.memory, row.cpu_seconds, row.elapsed) == (700 * MEGABYTE, 900, 610)
    assert row.source == "sacct+job"
    assert row.cpus == 1, "those that were asked for, not what the site rounds them up to"
    assert join([replace(job, address="8")], {"7": [attempt]})[0].source == "job"


def test_a_requeued_job_counts_with_all_its_attempts_and_its_lost_submissions() -> None:
    def attempt(state: str, seconds: float) -> Attempt:
        return Attempt(state, seconds, seconds, 1, 1000 * MEGABYTE, 0, state != "REQUEUED")

    job = replace(ended(seconds=100), lost=(("6", 1.0),))
    known = {
        "6": [attempt("NODE_FAIL", 50)],
        "7": [attempt("REQUEUED", 200), attempt("COMPLETED", 300)],
        "9": [attempt("COMPLETED", 5000)],
    }
    (row,) = join([job], known)
    assert (row.attempts, row.elapsed, row.longest) == (3, 550, 300)


def test_the_lines_are_a_profile_and_few_jobs_are_said_to_be_few() -> None:
    asked = asking(memory=16_000, cpus=8, minutes=240)
    wasteful = [ended(memory=2000, busy=2, asked=asked)] * 3
    lonely = [ended("report", memory=980)]
    rules = by_rule(rows(*wasteful, *lonely))
    advice = [one for rule in rules for one in advise(rule, 0.5)]
    lines = table.profile(rules, advice)
    assert yaml.safe_load("\n".join(lines)) == {
        "set-threads": {"train": 3},
        "set-resources": {
            "train": {"mem_mb": 2400, "runtime": 15},
            "report": {"mem_mb": 1200},
        },
    }
    assert "  report:  # seen in 1 job only" in lines and "  train:" in lines
    danger, waste = table.remarks(rules, advice)
    assert danger == "Danger in report (1 job only): 980 MB of 1 GB of memory at most."
    assert waste == (
        "Waste in train: 2 GB of 16 GB of memory at most; 2 of 8 CPUs busy at most; "
        "10:00 min of 4:00 h at most."
    )


def test_the_table_is_short_however_many_rules_there_are() -> None:
    rules = by_rule(rows(*(ended(f"rule{at}", seconds=at) for at in range(1, 31))))
    lines = table.table(rules)
    assert len(lines) == 12
    assert lines[1].startswith("rule30"), "the most costly first"
    assert lines[-1] == "and 20 more rules that used less"
