"""How far another seed would land: the variance of a variant's figure from seed to seed, over all variants.

Two or three seeds say little about it by themselves; of ten variants with three seeds each there are twenty
degrees of freedom. Whether one variance holds for all is tested (Bartlett), and where it does not, each
variant keeps its own, drawn to their middle as far as they are alike (moderated variances: Smyth, Statistical
Applications in Genetics and Molecular Biology 2004), for by itself it rests on one or two.

The seeds of a variant differ for two reasons: what they learned, and what that does on just these test
images. Resampling the images covers the second already, so it is taken off: of the variance `gross` between
seeds `images` is of the images, the rest, `net`, of the seeds (a two-way analysis of variance with the
interaction estimated by resampling).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import chdtrc, digamma, polygamma

from bakeoff.evaluation.intervals import Floats

TENABLE = 0.05
"""Below this p value one variance for all variants is given up."""


@dataclass(frozen=True)
class SeedVariance:
    """The variance of one seed's figure around the mean of its variant, for each of V variants.

    gross, images: (V,), in squared units of the metric; degrees: (V,) of `gross`, infinite where nothing
    is known. pooled: whether all variants share one; homogeneity: the p value of that, None where there
    is nothing to test.
    """

    gross: Floats
    images: Floats
    degrees: Floats
    pooled: bool
    homogeneity: float | None

    @property
    def net(self) -> Floats:
        """What the seeds add to the variance over images: (V,)."""
        return np.maximum(self.gross - self.images, 0.0)

    @property
    def known(self) -> bool:
        """Whether any variant has more than one seed."""
        return bool(np.isfinite(self.degrees).any())


def estimate_seed_variance(
    values: Sequence[Floats], drawn: Sequence[Floats], without: int = 0
) -> SeedVariance:
    """From each variant's figures by seed (k,) and the same over resamples of the images (k, B).

    `without` so many more are added that have no seeds, as baselines: their variance is 0.
    """
    found = _estimate(values, drawn)
    return SeedVariance(
        gross=np.pad(found.gross, (0, without)),
        images=np.pad(found.images, (0, without)),
        degrees=np.pad(found.degrees, (0, without), constant_values=np.inf),
        pooled=found.pooled,
        homogeneity=found.homogeneity,
    )


def _estimate(values: Sequence[Floats], drawn: Sequence[Floats]) -> SeedVariance:
    counts = np.array([len(own) for own in values])
    several = [int(at) for at in np.flatnonzero(counts > 1)]
    if not several:
        nothing = np.zeros(len(values))
        return SeedVariance(nothing, nothing, np.full(len(values), np.inf), False, None)
    spread = np.array([values[at].var(ddof=1) for at in several])
    images = np.array([_interaction(drawn[at]) for at in several])
    degrees = counts[several] - 1.0
    seeds = [values[at] for at in several]
    own = [_untied(each, share) for each, share in zip(seeds, images, strict=True)]
    p = None if all(map(_agree, seeds)) else _homogeneity(own)
    pooled = p is None or p >= TENABLE
    total = degrees.sum()
    if pooled:
        gross, shared, among = (degrees @ spread) / total, (degrees @ images) / total, total
    else:
        spread, degrees = _moderated(np.array([each.var(ddof=1) for each in own]), degrees)
        # For variants with a single seed, the widest.
        widest = int(np.argmax(spread - images))
        gross, shared, among = spread[widest], images[widest], degrees[widest]
    found = SeedVariance(
        gross=np.full(len(values), float(gross)),
        images=np.full(len(values), float(shared)),
        degrees=np.full(len(values), float(among)),
        pooled=pooled,
        homogeneity=p,
    )
    if not pooled:
        found.gross[several], found.images[several] = spread, images
        found.degrees[several] = degrees
    return found


def _interaction(drawn: Floats) -> float:
    """What the images do to the differences between seeds, from resamples (k, B)."""
    if drawn.shape[1] < 2:
        return 0.0
    apart = drawn - drawn.mean(axis=0)
    return float(apart.var(axis=1, ddof=1).sum() / (len(drawn) - 1))


def _moderated(spread: Floats, degrees: Floats) -> tuple[Floats, Floats]:
    """Variances (n,) drawn to a common one, with the degrees of freedom that both have together (n,)."""
    logs = np.log(np.maximum(spread, _LEAST * spread.mean()))
    centred = logs - digamma(degrees / 2) + np.log(degrees / 2)
    # What the logarithms differ by beyond chance says how alike the variances are.
    beyond = centred.var(ddof=1) - polygamma(1, degrees / 2).mean()
    if beyond <= 0:  # not beyond it
        return np.full_like(spread, degrees @ spread / degrees.sum()), degrees + degrees.sum()
    from scipy.optimize import brentq  # takes as long to import as the whole comparison

    prior = 2 * brentq(lambda half: float(polygamma(1, half)) - beyond, 1e-3, 1e6)
    common = np.exp(centred.mean() + digamma(prior / 2) - np.log(prior / 2))
    return (prior * common + degrees * spread) / (prior + degrees), prior + degrees


_LEAST = 1e-4  # of the mean variance: what agrees to the last digit has no logarithm


def _untied(values: Floats, images: float) -> Floats:
    """Figures by seed (k,); of seeds that agree, figures that lie as far apart as the images' share has them.

    An accuracy moves in steps of an image, so that seeds may agree by chance, which is no variance of 0.
    """
    if not _agree(values):
        return values
    steps = np.arange(len(values)) - (len(values) - 1) / 2
    return np.asarray(values.mean() + steps * np.sqrt(images / steps.var(ddof=1)))


def _agree(values: Floats) -> bool:
    """Whether figures (k,) are the same but for rounding."""
    return bool(np.ptp(values) <= 1e-13 * np.abs(values).max())


def _homogeneity(values: Sequence[Floats]) -> float | None:
    """The p value of Bartlett's test that the variants have one variance."""
    if len(values) < 2:
        return None
    if any(map(_agree, values)):  # some are the same model each time, others are not
        return 0.0
    return bartlett(values)


def bartlett(values: Sequence[Floats]) -> float:
    """Bartlett's test (1937), the figures of scipy.stats, which takes a second to import."""
    degrees = np.array([len(one) - 1 for one in values], dtype=np.float64)
    spread = np.array([one.var(ddof=1) for one in values])
    total = degrees.sum()
    apart = total * np.log((degrees * spread).sum() / total) - (degrees * np.log(spread)).sum()
    scale = 1 + 1 / (3 * (len(values) - 1)) * ((1 / degrees).sum() - 1 / total)
    return float(chdtrc(len(values) - 1, apart / scale))
