# One run: a variant with one of its seeds.
rule train:
    input:
        train=alone(RESULTS / "splits/train.csv"),
        val=alone(RESULTS / "splits/val.csv"),
        images=alone(packed_for),
        pretrained=alone(weights_for),
        left=alone(out_of_pack) if HAD_PACKS else [],
    output:
        # What comes at the end. Checkpoints and history.csv grow before: Snakemake deletes declared
        # outputs when a job starts again, and a Snakemake that starts at that moment trips over it.
        weights=RESULTS / "runs/{variant}/seed-{seed}/best.safetensors",
        run=RESULTS / "runs/{variant}/seed-{seed}/run.json",
    log:
        RESULTS / "runs/{variant}/seed-{seed}/train.log",
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
        digest=planned_run,
    shell:
        # Empty, or what starts the tasks of a job that has several.
        "${{SNAKEMAKE_JOB_LAUNCHER-}} bakeoff train {params.config} --variant {wildcards.variant} --seed {wildcards.seed}"
        " --digest {params.digest} >> {log} 2>&1"


# Runs that share a job (training.pack), each with the log of its own. What they make is no output of this job:
# if one fails, Snakemake would delete what the others made. It is trained by itself then, by the rule above, and
# fails there, while the others go on.
if PACKS:

    checkpoint train_pack:
        input:
            train=RESULTS / "splits/train.csv",
            val=RESULTS / "splits/val.csv",
            images=of_pack(packs_of),
            pretrained=of_pack(start_of),
        output:
            ended=RESULTS / "train_packs/{pack}.json",
        log:
            RESULTS / "logs/train-pack-{pack}.log",
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
            runs=planned_pack,
        shell:
            "bakeoff train {params.config} {params.runs} --ended {output.ended} >> {log} 2>&1"
