"""The comparison as a table for a paper: Markdown, LaTeX or CSV, with a caption that says how it was made."""

import csv
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import pandas as pd

from bakeoff.errors import EvaluationError
from bakeoff.evaluation.conclusion.conclusion import Conclusion
from bakeoff.report.evidence import Evidence
from bakeoff.report.numbers import NOTHING, count, figure, known, p_value, plural
from bakeoff.report.standings import finished_rows
from bakeoff.report.verdict import judge

Format = Literal["md", "latex", "csv"]


def paper_table(evidence: Evidence, kind: Format) -> str:
    """The table of the finished variants, the best first.

    CSV has numbers in full, a column each. Raises EvaluationError where there is no comparison.
    """
    rows = finished_rows(evidence)
    if rows.empty or evidence.conclusion is None:
        raise EvaluationError(
            f"{evidence.results}: no comparison to make a table of. Run `bakeoff compare` first."
        )
    return _FORMATS[kind](evidence, rows, evidence.conclusion)


def _markdown(evidence: Evidence, rows: pd.DataFrame, conclusion: Conclusion) -> str:
    heads = _heads(evidence)
    lines = [
        _pipes(heads),
        _pipes(["---", *["---:"] * (len(heads) - 1)]),
        *(_pipes(_cells(row, evidence, conclusion)) for row in rows.to_dict("records")),
        "",
        _caption(evidence, conclusion),
    ]
    return "\n".join(lines) + "\n"


def _pipes(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _latex(evidence: Evidence, rows: pd.DataFrame, conclusion: Conclusion) -> str:
    heads = _heads(evidence)
    lines = [
        "% needs \\usepackage{booktabs}",
        "\\begin{table}",
        "\\centering",
        f"\\caption{{{_escaped(_caption(evidence, conclusion))}}}",
        f"\\begin{{tabular}}{{l{'r' * (len(heads) - 1)}}}",
        "\\toprule",
        " & ".join(map(_escaped, heads)) + " \\\\",
        "\\midrule",
        *(
            " & ".join(map(_escaped, _cells(row, evidence, conclusion))) + " \\\\"
            for row in rows.to_dict("records")
        ),
        "\\bottomrule",
        "\\end{tabular}",
        "\\end{table}",
    ]
    return "\n".join(lines) + "\n"


_LATEX = {
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "\\": "\\textbackslash{}",
    "~": "\\textasciitilde{}",
    "^": "\\textasciicircum{}",
    "<": "$<$",
    ">": "$>$",
    "−": "$-$",
    "–": "--",
}


def _escaped(text: str) -> str:
    return "".join(_LATEX.get(character, character) for character in text)


def _csv(evidence: Evidence, rows: pd.DataFrame, conclusion: Conclusion) -> str:
    name = evidence.metric.name
    columns = {
        "variant": "variant",
        f"test_{name}_mean": name,
        f"test_{name}_low": f"{name}_low",
        f"test_{name}_high": f"{name}_high",
        f"test_{name}_sd": f"{name}_sd_of_seeds",
        "seeds_finished": "seeds",
        "may_be_best": "may_be_best",
        "letters": "letters",
        "difference_to_best": "difference_to_best",
        "difference_to_best_low": "difference_low",
        "difference_to_best_high": "difference_high",
        "parameters": "parameters",
    }
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow([*columns.values(), "p_to_best"])
    for row in rows.to_dict("records"):
        cells = [_number(row[column]) for column in columns]
        writer.writerow([*cells, _number(_p_to_best(row, conclusion))])
    return stream.getvalue()


def _number(value: Any) -> str:
    if isinstance(value, str):
        return value
    if not known(value):
        return ""
    return str(int(value)) if float(value).is_integer() else repr(float(value))


_FORMATS: Mapping[Format, Callable[[Evidence, pd.DataFrame, Conclusion], str]] = {
    "md": _markdown,
    "latex": _latex,
    "csv": _csv,
}


def _heads(evidence: Evidence) -> list[str]:
    metric = evidence.metric
    return [
        "Variant",
        f"{metric.head} (95 % interval)",
        "Seeds",
        "Group",
        "Difference to the first",
        "p",
        "Parameters",
    ]


def _cells(row: Mapping[Any, Any], evidence: Evidence, conclusion: Conclusion) -> list[str]:
    name = f"test_{evidence.metric.name}"
    between = (row[f"{name}_low"], row[f"{name}_high"])
    found = figure(row[f"{name}_mean"])
    if all(map(known, between)):
        found += f" ({figure(between[0])} to {figure(between[1])})"
    letters = row["letters"]
    p = _p_to_best(row, conclusion)
    return [
        str(row["variant"]),
        found,
        count(row["seeds_finished"]),
        letters if isinstance(letters, str) else NOTHING,
        figure(row["difference_to_best"]).replace("-", "−"),
        p_value(p) if p is not None else NOTHING,
        count(row["parameters"]),
    ]


def _p_to_best(row: Mapping[Any, Any], conclusion: Conclusion) -> float | None:
    """The adjusted p value of the difference to the first."""
    first = conclusion.contenders[0].name
    for pair in conclusion.pairs:
        if {pair.first, pair.second} == {first, row["variant"]}:
            return pair.p
    return None


def _caption(evidence: Evidence, conclusion: Conclusion) -> str:
    metric = evidence.metric
    tested = plural(conclusion.images, "test image")
    if conclusion.unit == "patient":
        tested += f" of {plural(conclusion.units, evidence.group)}"
    means, seeds = (", means over seeds", "and seeds ") if conclusion.of_variants else ("", "")
    return (
        f"{metric.head} on {tested}{metric.direction}{means}; intervals resample {evidence.unit}s "
        f"{seeds}({conclusion.resamples:,} resamples). Variants that share a letter are not told apart, all "
        "pairs counted (step-down maximum of studentised differences, 5 %); p is adjusted likewise. "
        f"{judge(evidence).headline}."
    )
