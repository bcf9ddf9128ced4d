"""A chest as the rays see it: how much tissue, bone and air lie behind each point of the film."""

import numpy as np

from bakeoff.data.synthesis.anatomy import LEFT, RIGHT, Chest
from bakeoff.data.synthesis.canvas import Canvas, Plane, Points, ellipse
from bakeoff.data.synthesis.findings import Layers

SIDES = (RIGHT, LEFT)


def density(
    canvas: Canvas, chest: Chest, layers: Layers, sex: str, rng: np.random.Generator
) -> Plane:
    """What the body holds back at each point, about 0 (beside the body) to 1 (spine, belly)."""
    belly = canvas.below(chest.base - 0.17, 0.4)
    coarse = canvas.coarser()
    trunk = coarse.fill(chest.torso(), blur=0.012)
    soft = canvas.enlarge(_soft_tissue(coarse, trunk, chest, sex, rng))
    bones = _bones(canvas, chest, belly) * canvas.enlarge(trunk)
    air = _air(canvas, chest, layers, belly, rng)
    total: Plane = soft + bones - 0.50 * air - 0.20 * layers.cavity
    return total


def _soft_tissue(
    canvas: Canvas, trunk: Plane, chest: Chest, sex: str, rng: np.random.Generator
) -> Plane:
    deep = canvas.fill(chest.torso(), blur=0.08)
    belly = canvas.below(chest.base - 0.17, 0.4)
    soft: Plane = 0.38 * trunk + 0.30 * deep + 0.12 * belly * trunk
    soft += 0.04 * canvas.fill(*(chest.scapula(side) for side in SIDES), blur=0.012)
    soft += 0.05 * canvas.stroke([(_vertical(chest.middle, -0.2, 1.3), 0.08)], blur=0.014)
    windpipe = _vertical(chest.middle, -0.1, chest.top + 0.3)
    soft -= 0.07 * canvas.stroke([(windpipe, 0.042)], blur=0.012)
    if sex == "F":
        breasts = [ellipse(*chest.at(side, 0.62, 0.8), 0.14, 0.16) for side in SIDES]
        soft += 0.06 * canvas.fill(*breasts, blur=0.02)
    if rng.random() < 0.5:
        bubble = ellipse(*chest.at(LEFT, 0.45, 1.02), 0.05, 0.02)
        soft -= 0.10 * canvas.fill(bubble, blur=0.012)  # air in the stomach
    return soft


def _air(
    canvas: Canvas, chest: Chest, layers: Layers, belly: Plane, rng: np.random.Generator
) -> Plane:
    coarse = canvas.coarser()
    heart, great_vessels = chest.mediastinum()
    hila = [ellipse(*chest.at(side, 0.25, 0.47), 0.03, 0.065) for side in SIDES]
    haze = 0.20 * coarse.fill(*hila, blur=0.016)
    haze += 0.30 * coarse.fill(heart, great_vessels, blur=0.07) + 0.14 * coarse.cloud(rng, 8)
    branches = [branch for side in SIDES for branch in chest.vessels(side, rng)]
    tissue = 0.17 * canvas.stroke(branches, blur=0.0025) + 0.10 * canvas.cloud(rng, 80)
    tissue += canvas.enlarge(haze) + 0.12 * belly

    lungs = canvas.fill(*(chest.lung(side) for side in SIDES), blur=0.006)
    air = 1 - tissue * (1 - layers.gas) + 0.15 * layers.gas
    air *= lungs * (1 - 0.92 * canvas.fill(heart, great_vessels, blur=0.009))
    air *= 1 - 0.85 * layers.tissue
    return air


def _bones(canvas: Canvas, chest: Chest, belly: Plane) -> Plane:
    back = [rib for side in SIDES for rib in chest.back_ribs(side)]
    front = [rib for side in SIDES for rib in chest.front_ribs(side)]
    ribs = 0.10 * canvas.stroke([(rib, 0.026) for rib in back], blur=0.0025)
    ribs -= 0.045 * canvas.stroke([(rib, 0.015) for rib in back], blur=0.003)  # marrow
    ribs += 0.05 * canvas.stroke([(rib, 0.03) for rib in front], blur=0.004)
    ribs *= 1 - 0.9 * np.minimum(1, 3 * belly)  # too dark to see there
    clavicles = [(chest.clavicle(side), 0.028) for side in SIDES]
    bones: Plane = ribs + 0.09 * canvas.stroke(clavicles, blur=0.003)
    bones += 0.035 * canvas.fill(*chest.vertebrae(), blur=0.006)
    return bones


def _vertical(x: float, top: float, bottom: float) -> Points:
    return np.array([(x, top), (x, bottom)])
