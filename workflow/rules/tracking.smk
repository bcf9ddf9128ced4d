# Into MLflow, from where its store or server can be reached.
localrules:
    track,
    register,


rule track:
    input:
        metrics=of_every_run("metrics.json"),
        comparison=rules.compare.output.table,
    output:
        tracked=RESULTS / "tracked.json",
    log:
        RESULTS / "logs/track.log",
    conda:
        "../../environment.yml"
    resources:
        runtime=20,
        mem_mb=2000,
    params:
        config=passed_on,
    shell:
        "bakeoff sync {params.config} --or-later > {log} 2>&1"


rule register:
    input:
        comparison=rules.compare.output.table,
        # The run has to be in MLflow; that it was sent again is no reason to register again.
        tracked=ancient(rules.track.output.tracked),
    output:
        registered=RESULTS / "registered.json",
    log:
        RESULTS / "logs/register.log",
    conda:
        "../../environment.yml"
    resources:
        runtime=20,
        mem_mb=2000,
    params:
        config=passed_on,
    shell:
        "bakeoff register {params.config} --or-later > {log} 2>&1"


# What came after `track`, the report above all; what was sent before is not sent again.
onsuccess:
    shell("bakeoff sync {CONFIG} --or-later")
    # Where MLflow could not be reached, the next start of Snakemake tries again.
    shell(
        f"! grep -q '\"pending\"' {RESULTS}/tracked.json || rm {RESULTS}/tracked.json"
    )


# A run that failed keeps `compare`, `report` and `track` from running as jobs. The report then says
# what is missing, and MLflow shows the failed run; the jobs run once the missing runs are there.
onerror:
    # Before there is a split there is nothing to compare, report or send; and whoever interrupts wants it
    # to end: nothing failed.
    interrupted = any("on user request" in Path(file).read_text() for file in log)
    if (RESULTS / "splits/audit.json").exists() and not interrupted:
        for stage in ("compare", "report", "sync"):
            shell(f"bakeoff {stage} {CONFIG} || true")
        # The table without the failed runs is in the report; its own file is for the job to make, so
        # that the next start compares and reports again.
        shell(f"rm -f {RESULTS}/comparison.csv")
