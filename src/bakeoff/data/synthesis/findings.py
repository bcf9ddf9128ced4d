"""The fourteen findings of ChestX-ray14 and the mark that each leaves, graded by severity."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from bakeoff.data.synthesis.anatomy import LEFT, RIGHT, Chest
from bakeoff.data.synthesis.canvas import Canvas, Plane, curve, ellipse


@dataclass(frozen=True)
class Mark:
    """A finding in an image with its hidden severity in 0..1."""

    finding: str
    severity: float


class Layers:
    """What the findings of one image add to a healthy chest; planes of values in 0..1."""

    def __init__(self, side: int) -> None:
        self.tissue = np.zeros((side, side), dtype=np.float32)  # takes the place of air
        self.gas = np.zeros((side, side), dtype=np.float32)  # takes the place of lung tissue
        self.cavity = np.zeros((side, side), dtype=np.float32)  # gas in solid tissue

    def add_tissue(self, plane: Plane, amount: float) -> None:
        """Opacities behind one another let through what each lets through."""
        self.tissue = 1 - (1 - self.tissue) * (1 - plane * np.float32(amount))

    def add_gas(self, plane: Plane, amount: float) -> None:
        """Gas where `plane` is 1."""
        self.gas = 1 - (1 - self.gas) * (1 - plane * np.float32(amount))


Draw = Callable[[Layers, Canvas, Chest, float, np.random.Generator], None]


def reshape(chest: Chest, mark: Mark) -> Chest:
    """The chest as the findings that change its form leave it."""
    s = mark.severity
    match mark.finding:
        case "Cardiomegaly":
            return replace(chest, heart=chest.heart * (1 + 0.6 * s))
        case "Emphysema":
            right, left = chest.dome
            flat = 1 - 0.8 * s
            return replace(
                chest,
                width=chest.width + 0.02 * s,
                base=chest.base + 0.06 * s,
                dome=(right * flat, left * flat),
                heart=chest.heart * (1 - 0.15 * s),
            )
        case "Atelectasis":
            right, left = chest.dome
            return replace(chest, dome=(right + 0.09 * s, left + 0.05 * s))
    return chest


def leave(
    mark: Mark, layers: Layers, canvas: Canvas, chest: Chest, rng: np.random.Generator
) -> None:
    """Draw a mark into the layers; its place and form come from `rng`, its strength from its severity."""
    _DRAW[mark.finding](layers, canvas, chest, mark.severity, rng)


def _side(rng: np.random.Generator) -> int:
    return RIGHT if rng.random() < 0.55 else LEFT


def _sides(rng: np.random.Generator) -> tuple[int, ...]:
    return (RIGHT, LEFT) if rng.random() < 0.4 else (_side(rng),)


def _infiltration(
    layers: Layers, canvas: Canvas, chest: Chest, s: float, rng: np.random.Generator
) -> None:
    zones = []
    for side in _sides(rng):
        x, y = chest.at(side, rng.uniform(0.45, 0.65), rng.uniform(0.35, 0.7))
        zones.append(ellipse(x, y, 0.09 + 0.06 * s, 0.12 + 0.09 * s))
    zone = canvas.fill(*zones, blur=0.03)
    layers.add_tissue(zone * (0.35 + 0.65 * canvas.cloud(rng, 26)), 0.95 * s)


def _consolidation(
    layers: Layers, canvas: Canvas, chest: Chest, s: float, rng: np.random.Generator
) -> None:
    x, y = chest.at(_side(rng), rng.uniform(0.45, 0.7), rng.uniform(0.3, 0.8))
    lobe = ellipse(x, y, 0.08 + 0.06 * s, 0.07 + 0.07 * s)
    zone = canvas.fill(lobe, blur=0.012)
    layers.add_tissue(zone * (0.7 + 0.3 * canvas.cloud(rng, 40)), s)


def _pneumonia(
    layers: Layers, canvas: Canvas, chest: Chest, s: float, rng: np.random.Generator
) -> None:
    _infiltration(layers, canvas, chest, 0.7 * s, rng)
    _consolidation(layers, canvas, chest, 0.7 * s, rng)


def _effusion(
    layers: Layers, canvas: Canvas, chest: Chest, s: float, rng: np.random.Generator
) -> None:
    floor = chest.base + 0.1
    level = chest.base - 0.02 - 0.3 * s
    # The fluid climbs along the chest wall: the meniscus.
    knots = [(1.15, level - 0.07), (1.0, level - 0.03), (0.8, level + 0.01), (0.4, level + 0.03)]
    knots += [(0.0, level + 0.03), (0.0, floor), (1.15, floor)]
    pools = [
        curve([(chest.middle + side * x * chest.width, y) for x, y in knots], closed=True)
        for side in _sides(rng)
    ]
    pool = canvas.fill(*pools, blur=0.01)
    layers.add_tissue(pool, min(1.0, 1.6 * s))


def _edema(
    layers: Layers, canvas: Canvas, chest: Chest, s: float, rng: np.random.Generator
) -> None:
    wings = [
        ellipse(*chest.at(side, 0.42, 0.5), 0.09 + 0.05 * s, 0.15 + 0.07 * s)
        for side in (RIGHT, LEFT)
    ]
    zone = canvas.fill(*wings, blur=0.045)
    layers.add_tissue(zone * (0.5 + 0.5 * canvas.cloud(rng, 34)), 0.9 * s)


def _atelectasis(
    layers: Layers, canvas: Canvas, chest: Chest, s: float, rng: np.random.Generator
) -> None:
    side = _side(rng)
    plates = []
    for _ in range(int(rng.integers(2, 5))):
        down, rise = rng.uniform(0.5, 0.82), rng.uniform(-0.05, 0.05)
        start, end = chest.at(side, 0.3, down), chest.at(side, rng.uniform(0.7, 0.95), down + rise)
        plates.append((np.array([start, end]), 0.01 + 0.022 * s))
    layers.add_tissue(canvas.stroke(plates, blur=0.005), 0.9 * s)


def _nodule(
    layers: Layers, canvas: Canvas, chest: Chest, s: float, rng: np.random.Generator
) -> None:
    spots = []
    for _ in range(int(rng.integers(2, 7))):
        x, y = chest.at(_side(rng), rng.uniform(0.35, 0.85), rng.uniform(0.2, 0.75))
        spots.append((x, y, rng.uniform(0.014, 0.02) + 0.014 * s))
    layers.add_tissue(canvas.spots(spots, blur=0.003), min(1.0, 1.1 * s))


def _mass(layers: Layers, canvas: Canvas, chest: Chest, s: float, rng: np.random.Generator) -> None:
    x, y = chest.at(_side(rng), rng.uniform(0.45, 0.75), rng.uniform(0.2, 0.7))
    outline = ellipse(x, y, 0.04 + 0.06 * s, 0.04 + 0.055 * s, knots=10)
    lobed = curve(
        [(px, py) for px, py in outline + rng.normal(0, 0.005, outline.shape)], closed=True
    )
    layers.add_tissue(canvas.fill(lobed, blur=0.004), min(1.0, 1.1 * s))


def _pneumothorax(
    layers: Layers, canvas: Canvas, chest: Chest, s: float, rng: np.random.Generator
) -> None:
    side = _side(rng)
    lung = chest.lung(side)
    hilum = np.array(chest.at(side, 0.2, 0.6))
    collapsed = hilum + (lung - hilum) * (0.97 - 0.4 * s)
    inside = canvas.fill(collapsed, blur=0.002)
    layers.add_gas(np.clip(canvas.fill(lung, blur=0.004) - inside, 0, 1), min(1.0, 1.5 * s))
    layers.add_tissue(inside, 0.4 * s)
    layers.add_tissue(canvas.stroke([(collapsed[:40], 0.004)], blur=0.001), 0.7 * s)


def _pleural_thickening(
    layers: Layers, canvas: Canvas, chest: Chest, s: float, rng: np.random.Generator
) -> None:
    side = _side(rng)
    downs = np.linspace(0.02, rng.uniform(0.5, 0.95), 12)
    wall = np.array([chest.at(side, 0.98, float(down)) for down in downs])
    layers.add_tissue(canvas.stroke([(wall, 0.03 + 0.05 * s)], blur=0.006), s)


def _emphysema(
    layers: Layers, canvas: Canvas, chest: Chest, s: float, rng: np.random.Generator
) -> None:
    lungs = canvas.fill(chest.lung(RIGHT), chest.lung(LEFT), blur=0.02)
    layers.add_gas(lungs * (0.7 + 0.3 * canvas.cloud(rng, 12)), 0.8 * s)


def _fibrosis(
    layers: Layers, canvas: Canvas, chest: Chest, s: float, rng: np.random.Generator
) -> None:
    strands = []
    for _ in range(int(80 + 200 * s)):
        side = RIGHT if rng.random() < 0.5 else LEFT
        start = np.array(chest.at(side, rng.uniform(0.3, 0.95), 1 - abs(rng.normal(0.15, 0.2))))
        end = start + rng.normal(0, 0.022, 2)
        strands.append((np.array([start, end]), 0.004))
    layers.add_tissue(canvas.stroke(strands, blur=0.0012), 0.85 * s)


def _hernia(
    layers: Layers, canvas: Canvas, chest: Chest, s: float, rng: np.random.Generator
) -> None:
    # It lies behind the heart, so its gas and fluid level show more than its shadow.
    x, y = chest.middle + rng.uniform(-0.06, 0.08), chest.base - 0.19
    radius = 0.05 + 0.06 * s
    layers.add_tissue(canvas.spots([(x, y, radius)], blur=0.005), s)
    layers.cavity = canvas.spots([(x, y - 0.3 * radius, 0.55 * radius)], blur=0.006) * np.float32(s)


def _reshaped_only(
    layers: Layers, canvas: Canvas, chest: Chest, s: float, rng: np.random.Generator
) -> None:
    """Cardiomegaly shows in the form of the chest alone."""


_DRAW: dict[str, Draw] = {
    "Atelectasis": _atelectasis,
    "Cardiomegaly": _reshaped_only,
    "Consolidation": _consolidation,
    "Edema": _edema,
    "Effusion": _effusion,
    "Emphysema": _emphysema,
    "Fibrosis": _fibrosis,
    "Hernia": _hernia,
    "Infiltration": _infiltration,
    "Mass": _mass,
    "Nodule": _nodule,
    "Pleural_Thickening": _pleural_thickening,
    "Pneumonia": _pneumonia,
    "Pneumothorax": _pneumothorax,
}
FINDINGS = tuple(_DRAW)

# How many of the 5,606 images of Kaggle's nih-chest-xrays/sample carry each finding.
FREQUENCY: dict[str, int] = {
    "Atelectasis": 508,
    "Cardiomegaly": 141,
    "Consolidation": 226,
    "Edema": 118,
    "Effusion": 644,
    "Emphysema": 127,
    "Fibrosis": 84,
    "Hernia": 13,
    "Infiltration": 967,
    "Mass": 284,
    "Nodule": 313,
    "Pleural_Thickening": 176,
    "Pneumonia": 62,
    "Pneumothorax": 271,
}
