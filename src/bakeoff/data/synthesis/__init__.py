"""Synthetic chest X-rays: nothing to download, no licence, and a known ceiling for any model."""

from bakeoff.data.synthesis.ceiling import ceiling_auroc
from bakeoff.data.synthesis.write import SynthesisReport, synthesize

__all__ = ["SynthesisReport", "ceiling_auroc", "synthesize"]
