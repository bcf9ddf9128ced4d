"""Coloured shapes in class folders: a task of several classes in which hue and shape both count."""

from bakeoff.data.synthesis.shapes.ceiling import Ceiling, ceiling, read_evidence
from bakeoff.data.synthesis.shapes.write import ShapesReport, synthesize_shapes

__all__ = ["Ceiling", "ShapesReport", "ceiling", "read_evidence", "synthesize_shapes"]
