"""The colours of an image: whether it has any, and grey as colours and colours as grey."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]
"""uint8, (H, W) of a grey image or (H, W, 3) of one in colour: red, green, blue."""

GREY_BANDS = frozenset({("1",), ("L",), ("L", "A"), ("L", "a"), ("I",), ("F",)})


def colours_of(image: Image.Image) -> Pixels | None:
    """The pixels of a decoded file in 8-bit colour, (H, W, 3); None where it has no colours.

    A file in RGB whose three channels are equal everywhere is grey, whatever its mode says.
    """
    if image.getbands() in GREY_BANDS or image.mode.startswith("I"):
        return None
    pixels = np.array(on_black(image).convert("RGB"))
    return None if is_grey(pixels) else pixels


def on_black(image: Image.Image) -> Image.Image:
    """Transparency laid over black, the background of a radiograph; an image without it as it is."""
    if not image.has_transparency_data:
        return image
    image = image.convert("RGBA")
    if image.getchannel("A").getextrema() == (255, 255):
        return image
    black = Image.new("RGBA", image.size, (0, 0, 0, 255))
    return Image.alpha_composite(black, image)


def is_grey(pixels: Pixels) -> bool:
    """Whether pixels have no colours: (H, W), or three channels that are equal everywhere."""
    if pixels.ndim == 2:
        return True
    red = pixels[..., 0]
    return np.array_equal(red, pixels[..., 1]) and np.array_equal(red, pixels[..., 2])


def as_colours(pixels: Pixels) -> Pixels:
    """Pixels in three channels, (H, W, 3): grey is repeated."""
    return np.repeat(pixels[..., None], 3, axis=-1) if pixels.ndim == 2 else pixels


def as_grey(pixels: Pixels) -> Pixels:
    """Pixels as grey, (H, W), by ITU-R 601 luma: equal channels keep their value."""
    return pixels if pixels.ndim == 2 else np.array(Image.fromarray(pixels).convert("L"))
