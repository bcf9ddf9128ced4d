# From the table and the images to packed arrays.
rule split:
    input:
        labels=EXPERIMENT.data.made_last or EXPERIMENT.data.labels or [],
        lists=EXPERIMENT.split.given.lists.values() if EXPERIMENT.split.given else [],
    output:
        tables=expand(RESULTS / "splits/{split}.csv", split=["train", "val", "test"]),
        audit=RESULTS / "splits/audit.json",
    log:
        RESULTS / "logs/split.log",
    conda:
        "../../environment.yml"
    threads: 4
    resources:
        runtime=20,
        mem_mb=3000,
        slurm_account=account,
    params:
        config=passed_on,
        # Not at the start of every job: class folders may hold a million files.
        digest=lambda wildcards: digest.data_digest(
            EXPERIMENT.data, EXPERIMENT.split, listing_digest(EXPERIMENT.data)
        ),
    shell:
        "bakeoff split {params.config} --workers {threads} --digest {params.digest} > {log} 2>&1"


rule pack:
    input:
        tables=rules.split.output.tables,
    output:
        images=RESULTS / "packed/size-{size}/images.npy",
        index=RESULTS / "packed/size-{size}/index.csv",
    log:
        RESULTS / "logs/pack-size-{size}.log",
    conda:
        "../../environment.yml"
    threads: 4
    resources:
        runtime=30,
        # Two images for each thread are decoded at once: 200 MB each for a photograph of 12 megapixels.
        mem_mb=4000,
        slurm_account=account,
    params:
        config=passed_on,
        digest=lambda wildcards: digest.pack_digest(
            EXPERIMENT.data, Packing(int(wildcards.size))
        ),
    shell:
        "bakeoff pack {params.config} --size {wildcards.size} --workers {threads}"
        " --digest {params.digest} > {log} 2>&1"


# In colour, or cropped. What is said of the plain pack stays as it was, so that none is made again.
use rule pack as pack_otherwise with:
    output:
        images=RESULTS / "packed/size-{size}{kind}/images.npy",
        index=RESULTS / "packed/size-{size}{kind}/index.csv",
    log:
        RESULTS / "logs/pack-size-{size}{kind}.log",
    params:
        config=packed_otherwise,
        digest=lambda wildcards: digest.pack_digest(
            EXPERIMENT.data, packing_of(wildcards)
        ),
