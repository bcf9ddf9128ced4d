"""The shapes of one chest: lungs, heart, bones and vessels as outlines in chest coordinates."""

from dataclasses import dataclass, replace

import numpy as np

from bakeoff.data.synthesis.canvas import Points, curve

RIGHT, LEFT = (
    -1,
    1,
)  # the patient's sides; as in every chest film, the patient's right is on the left


@dataclass(frozen=True)
class Chest:
    """The measures of a chest, in image widths; y grows downwards."""

    width: float  # the lungs' half-width at their base
    top: float  # height of the apices
    base: float  # height of the costophrenic angles
    dome: tuple[float, float]  # how far the right and the left half of the diaphragm arch up
    heart: float  # 1 is a normal heart
    slope: float  # how much the ribs fall from the spine to the side
    middle: float  # x of the spine
    shoulders: float  # height of the shoulders

    @classmethod
    def draw(cls, rng: np.random.Generator, sex: str) -> "Chest":
        """A plausible chest; women's are a little smaller."""
        smaller = 0.015 if sex == "F" else 0.0
        right = rng.uniform(0.05, 0.075)
        return cls(
            width=rng.uniform(0.36, 0.41) - smaller,
            top=rng.uniform(0.07, 0.12),
            base=rng.uniform(0.74, 0.83) - smaller,
            dome=(right, right - rng.uniform(0.0, 0.025)),
            heart=rng.normal(1.0, 0.07),
            slope=rng.uniform(0.06, 0.12),
            middle=0.5 + rng.normal(0, 0.006),
            shoulders=rng.uniform(0.1, 0.16),
        )

    def breathless(self) -> "Chest":
        """The same chest in bed: the diaphragm stands higher and the heart looks larger."""
        return replace(self, base=self.base - 0.03, heart=self.heart * 1.08)

    def at(self, side: int, across: float, down: float) -> tuple[float, float]:
        """The point `across` (0 spine, 1 chest wall) and `down` (0 apex, 1 base) in the lung of that side."""
        y = self.top + down * (self.base - self.top)
        return self.middle + side * across * self._wall(y), y

    def lung(self, side: int) -> Points:
        """The outline of one lung, (N, 2)."""
        w, top, base = self.width, self.top, self.base
        dome = self.dome[0] if side == RIGHT else self.dome[1]
        high = base - 0.055 - dome
        knots = [
            (0.30 * w, top + 0.005),
            (0.50 * w, top + 0.035),
            (0.72 * w, top + 0.15),
            (0.88 * w, top + 0.32),
            (0.97 * w, base - 0.15),
            (1.00 * w, base - 0.03),
            (0.99 * w, base),
            (0.93 * w, base - 0.04),
            (0.75 * w, high + 0.02),
            (0.52 * w, high),
            (0.30 * w, high + 0.025),
            (0.16 * w, high + 0.06),
            (0.13 * w, high - 0.05),
            (0.14 * w, top + 0.35),
            (0.14 * w, top + 0.15),
            (0.16 * w, top + 0.05),
        ]
        return curve([(self.middle + side * x, y) for x, y in knots], closed=True, steps=5)

    def mediastinum(self) -> tuple[Points, Points]:
        """The outlines of the heart with the aortic arch, and of the soft tissue above it."""
        top, base, h = self.top, self.base - 0.055 - self.dome[1], self.heart
        middle = top + 0.45 * (base - top)
        heart = [
            (-0.05, middle - 0.02),
            (-0.085 * h, base - 0.16),
            (-0.115 * h, base - 0.08),
            (-0.10 * h, base + 0.02),
            (0.03, base + 0.07),
            (0.16 * h, base + 0.07),
            (0.225 * h, base + 0.03),
            (0.235 * h, base - 0.03),
            (0.205 * h, base - 0.10),
            (0.15 * h, base - 0.17),
            (0.095, middle + 0.01),
            (0.07, middle - 0.05),
        ]
        vessels = [
            (-0.05, 0.0),
            (-0.05, middle),
            (0.05, middle + 0.02),
            (0.064, top + 0.19),
            (0.078, top + 0.155),
            (0.06, top + 0.115),
            (0.045, top + 0.05),
            (0.05, 0.0),
        ]
        return (
            curve([(self.middle + x, y) for x, y in heart], closed=True),
            curve([(self.middle + x, y) for x, y in vessels], closed=True),
        )

    def torso(self) -> Points:
        """The outline of neck, shoulders, arms and flanks."""
        right = [
            (0.10, -0.3),
            (0.10, self.shoulders - 0.11),
            (0.17, self.shoulders - 0.05),
            (0.36, self.shoulders),
            (0.52, self.shoulders + 0.07),
            (0.66, self.shoulders + 0.20),
            (0.62, self.shoulders + 0.50),
            (self.width + 0.085, self.shoulders + 0.36),
            (self.width + 0.055, self.base - 0.15),
            (self.width + 0.06, self.base + 0.1),
            (self.width + 0.07, 1.4),
        ]
        outline = [(self.middle + x, y) for x, y in right]
        return curve(outline + [(2 * self.middle - x, y) for x, y in outline[::-1]], closed=True)

    def back_ribs(self, side: int) -> list[Points]:
        """The back halves of nine ribs, from the spine outwards."""
        gap = (self.base - self.top) / 9.0
        t = np.linspace(0, 1, 20)
        ribs = []
        for number in range(9):
            start = self.top + 0.01 + number * gap
            end = start + self.slope * (0.55 + 0.1 * number)
            y = start + (end - start) * t**2.2 - 0.018 * np.sin(np.pi * t)
            x = 0.04 + (self._wall(end) + 0.012 - 0.04) * t
            ribs.append(np.stack([self.middle + side * x, y], axis=1))
        return ribs

    def front_ribs(self, side: int) -> list[Points]:
        """The front ends of six ribs, from the chest wall downwards to the cartilage."""
        gap = (self.base - self.top) / 8.0
        t = np.linspace(0, 1, 20)
        ribs = []
        for number in range(1, 7):
            start = self.top + number * gap
            wall = self._wall(start)
            x = wall - (wall - 0.13) * t**1.3
            y = start + (0.07 + 0.012 * number) * np.sqrt(t)
            ribs.append(np.stack([self.middle + side * x, y], axis=1))
        return ribs

    def clavicle(self, side: int) -> Points:
        """A collar bone, from the breast bone to the shoulder."""
        y = self.top + 0.055
        knots = [
            (0.035, y + 0.02),
            (0.12, y),
            (0.24, y - 0.03),
            (0.37, y - 0.035),
            (0.47, y - 0.02),
        ]
        return curve([(self.middle + side * x, y) for x, y in knots])

    def scapula(self, side: int) -> Points:
        """The edge of a shoulder blade."""
        y = self.top + 0.1
        x = self.width
        knots = [
            (x + 0.1, y - 0.06),
            (x + 0.0, y + 0.05),
            (x - 0.05, y + 0.28),
            (x + 0.03, y + 0.2),
        ]
        return curve([(self.middle + side * x, y) for x, y in knots], closed=True)

    def vertebrae(self) -> list[Points]:
        """The bodies of the vertebrae that show through, each a rounded rectangle."""
        bodies = []
        for y in np.arange(-0.05, 1.1, 0.058):
            knots = [
                (-0.042, y),
                (0.042, y),
                (0.038, y + 0.022),
                (0.042, y + 0.044),
                (-0.042, y + 0.044),
            ]
            knots.append((-0.038, y + 0.022))
            bodies.append(curve([(self.middle + dx, dy) for dx, dy in knots], closed=True, steps=3))
        return bodies

    def vessels(self, side: int, rng: np.random.Generator) -> list[tuple[Points, float]]:
        """Branches from the hilum into the lung, thinner as they go, each with its width."""
        branches: list[tuple[Points, float]] = []
        root = np.array(self.at(side, 0.22, 0.45))
        for angle in np.linspace(-1.25, 1.35, 9) + rng.normal(0, 0.12, 9):
            self._branch(branches, root, angle, side, 0.011, rng)
        return branches

    def _branch(
        self,
        branches: list[tuple[Points, float]],
        start: Points,
        angle: float,
        side: int,
        width: float,
        rng: np.random.Generator,
    ) -> None:
        turns = angle + np.cumsum(rng.normal(0, 0.16, 5))
        steps = np.stack([side * np.cos(turns), np.sin(turns)], axis=1) * rng.uniform(0.018, 0.028)
        path = np.concatenate([start[None], start + np.cumsum(steps, axis=0)])
        branches.append((path, width))
        if width > 0.004:
            for spread in (-0.38, 0.38):
                turn = float(turns[-1]) + spread + rng.normal(0, 0.1)
                self._branch(branches, path[-1], turn, side, width * 0.55, rng)

    def _wall(self, y: float) -> float:
        heights = [self.top, self.top + 0.035, self.top + 0.15, self.top + 0.32, self.base - 0.15]
        return float(np.interp(y, heights, np.array([0.3, 0.5, 0.72, 0.88, 0.97]) * self.width))
