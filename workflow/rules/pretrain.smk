# Weights from images without labels, for the variants that start from them.
# Before any GPU is asked for: it refuses a folder that shares a patient with the test split.
rule pack_unlabelled:
    input:
        tables=rules.split.output.tables,
        tested=packed_for,
        patients=patients_of,
    output:
        images=RESULTS / "pretraining/{pretraining}/packed/images.npy",
        index=RESULTS / "pretraining/{pretraining}/packed/index.csv",
    log:
        RESULTS / "pretraining/{pretraining}/pack.log",
    conda:
        "../../environment.yml"
    threads: 4
    resources:
        runtime=120,
        mem_mb=4000,
        slurm_account=asks("slurm_account"),
    params:
        config=passed_on,
        digest=lambda wildcards: digest.unlabelled_digest(
            pretraining_of(wildcards), EXPERIMENT.data, EXPERIMENT.split
        ),
    shell:
        "bakeoff pack-unlabelled {params.config} --name {wildcards.pretraining} --workers {threads}"
        " --digest {params.digest} > {log} 2>&1"


rule pretrain:
    input:
        tables=rules.split.output.tables,
        images=pretrained_on,
        tested=packed_for,
    output:
        # What comes at the end. Checkpoints and history.csv grow before: Snakemake deletes declared
        # outputs when a job starts again, and a Snakemake that starts at that moment trips over it.
        weights=RESULTS / "pretraining/{pretraining}/weights.safetensors",
        run=RESULTS / "pretraining/{pretraining}/run.json",
    log:
        RESULTS / "pretraining/{pretraining}/pretrain.log",
    conda:
        "../../environment.yml"
    threads: threads_of
    resources:
        runtime=asks("runtime"),
        mem_mb=asks("mem_mb"),
        gpu=asks("gpu"),
        gpu_model=asks("gpu_model"),
        gres=asks("gres"),
        constraint=asks("constraint"),
        cpus_per_task=asks("cpus_per_task"),
        nodes=asks("nodes"),
        tasks=asks("tasks"),
        slurm_account=asks("slurm_account"),
        slurm_partition=asks("slurm_partition"),
        qos=asks("qos"),
        reservation=asks("reservation"),
        slurm_extra=asks("slurm_extra"),
        comment=asks("comment"),
    params:
        config=passed_on,
        digest=planned_pretraining,
    shell:
        # Empty, or what starts the tasks of a job that has several.
        "${{SNAKEMAKE_JOB_LAUNCHER-}} bakeoff pretrain {params.config} --name {wildcards.pretraining}"
        " --digest {params.digest} >> {log} 2>&1"
