"""Kaggle's sample of ChestX-ray14: downloaded where there is internet, put in order anywhere."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import build_opener

from bakeoff.config.schema import NIH_SAMPLE
from bakeoff.data.csv_table import read_text, require_column
from bakeoff.errors import DataError
from bakeoff.files import replacing
from bakeoff.wording import listed

DATASET = "nih-chest-xrays/sample"
ENDPOINT = "https://api.kaggle.com"
LABELS, IMAGES = NIH_SAMPLE
BY_HAND = "download"
CACHE = ".kagglehub"


def fetch_nih_sample(folder: Path, timeout: float = 15.0) -> Path:
    """Put `sample_labels.csv` and `images/` of Kaggle's NIH sample into `folder`, and return it.

    Takes what somebody unpacked into `folder/download`, else downloads; does nothing when all is there. An
    interrupted download goes on where it was. DataError, saying how to do it by hand, where Kaggle does not
    answer within `timeout` seconds or refuses.
    """
    if _is_complete(folder):
        return folder
    by_hand = folder / BY_HAND
    if by_hand.is_dir():
        arrange_nih_sample(by_hand, folder)
        return folder
    with _cache_beside(folder):
        try:
            _require_answer(timeout)
            import kagglehub

            source = Path(kagglehub.dataset_download(DATASET))
        except Exception as error:  # requests', kagglesdk's and kagglehub's own, of many kinds
            raise DataError(_instructions(folder, str(error) or type(error).__name__)) from error
        arrange_nih_sample(source, folder)
    # The images stay: they are hard links. What goes are Kaggle's second copies of them.
    shutil.rmtree(folder / CACHE, ignore_errors=True)
    return folder


def arrange_nih_sample(source: Path, folder: Path) -> None:
    """Link (or copy, to another disk) the table and its images from an unpacked download into `folder`.

    Kaggle's archive holds images and table two or three times, nested as `sample/sample/images`; any folder
    that has every image of the table will do. The table comes last: where it is, the images are.
    """
    tables = sorted(source.rglob(LABELS), key=lambda path: len(path.parts))
    if not tables:
        raise DataError(f"{source}: no {LABELS} below it; expected Kaggle's {DATASET}, unpacked")
    names = _image_names(tables[0])
    images = _folder_with(names, source)
    (folder / IMAGES).mkdir(parents=True, exist_ok=True)
    for name in names:
        _link(images / name, folder / IMAGES / name)
    with replacing(folder / LABELS) as temporary:
        shutil.copyfile(tables[0], temporary)


def _is_complete(folder: Path) -> bool:
    if not (folder / LABELS).is_file():
        return False
    images = folder / IMAGES
    return all((images / name).is_file() for name in _image_names(folder / LABELS))


def _image_names(labels: Path) -> list[str]:
    table, _ = read_text(labels)
    require_column(table, "Image Index", labels, "of Kaggle's sample")
    return table["Image Index"].tolist()


def _folder_with(names: list[str], source: Path) -> Path:
    """The folder below `source` that has all of `names`, the shallowest; DataError if none has."""
    candidates = []
    for parent, _, files in os.walk(source):
        missing = sorted(set(names).difference(files))
        candidates.append((len(missing), len(Path(parent).parts), parent, missing))
    count, _, parent, missing = min(candidates)
    if count:
        raise DataError(
            f"{source}: no folder has all {len(names)} images of {LABELS}; {parent} has most, without "
            f"{count}: {listed(missing)}. The archive is damaged or not fully unpacked: get it again."
        )
    return Path(parent)


def _link(source: Path, target: Path) -> None:
    if target.is_file() and target.stat().st_size == source.stat().st_size:
        return
    target.unlink(missing_ok=True)
    try:
        os.link(source.resolve(), target)
    except OSError:  # another disk, or one that has no hard links
        with replacing(target) as temporary:
            shutil.copyfile(source, temporary)


@contextmanager
def _cache_beside(folder: Path) -> Iterator[None]:
    """Let kagglehub work in `folder`: its default is the home, whose quota on clusters is small."""
    if "KAGGLEHUB_CACHE" in os.environ:
        yield
        return
    os.environ["KAGGLEHUB_CACHE"] = str((folder / CACHE).resolve())
    try:
        yield
    finally:
        with suppress(KeyError):
            del os.environ["KAGGLEHUB_CACHE"]


def _require_answer(timeout: float) -> None:
    """Raise OSError unless Kaggle answers in time: its client waits for ever where packets are dropped."""
    try:
        # An opener of its own: urlopen's keeps the proxies that were set at its first call.
        with build_opener().open(ENDPOINT, timeout=timeout):
            pass
    except HTTPError:  # it answered, if only to say that this page is none
        pass
    except HTTPException as error:
        raise OSError(f"{ENDPOINT}: {error}") from error


def _instructions(folder: Path, reason: str) -> str:
    return f"""\
Kaggle's {DATASET} could not be downloaded: {reason}
Where there is internet (on a cluster often the login or data-transfer node), run `bakeoff fetch nih-sample`
again; behind a proxy set HTTPS_PROXY; if Kaggle asks who you are, put an API token from your account's
settings into ~/.kaggle/access_token. Or by hand:
  1. In a browser: https://www.kaggle.com/datasets/{DATASET} -> Download (a zip file of some GB).
  2. Unpack it: unzip archive.zip -d {folder / BY_HAND}
  3. Run `bakeoff fetch nih-sample` again: it puts {LABELS} and {IMAGES}/ into {folder}."""
