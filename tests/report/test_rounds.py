"""What the page says of rounds."""

from bakeoff.report.page_environment import page_environment
from bakeoff.report.rounds import Rounds


def test_hours_saved_are_rounded() -> None:
    page = page_environment(autoescape=True).get_template("rounds.html.j2")
    found = Rounds((), most=9, made=40, all=72, saved=24.641944444444444, unit="GPU")
    assert ": 24.6 GPU-hours saved." in page.render(adaptive=found)
