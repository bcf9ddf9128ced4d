"""The schema of the configuration: one class per section, defaults and ranges beside the fields.

Sections are frozen. Nothing here imports torch: Snakemake reads the configuration at every start.
"""

from bakeoff.config.schema.compare import Compare, Subgroup
from bakeoff.config.schema.data import NIH_FINDINGS, NIH_SAMPLE, Data
from bakeoff.config.schema.image import Crop, Flip, Image, Jitter, Rotate, Statistics
from bakeoff.config.schema.resources import Resources, Tracking
from bakeoff.config.schema.section import Label, Name, Section, Seed
from bakeoff.config.schema.split import Given, Split
from bakeoff.config.schema.synthetic import Synthetic
from bakeoff.config.schema.task import Task
from bakeoff.config.schema.training import (
    MEASURED,
    NIH_PATIENT,
    UNCOUNTED,
    Checkpoint,
    Masking,
    RecipeName,
    Training,
)

__all__ = [
    "MEASURED",
    "NIH_FINDINGS",
    "NIH_PATIENT",
    "NIH_SAMPLE",
    "UNCOUNTED",
    "Checkpoint",
    "Compare",
    "Crop",
    "Data",
    "Flip",
    "Given",
    "Image",
    "Jitter",
    "Label",
    "Masking",
    "Name",
    "RecipeName",
    "Resources",
    "Rotate",
    "Section",
    "Seed",
    "Split",
    "Statistics",
    "Subgroup",
    "Synthetic",
    "Task",
    "Tracking",
    "Training",
]
