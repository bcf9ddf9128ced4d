"""The kinds of image files that are read, and the endings of their names."""

from bakeoff.wording import either

ENDINGS = {
    "PNG": (".png",),
    "JPEG": (".jpg", ".jpeg"),
    "TIFF": (".tif", ".tiff"),
    "WebP": (".webp",),
    "BMP": (".bmp",),
    "DICOM": (".dcm", ".dicom"),
}
"""The endings of each kind, the usual one first; a file's content decides what it is."""

SUFFIXES = tuple(ending for endings in ENDINGS.values() for ending in endings)
"""All endings, by which image files are told from others in a folder; case does not count."""

KINDS = either(list(ENDINGS))
"""The kinds in words, joined by "or"."""

FORMATS = ("PNG", "JPEG", "TIFF", "WEBP", "BMP")
"""Pillow's names of those that it reads."""
