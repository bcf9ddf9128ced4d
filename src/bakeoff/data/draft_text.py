"""The text of a drafted configuration: commented lines of YAML, and others for a person to choose."""

import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bakeoff.config.arguments import config_arguments, snakemake_command
from bakeoff.data.draft_pictures import Pictures
from bakeoff.data.draft_sources import Source
from bakeoff.data.draft_split import Drawn
from bakeoff.data.proposal import comment, written, written_task
from bakeoff.task.classification import Metric
from bakeoff.task.likely import Likely
from bakeoff.wording import either

SCHEMA = ".bakeoff-schema.json"
"""Beside the configuration: what editors check it by."""

WIDTH = 100
"""Columns of a comment."""

NOTES = {
    "layout": "a folder for each class",
    "labels": "a row for each image",
    "images": "the folder that they are in, or are below",
    "encoding": "of the table",
    "separator": "between its cells",
    "suffix": "of the image files, which the table's names lack",
    "patient_column": "no row of one patient is in two splits",
    "negative": "the labels of class 0",
    "positive": "the labels of class 1",
}


def configuration(
    name: str,
    file: Path,
    source: Source,
    likely: Likely,
    others: Sequence[Likely],
    metrics: Sequence[Metric],
    split: Drawn,
    pictures: Pictures,
) -> str:
    """The whole file, of which `likely` is the task and `others` are there as comments."""
    sections = likely.task.as_written
    lines = [
        f"experiment: {written(name)}",
        "",
        *_task(sections.get("task"), likely, others, metrics),
        "",
        *_data({**source.data, **sections.get("data", {})}, source, likely),
        "",
        *_split(split),
        "",
        *_image(pictures),
    ]
    return (
        HEAD.format(
            schema=SCHEMA,
            plan=f"bakeoff plan {config_arguments([file], ())}",
            run=snakemake_command([file]),
            name=name,
        )
        + "\n".join(lines)
        + REST.format(batch=max(2, min(16, split.train // 8)))
    )


def _task(
    section: Any, likely: Likely, others: Sequence[Likely], metrics: Sequence[Metric]
) -> Iterator[str]:
    asks = f"{likely.asks[0].upper()}{likely.asks[1:]}"
    yield from _comment(f"{asks}{': data.negative and data.positive say it' * (section is None)}.")
    if section is not None:
        yield f"task: {written(section)}"
    for other in others:
        yield from _comment(f"In place of that, {other.asks}:")
        yield f"# {written_task(other.task)}"
    usual, first, *rest = [metric.name for metric in metrics]
    yield from _comment(f"What ranks the variants, in place of {usual} (or {either(rest)}):")
    yield f"# compare: {{metric: {first}}}"


def _data(keys: dict[str, Any], source: Source, likely: Likely) -> Iterator[str]:
    yield "data:"
    notes = {**NOTES, "negative": likely.doubt or NOTES["negative"]}
    if keys.get("patient_column", "") is None:
        notes["patient_column"] = (
            "or the column of who is on an image: nobody is then in two splits"
        )
    for key, value in keys.items():
        value = _path(value) if isinstance(value, Path) else value
        yield f"  {key}: {written(value)}{comment(notes.get(key, ''))}"
    if (pattern := source.people.pattern) is not None:
        yield (
            f"  # patient_pattern: {written(pattern)}"
            f"{comment('who is on an image by its file name: nobody is then in two splits')}"
        )


def _split(split: Drawn) -> Iterator[str]:
    drawn = "given" not in split.section
    if not drawn and "val" in split.section:
        yield "# No images to validate on came along: this share of those to train on."
    yield f"split: {written(split.section)}{comment('stratified; exactly so many' * drawn)}"
    for section, _ in split.refused:
        yield "# This one came with the data, and is refused; bakeoff plan says why:"
        yield f"# split: {written(section)}"


def _image(pictures: Pictures) -> Iterator[str]:
    yield "image:"
    yield f"  size: {pictures.side}  # pixels per side"
    if pictures.in_colour:
        yield "  channels: 3  # keeps the colours; 1 makes them grey"
        yield "  normalise: unit  # x / 255, as the pretrained weights of timm expect it"
    if not pictures.square:
        yield "  # fit: crop  # the middle square, in place of squeezing what is not square"
    if pictures.in_colour:
        yield from AUGMENTATION


def _comment(words: str) -> list[str]:
    return textwrap.wrap(f"# {words}", WIDTH, subsequent_indent="# ", break_on_hyphens=False)


def _path(path: Path) -> str:
    """As it is written in a configuration: from the working directory, or whole where it is not below."""
    absolute = path.absolute()
    here = Path.cwd()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else absolute)


HEAD = """\
# yaml-language-server: $schema={schema}
# Written by `bakeoff init`. Check what is guessed, then:
#   {plan}  # what will run, and whether the data fits
#   {run}  # the bake-off, to results/{name}/report.html
# config/README.md explains every key; `bakeoff models` lists the models.
"""

AUGMENTATION = (
    "  # Photographs are learned better if training images vary. Take away the # before what leaves the",
    "  # class of an image as it is:",
    "  # crop: {scale: [0.35, 1]}  # a random part",
    "  # flip: {probability: 0.5}  # left and right; not of letters, or of organs",
    "  # jitter: {brightness: 0.2, contrast: 0.2, saturation: 0.2}  # not where the colour tells the class",
)

REST = """

training:
  epochs: 20
  batch_size: {batch}
  lr: 1.0e-3
  seeds: [0, 1]  # more seeds say more surely which variant is better

# What a run asks a cluster for; a laptop ignores it.
resources: {{gpu: 1, runtime: 60, mem_mb: 8000}}

variants:
  conv: {{model: conv}}
  conv_bn: {{model: conv, norm: batch}}
  # resnet: {{model: timm/resnet18, pretrained: true}}  # fetches its weights where there is internet
  # sweep: {{model: conv, grid: {{training.lr: [1.0e-3, 1.0e-4]}}}}  # a variant per value
"""
