# The jobs and files of a bake-off of `runs` runs, ten seeds a variant, with nothing to look up: what
# Snakemake itself takes for as many, with a parameter to compare where bakeoff has one. Read by startup.py.
RUNS = [f"lr-{run // 10}/seed-{run % 10}" for run in range(int(config["runs"]))]
SPLITS = [f"splits/{name}.csv" for name in ("train", "val", "test")]
PACK = "packed/images.npy"
WEIGHTS = ["runs/{variant}/seed-{seed}/best.safetensors", "runs/{variant}/seed-{seed}/run.json"]
SCORES = [
    f"runs/{{variant}}/seed-{{seed}}/{name}"
    for name in ("predictions/val.csv", "predictions/test.csv", "metrics.json")
]


def every(file):
    return lambda wildcards: [f"runs/{run}/{file}" for run in RUNS]


wildcard_constraints:
    variant="[^/]+",
    seed="[0-9]+",


rule all:
    default_target: True
    input:
        "report.html",
        "comparison.csv",
        [f"runs/{run}/best.safetensors" for run in RUNS],
        [f"runs/{run}/predictions/test.csv" for run in RUNS],
        "tracked.json",
        "registered.json",
        [f"runs/{run}/figures/index.json" for run in RUNS],


rule synthesize:
    output:
        "labels.csv",
    shell:
        "touch {output}"


rule split:
    input:
        "labels.csv",
    output:
        SPLITS,
    params:
        digest="0123456789ab",
    shell:
        "touch {output}"


rule pack:
    input:
        SPLITS,
    output:
        PACK,
    params:
        digest="0123456789ab",
    shell:
        "touch {output}"


rule train:
    input:
        SPLITS[:2],
        PACK,
    output:
        WEIGHTS,
    log:
        "runs/{variant}/seed-{seed}/train.log",
    resources:
        runtime=60,
        mem_mb=4000,
    params:
        digest="0123456789ab",
    shell:
        "touch {output}"


rule evaluate:
    input:
        WEIGHTS,
        PACK,
        SPLITS,
    output:
        SCORES,
    log:
        "runs/{variant}/seed-{seed}/evaluate.log",
    resources:
        runtime=20,
        mem_mb=4000,
    shell:
        "touch {output}"


rule pictures:
    input:
        SCORES[2],
        WEIGHTS[0],
    output:
        "runs/{variant}/seed-{seed}/figures/index.json",
    log:
        "runs/{variant}/seed-{seed}/pictures.log",
    resources:
        runtime=30,
        mem_mb=4000,
    shell:
        "touch {output}"


rule compare:
    input:
        metrics=every("metrics.json"),
    output:
        "comparison.csv",
    params:
        digest="0123456789ab",
    shell:
        "touch {output}"


rule report:
    input:
        "comparison.csv",
        pictures=every("figures/index.json"),
    output:
        "report.html",
    params:
        digest="0123456789ab",
    shell:
        "touch {output}"


rule track:
    input:
        "comparison.csv",
        metrics=every("metrics.json"),
    output:
        "tracked.json",
    shell:
        "touch {output}"


rule register:
    input:
        "comparison.csv",
        "tracked.json",
    output:
        "registered.json",
    shell:
        "touch {output}"
