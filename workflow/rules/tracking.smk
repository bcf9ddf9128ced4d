# Into MLflow, from where its store or server can be reached.
rule track:
    input:
        metrics=of_every_run("metrics.json"),
        comparison=rules.compare.output.table,
    output:
        tracked=RESULTS / "tracked.json",
    log:
        RESULTS / "logs/track.log",
    localrule: True
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
    localrule: True
    conda:
        "../../environment.yml"
    resources:
        runtime=20,
        mem_mb=2000,
    params:
        config=passed_on,
    shell:
        "bakeoff register {params.config} --or-later > {log} 2>&1"
