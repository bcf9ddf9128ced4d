"""What stands above a picture: whole where it fits, both ends where it does not."""

from bakeoff.pictures.drawing import MOST_LINES, in_lines


def test_words_above_a_picture_take_few_lines_and_keep_the_score() -> None:
    assert in_lines("true positive, 0.73", 1.7) == "true positive, 0.73"
    assert in_lines("apple pie, called beef tartare, 0.54", 1.7) == (
        "apple pie, called beef\ntartare, 0.54"
    )
    name = "spaghetti with a sauce of everything that there was"
    for width in (1.35, 1.7, 2.4):
        lines = in_lines(f"{name}, called {name}, 0.54", width).split("\n")
        assert len(lines) <= MOST_LINES and lines[-1].endswith("0.54")
        assert lines[0].startswith("spaghetti") and any("…" in line for line in lines)
