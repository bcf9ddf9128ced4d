"""One chest film, from a study to grey values."""

import numpy as np
import numpy.typing as npt

from bakeoff.data.synthesis.anatomy import Chest
from bakeoff.data.synthesis.body import density
from bakeoff.data.synthesis.canvas import Canvas
from bakeoff.data.synthesis.cohort import Study
from bakeoff.data.synthesis.exposure import expose, pose
from bakeoff.data.synthesis.findings import Layers, leave, reshape

DRAWING_SIDE = 512
"""All but the noise is smooth enough to be drawn so large and enlarged; small films at half of it."""

# What a stream of random numbers decides, so that one of them can be changed without the others.
ANATOMY, VISIT, PLACE = 0, 1, 2


def draw(study: Study, size: int, seed: int) -> npt.NDArray[np.uint8]:
    """The film of a study as grey values (size, size); the same study and seed give the same bits.

    A patient's chest and the place of a finding come from (seed, patient), so that visits look
    alike; pose, exposure and noise come from (seed, patient, follow-up).
    """
    patient = np.random.default_rng([seed, study.patient_id, ANATOMY])
    visit = np.random.default_rng([seed, study.patient_id, VISIT, study.follow_up])
    portable = study.view == "AP"
    chest = Chest.draw(patient, study.sex)
    if portable:
        chest = chest.breathless()
    for mark in study.marks:
        chest = reshape(chest, mark)
    side = DRAWING_SIDE if size > DRAWING_SIDE // 2 else DRAWING_SIDE // 2
    canvas = Canvas(side, pose(portable, visit))
    layers = Layers(side)
    for mark in study.marks:
        place = [seed, study.patient_id, PLACE, *mark.finding.encode()]
        leave(mark, layers, canvas, chest, np.random.default_rng(place))
    body = density(canvas, chest, layers, study.sex, patient)
    return expose(body, size, portable, canvas, visit)
