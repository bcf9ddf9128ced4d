"""What page templates are rendered with, and the project's own files that go into a page as they are."""

from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bakeoff.report import numbers


def page_environment(*, autoescape: bool) -> Environment:
    """Jinja's environment of the folder `page`: an unknown name is an error; `n` has the numbers' formats."""
    environment = Environment(
        loader=PackageLoader("bakeoff.report", "page"),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals["n"] = numbers
    return environment


def own_file(name: str) -> Markup:
    """A file of this package, the only text that is not escaped."""
    return Markup(files("bakeoff.report").joinpath(name).read_text(encoding="utf-8"))
