"""Images that came out alike, ordered by how sure of it the model is: those for which a report has room."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bakeoff.task.classification import Scores


@dataclass(frozen=True)
class Alike:
    """Images of which the same is to be said: all positives that were missed, for example.

    members: bool (n,); score: float (n,), the number to show; sureness: float (n,), by which they are
    ordered, the highest first; room: how many of them are shown; said: what to say of image i beside its
    score, empty where the title says it; of: the class or finding that the title is about, where it is
    about one; wrong: whether that is to be marked.
    """

    title: str
    members: NDArray[np.bool_]
    score: Scores
    sureness: Scores
    room: int = 4
    said: Callable[[int], str] = lambda _: ""
    of: str = ""
    wrong: bool = False
