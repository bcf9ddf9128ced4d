"""The section `data.synthetic`: which images bakeoff draws by itself."""

from typing import Any, Literal

from pydantic import Field, model_validator

from bakeoff.config.schema.section import Section

SHAPES_TABLE = "labels.csv"
"""The table beside the class folders of coloured shapes, in the folder of the images."""

SHAPES_SIZE = 96
"""Pixels per side of coloured shapes by default."""

FEWEST_SHAPES = 48
"""Images of coloured shapes: a quarter of them are for testing, two of each class at least."""


class Synthetic(Section):
    """The settings of the generators: chest-X-ray-like phantoms, or coloured shapes in class folders."""

    kind: Literal["xrays", "shapes"] = "xrays"
    images: int = Field(1000, ge=10)
    size: int = Field(1024, ge=32, le=4096)  # pixels per side
    seed: int = Field(0, ge=0, lt=2**32)

    @model_validator(mode="before")
    @classmethod
    def _shapes_are_small(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("kind") == "shapes":
            return {"size": SHAPES_SIZE, **values}
        return values

    @model_validator(mode="after")
    def _enough_for_every_class(self) -> "Synthetic":
        if self.kind == "shapes" and self.images < FEWEST_SHAPES:
            raise ValueError(
                f"'images' of 'kind: shapes' are {FEWEST_SHAPES} at least, so that each class is in the "
                f"test folder twice, found {self.images}"
            )
        return self

    def settings(self) -> dict[str, Any]:
        """What the images are a function of; the kind that came first is not named."""
        return self.model_dump(mode="json", exclude={"kind"} if self.kind == "xrays" else None)
