"""Where the image of a name lies: below the image folder, and nowhere else."""

from pathlib import Path

from bakeoff.errors import DataError


def locate(folder: Path, name: str) -> Path:
    """The file `name` in `folder`; DataError if it is not there or the name leads out of the folder.

    A link inside the folder may lead anywhere: the folder's owner put it there, often because the images
    are in several places. Names in the table are not trusted.
    """
    if Path(name).is_absolute():
        raise DataError(f"{name}: absolute path; expected one inside the image folder")
    if ".." in Path(name).parts:
        raise DataError(f"{name}: leaves the image folder; expected a path in it without '..'")
    try:
        path = (folder / name).resolve()
        if not path.exists():
            raise DataError(f"{name}: missing")
        # Reading a pipe would block for ever.
        if not path.is_file():
            raise DataError(f"{name}: not a file")
    except (OSError, RuntimeError, ValueError) as error:  # loops of links, over-long names, NUL
        raise DataError(f"{name}: not a usable path: {error}") from error
    return path
