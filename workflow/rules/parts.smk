# Data that is split several ways (split.repeats, folds, designs): for each way the rules of an experiment by
# itself, in a module of its own, and then what all of them say together.
for part in EXPERIMENT.parts:
    MODULE, NAMED = f"part {part.split_as}", f"{part.split_as}_"

    module:
        name: MODULE
        snakefile:
            "../../Snakefile"
        config:
            {"part": part.split_as}

    # What is drawn or fetched is for all of them.
    use rule * from MODULE exclude synthesize, fetch, weights as NAMED*


def compared_parts(wildcards, input):
    """The digest of all runs that are compared, once they are known."""
    return digest.parts_digest(*EXPERIMENT.with_rounds().compared_parts())


rule compare:
    input:
        conclusions=[Layout(one.root).conclusion for one in EXPERIMENT.parts],
        tables=[Layout(one.root).comparison for one in EXPERIMENT.parts],
    output:
        table=RESULTS / "comparison.csv",
        overview=RESULTS / "overview.json",
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
        digest=compared_parts,
    shell:
        "bakeoff compare {params.config} --digest {params.digest} > {log} 2>&1"


rule report:
    input:
        overview=rules.compare.output.overview,
    output:
        html=RESULTS / "report.html",
        json=RESULTS / "report.json",
    log:
        RESULTS / "logs/report.log",
    conda:
        "../../environment.yml"
    resources:
        runtime=10,
        mem_mb=1000,
        slurm_account=account,
    params:
        config=passed_on,
        digest=compared_parts,
    shell:
        "bakeoff report {params.config} --digest {params.digest} > {log} 2>&1"
