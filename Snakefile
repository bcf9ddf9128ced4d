# bakeoff: from a CSV of labelled images to a comparison that can be believed.
# What runs is in config/*.yaml, where it runs in profiles/; see README.md.
from snakemake.utils import min_version

min_version("9.27")

if not workflow.overwrite_configfiles:

    configfile: "config/demo.yaml"


include: "workflow/rules/lookup.smk"


if EXPERIMENT.parts:

    include: "workflow/rules/sources.smk"
    include: "workflow/rules/weights.smk"
    include: "workflow/rules/parts.smk"

else:

    include: "workflow/rules/sources.smk"
    include: "workflow/rules/data.smk"
    include: "workflow/rules/weights.smk"
    include: "workflow/rules/pretrain.smk"
    include: "workflow/rules/train.smk"
    include: "workflow/rules/rounds.smk"
    include: "workflow/rules/evaluate.smk"
    include: "workflow/rules/report.smk"
    include: "workflow/rules/tracking.smk"


if not IS_PART:

    include: "workflow/rules/outcome.smk"


report: "workflow/report/workflow.rst"


rule all:
    default_target: True
    input:
        *made_in_the_end(),
