# From weights to numbers that can be compared.
rule evaluate:
    input:
        weights=trained("best.safetensors"),
        run=trained("run.json"),
        images=packed_for,
        tables=rules.split.output.tables,
        pretrained=weights_for,
    output:
        val=RESULTS / "runs/{variant}/seed-{seed}/predictions/val.csv",
        test=RESULTS / "runs/{variant}/seed-{seed}/predictions/test.csv",
        metrics=RESULTS / "runs/{variant}/seed-{seed}/metrics.json",
    log:
        RESULTS / "runs/{variant}/seed-{seed}/evaluate.log",
    conda:
        "../../environment.yml"
    threads: threads_of
    resources:
        runtime=20,
        mem_mb=asks("mem_mb"),
        slurm_account=asks("slurm_account"),
    params:
        config=passed_on,
    shell:
        "bakeoff evaluate {params.config} --variant {wildcards.variant} --seed {wildcards.seed}"
        " > {log} 2>&1"


rule pictures:
    input:
        metrics=rules.evaluate.output.metrics,
        weights=trained("best.safetensors"),
    output:
        index=RESULTS / "runs/{variant}/seed-{seed}/figures/index.json",
    log:
        RESULTS / "runs/{variant}/seed-{seed}/pictures.log",
    conda:
        "../../environment.yml"
    threads: threads_of
    resources:
        runtime=30,
        mem_mb=asks("mem_mb"),
        slurm_account=asks("slurm_account"),
    params:
        config=passed_on,
    shell:
        "bakeoff pictures {params.config} --variant {wildcards.variant} --seed {wildcards.seed}"
        " > {log} 2>&1"


rule baselines:
    input:
        tables=rules.split.output.tables,
    output:
        metrics=expand(
            RESULTS / "baselines/{name}/metrics.json", name=["majority", "metadata"]
        ),
    log:
        RESULTS / "logs/baselines.log",
    conda:
        "../../environment.yml"
    resources:
        runtime=10,
        mem_mb=1000,
        slurm_account=account,
    params:
        config=passed_on,
    shell:
        "bakeoff baselines {params.config} > {log} 2>&1"


rule compare:
    input:
        metrics=of_every_run("metrics.json"),
        baselines=rules.baselines.output.metrics,
    output:
        table=report(
            RESULTS / "comparison.csv",
            caption="../report/comparison.rst",
            category="Comparison",
        ),
        conclusion=RESULTS / "conclusion.json",
    log:
        RESULTS / "logs/compare.log",
    conda:
        "../../environment.yml"
    resources:
        runtime=10,
        mem_mb=1000,
        slurm_account=account,
    params:
        config=passed_on,
        digest=(
            compared_runs
            if EXPERIMENT.adaptive
            else digest.runs_digest(RUNS, EXPERIMENT.compare)
        ),
    shell:
        "bakeoff compare {params.config} --digest {params.digest} > {log} 2>&1"
