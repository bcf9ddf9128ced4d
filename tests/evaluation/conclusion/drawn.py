"""Figures whose errors are known: normal, of images that all share and of seeds."""

import numpy as np

from bakeoff.evaluation.conclusion.joint_errors import Figures, JointErrors, joint_errors

UNITS = 130


def figures(
    random: np.random.Generator,
    truths,
    seeds=3,
    images=0.03,
    own=0.01,
    spread=0.0,
    resamples=800,
) -> list[Figures]:
    """A variant for each truth, with errors of images (shared), of its own and of its seeds."""
    shared = random.normal() * images
    drawn_shared = random.normal(size=resamples) * images
    made = []
    for at, truth in enumerate(truths):
        errors = own * random.normal(size=seeds)
        values = truth + shared + errors + spread * random.normal(size=seeds)
        drawn = values[:, None] + drawn_shared + own * random.normal(size=(seeds, resamples))
        made.append(Figures(f"v{at}", values, drawn))
    return made


def errors(random: np.random.Generator, truths, **how) -> JointErrors:
    """The errors of such figures."""
    return joint_errors(figures(random, truths, **how), UNITS)
