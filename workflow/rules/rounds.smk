# Seeds that are added round by round, to the variants that may still be the best on validation.
if EXPERIMENT.adaptive:

    checkpoint round:
        input:
            runs_of_round,
        output:
            RESULTS / "rounds/{number}.json",
        log:
            RESULTS / "logs/round-{number}.log",
        localrule: True  # decided where Snakemake runs: it takes seconds, and all waits for it
        conda:
            "../../environment.yml"
        resources:
            runtime=10,
            mem_mb=1000,
        params:
            config=passed_on,
            digest=digest.runs_digest(RUNS, EXPERIMENT.compare),
        shell:
            "bakeoff round {params.config} --number {wildcards.number} > {log} 2>&1"
