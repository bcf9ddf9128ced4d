# The report: one file that opens offline.
rule report:
    input:
        comparison=rules.compare.output.table,
        conclusion=rules.compare.output.conclusion,
        audit=rules.split.output.audit,
        pictures=of_every_run("figures/index.json"),
    output:
        html=report(
            RESULTS / "report.html",
            caption="../report/report.rst",
            category="Report",
        ),
        json=RESULTS / "report.json",
        card=RESULTS / "model_card.md",
        figures=[
            report(
                RESULTS / f"figures/{name}",
                caption=f"../report/{Path(name).stem}.rst",
                category="Figures",
            )
            for name in ("auroc.svg", "learning_curves.svg", "roc.svg", "samples.png")
        ],
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
        digest=(
            compared_runs
            if EXPERIMENT.adaptive
            else digest.runs_digest(RUNS, EXPERIMENT.compare)
        ),
        scored=words_of(TASK).probability,  # for the captions
        captions=in_captions,
    shell:
        "bakeoff report {params.config} --digest {params.digest} > {log} 2>&1"
