"""Images that look the same though their files and pixels differ: encoded again, resized, brightened.

The perceptual hash (pHash: signs of the 24 x 24 lowest frequencies of the image at 96 x 96 pixels) of two
such images differs in few of its 576 bits. Chest X-rays look alike, so hash and limit were measured
(`benchmarks/duplicates.md`): among 1,000 images of 682 patients of ChestX-ray14 any two that are not the same
differ in 148 bits at least, among 1,000 synthetic ones in 70; JPEG of quality 30 to 95, half and quarter
size, 10 % more brightness, 20 % more contrast and gamma 0.8 change 56 at most. Of copies that lost 1 % at
each edge half are found, of those that lost 2 % none. The usual 64 bits cannot tell patients apart.
"""

from collections import defaultdict
from collections.abc import Sequence

import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bakeoff.data.images import Grey

SIDE = 24
"""The hash has as many bits as the square of this."""

NEAR = 57
"""Images whose hashes differ in at most so many of the 576 bits, a tenth, are near-identical."""

_TILE = 512  # hashes that are compared with as many others at once: they fit into a core's cache

_REDUCED = 256  # pixels per side to which a larger image is averaged down first: ten times faster


def perceptual_hash(pixels: Grey) -> bytes:
    """The pHash of an image, 576 bits: uint8 (H, W) -> 72 bytes."""
    image = Image.fromarray(pixels)
    image = image.reduce(max(1, min(image.size) // _REDUCED))
    bits = imagehash.phash(image, hash_size=SIDE).hash
    return np.packbits(bits).tobytes()


def near_sets(hashes: Sequence[bytes], near: int = NEAR) -> list[list[int]]:
    """Positions of the hashes that differ in at most `near` bits from another one of their set."""
    if len(hashes) < 2:
        return []
    words = np.frombuffer(b"".join(hashes), dtype=np.uint64).reshape(len(hashes), -1)
    first, second = _near_pairs(words, near)
    if len(first) == 0:
        return []
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    shape = (len(hashes), len(hashes))
    graph = coo_array((np.ones(len(first), dtype=bool), (first, second)), shape=shape)
    _, component = connected_components(graph, directed=False)
    members = defaultdict(list)
    for position in np.unique(np.concatenate([first, second])).tolist():
        members[component[position]].append(position)
    return list(members.values())


def nearest_of(hashes: Sequence[bytes], others: Sequence[bytes]) -> list[tuple[int, int]]:
    """For each of `hashes`: the position in `others` of the nearest, and in how many bits it differs.

    `others` may be empty only if `hashes` is.
    """
    theirs = np.frombuffer(b"".join(others), dtype=np.uint64).reshape(len(others), -1)
    found = []
    for one in hashes:
        distance = np.bitwise_count(np.frombuffer(one, dtype=np.uint64) ^ theirs).sum(axis=1)
        at = int(distance.argmin())
        found.append((at, int(distance[at])))
    return found


def _near_pairs(words: NDArray[np.uint64], near: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Each pair of rows of `words` (n, 9), the first before the second, that differ in few bits."""
    firsts, seconds = [], []
    for row in range(0, len(words), _TILE):
        for column in range(row, len(words), _TILE):
            one, other = words[row : row + _TILE, None], words[None, column : column + _TILE]
            # Four words of the nine rule out nearly all pairs.
            some = np.bitwise_count(one[..., 0] ^ other[..., 0])
            for word in range(1, 4):
                some += np.bitwise_count(one[..., word] ^ other[..., word])
            first, second = np.nonzero(some <= near)
            first, second = row + first, column + second
            differ = np.bitwise_count(words[first] ^ words[second]).sum(axis=1, dtype=np.int64)
            found = (differ <= near) & (first < second)
            firsts.append(first[found])
            seconds.append(second[found])
    return np.concatenate(firsts), np.concatenate(seconds)
