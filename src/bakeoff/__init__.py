"""bakeoff: from a CSV of labelled images and a list of variants to a comparison that can be believed."""

__version__ = "0.1.0"
