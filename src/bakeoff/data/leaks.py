"""Leaks of a split that was given: patients in two of its parts, and images that are there twice.

Near-identical images are no proof, and only warned of.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from bakeoff.data.audit_sentences import warnings_of_identical, warnings_of_patients
from bakeoff.errors import SplitError
from bakeoff.wording import listed

if TYPE_CHECKING:
    from bakeoff.config.schema import Data, Split
    from bakeoff.data.audit import Audit, DuplicateImage, Overlap, SplitSummary


def leaks_of(
    overlaps: Sequence["Overlap"],
    identical: Sequence[Sequence["DuplicateImage"]],
    parts: Mapping[str, "SplitSummary"],
    patient_column: str | None,
    drawn_from: Mapping[str, str],
) -> list[str]:
    """The leaks in sentences, as the audit warns of them.

    A part that `drawn_from` has, such as validation, was cut from another one by us: what both have was
    given once.
    """

    def given(part: str) -> str:
        return drawn_from.get(part, part)

    between = [overlap for overlap in overlaps if given(overlap.first) != given(overlap.second)]
    twice = [images for images in identical if len({given(image.split) for image in images}) > 1]
    patients = (
        [] if patient_column is None else warnings_of_patients(between, parts, patient_column)
    )
    return [*patients, *warnings_of_identical(twice)]


def require_no_leaks(audit: "Audit", data: "Data", split: "Split") -> None:
    """Raise SplitError for the leaks of a given split, unless `split.allow_leaks`."""
    if not audit.leaks or split.allow_leaks or split.given is None:
        return
    raise SplitError(
        f"{data.labelled_by}: split.given, {split.given.words}, leaks: {listed(audit.leaks, '; ')}. Models "
        "would be tested on what they have seen. Correct the split, or go on and have the report say so: "
        "split.allow_leaks: true"
    )
