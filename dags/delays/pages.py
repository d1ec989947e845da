"""Pages that people read: what a training has come to, and how the months have gone."""

from __future__ import annotations

import io
import tempfile
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from delays.chronicle import find_chronicle
from delays.drift import WATCHED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd
    from sqlalchemy import Engine

_PAGE = """<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<title>{title}</title>
<style>
body {{ font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; color: #1d2733; }}
table {{ border-collapse: collapse; margin: 1rem 0; }}
th, td {{ border-bottom: 1px solid #d5dce3; padding: .25rem .75rem; text-align: left; }}
svg {{ height: auto; max-width: 100%; }}
</style>
<h1>{title}</h1>
{body}
</html>
"""
_COLOURS = {"continue": "#8a97a5", "improve": "#1f77b4", "rollback": "#d62728", "inspect": "#ff9f1c"}


def report_training(metrics: dict[str, Any], champion_metrics: dict[str, Any], trials: pd.DataFrame) -> Path:
    """Write what a training has come to, beside the champion on the same flights.

    Args:
        metrics: What ``evaluate`` says of the models.
        champion_metrics: What ``evaluate_champion`` says of the version in service.
        trials: As ``search`` returns them.

    Returns:
        The HTML file.
    """
    champion = champion_metrics["version"]
    scores = [
        [name, _number(metrics[name]), _number(champion_metrics.get(name, float("nan")))]
        for name in ("rows", "r2", "mae", "auc")
    ]
    checks = [
        [name, "passed" if passed else "failed"] for name, passed in metrics["behaviour"].items() if name != "passed"
    ]
    slices = [
        [f"{column} {value}", str(score["rows"]), _number(score["mae"])]
        for column, found in metrics["slices"].items()
        for value, score in found.items()
    ]
    tried = [[_number(cell) for cell in row] for row in trials.itertuples(index=False)]
    body = "\n".join(
        (
            _table(["score", "trained", f"version {champion}" if champion else "no version in service"], scores),
            _table(["behaviour", ""], checks),
            _table(["slice", "flights", "mae"], slices),
            _table(list(trials.columns), tried),
        )
    )
    return _write("training.html", "What the training has come to", body)


def draw_chronicle(warehouse: Engine) -> Path:
    """Draw the chronicle: the champion's score and the drift month by month, and what was done.

    Args:
        warehouse: Where the chronicle is.

    Returns:
        The HTML file, with the picture in it.
    """
    chronicle = find_chronicle(warehouse)
    rows = [[_number(cell) for cell in row] for row in chronicle.itertuples(index=False)]
    return _write("chronicle.html", "The champion, month by month", _picture(chronicle) + _table(list(chronicle), rows))


def _picture(chronicle: pd.DataFrame) -> str:
    import matplotlib as mpl
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    # The same numbers are to make the same file.
    with mpl.rc_context({"svg.hashsalt": "linepipe", "svg.fonttype": "none"}):
        figure = Figure(figsize=(9, 4), layout="constrained")
        axes = figure.subplots()
        # Positions: matplotlib takes months for dates that somebody has forgotten to make of them.
        chronicle = chronicle.assign(position=range(len(chronicle)))
        axes.plot(chronicle["position"], chronicle["r2"], color="#1d2733", zorder=1)
        axes.set_xticks(chronicle["position"], chronicle["month"])
        axes.set_xlim(-1, max(len(chronicle), 3))
        for policy, colour in _COLOURS.items():
            months = chronicle[chronicle["policy"] == policy]
            axes.scatter(months["position"], months["r2"], color=colour, label=policy, s=60, zorder=2)
        for position, r2, version in chronicle[["position", "r2", "version"]].itertuples(index=False):
            axes.annotate(f"v{version}", (position, r2), textcoords="offset points", xytext=(0, 9), ha="center")
        axes.set_ylabel("R² of the served predictions")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=len(_COLOURS), frameon=False)
        axes.margins(y=0.25)
        drift = axes.twinx()
        drift.bar(chronicle["position"], chronicle["drift"].str.split().str.len(), color="#d5dce3", width=0.5, zorder=0)
        drift.set_ylabel("columns that drift")
        drift.set_ylim(0, len(WATCHED))
        drift.yaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_zorder(drift.get_zorder() + 1)
        axes.patch.set_visible(False)
        file = io.StringIO()
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    return text[text.index("<svg") :]


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(str(heading))}</th>" for heading in headings)
    lines = "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table>\n<tr>{head}</tr>\n{lines}\n</table>"


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _write(name: str, title: str, body: str) -> Path:
    path = Path(tempfile.mkdtemp()) / name
    path.write_text(_PAGE.format(title=escape(title), body=body), encoding="utf-8")
    return path
