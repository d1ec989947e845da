"""SHOW what came of a validation as one page of HTML that needs nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Final

from airflow_linepipe.validation.outcome import ExpectationOutcome, Outcome
from airflow_linepipe.validation.plain import Json, as_text, printable, shortened
from airflow_linepipe.validation.severity import Severity

__all__ = ["report_html"]

_MAX_FAILED: Final = 1000
_MAX_PASSED: Final = 1000
_MAX_TEXT: Final = 200
_MAX_CELL: Final = 60
_HEADINGS: Final = ("Result", "Severity", "Expectation", "Column", "Expected", "Found", "Samples")
_STYLE: Final = """
:root { color-scheme: light dark; --text: #1b1f24; --back: #fff; --soft: #57606a; --line: #d0d7de; --head: #f6f8fa;
  --bad: #b3261e; --warn: #8a5a00; --good: #1a7f37; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --back: #0d1117; --soft: #9198a1; --line: #3d444d;
  --head: #161b22; --bad: #ff8a80; --warn: #e3b341; --good: #56d364; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--text); background: var(--back); margin: 2rem auto;
  max-width: 76rem; padding: 0 1rem; }
h1 { font-size: 1.5rem; } dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th, td { border: 1px solid var(--line); padding: .35rem .5rem; text-align: left; vertical-align: top;
  overflow-wrap: anywhere; } th, td:nth-child(2) { overflow-wrap: normal; }
th { background: var(--head); } caption { text-align: left; padding: .4rem 0; }
.failed, .error { color: var(--bad); font-weight: 600; } .lesser { color: var(--warn); font-weight: 600; }
.passed { color: var(--good); }
"""


def report_html(outcome: Outcome, *, title: str, details: Mapping[str, str], least: Severity = "critical") -> str:
    """One page of HTML: no script, nothing from elsewhere, failures first.

    Args:
        outcome: What came of the validation.
        title: The page's title.
        details: What it belongs to, such as the DAG, the task, the run and the data, by name.
        least: The least severe failure that is more than a warning.
    """
    failed = outcome.failures("info")
    passed = [result for result in outcome.results if result.success]
    rows = [_row(result) for result in (*failed[:_MAX_FAILED], *passed[:_MAX_PASSED])]
    hidden = len(outcome.results) - len(rows)
    more = f"<p>{hidden:,} more are not shown.</p>" if hidden else ""
    headings = "".join(f'<th scope="col">{heading}</th>' for heading in _HEADINGS)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{_text(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1>{_text(title)}</h1>
<p>{_verdict(outcome, least)}</p>
<dl>
{_details(outcome, details)}
</dl>
<div class="wide">
<table>
<caption>Each expectation and what was found, failures first</caption>
<thead><tr>{headings}</tr></thead>
<tbody>
{chr(10).join(rows)}
</tbody>
</table>
</div>
{more}
</main>
</body>
</html>
"""


def _verdict(outcome: Outcome, least: Severity) -> str:
    failed, of = len(outcome.failures("info")), len(outcome.results)
    if not failed:
        return f'<strong class="passed">Passed</strong>: all {of:,} expectations are met.'
    word = (
        '<strong class="failed">Failed</strong>'
        if not outcome.passes(least)
        else '<strong class="lesser">Warning</strong>'
    )
    return f"{word}: {failed:,} of {of:,} expectations are not met."


def _details(outcome: Outcome, details: Mapping[str, str]) -> str:
    told = {
        **details,
        "Suite": outcome.suite,
        "Rows": f"{outcome.rows:,}" if isinstance(outcome.rows, int) else outcome.rows,
        "Seconds": f"{outcome.seconds:.2f}",
    }
    return "\n".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in told.items())


def _row(result: ExpectationOutcome) -> str:
    if result.success:
        kind, word = "passed", "Passed"
    elif result.error:
        kind, word = "error", "Not evaluated"
    else:
        kind, word = ("failed" if result.severity == "critical" else "lesser"), "Failed"
    name = f"{result.type} ({result.validation})" if result.validation else result.type
    cells = (
        _text(result.severity),
        _text(name),
        _text(", ".join(result.columns)),
        _text(result.arguments),
        _found(result),
        "<br>".join(_value(sample) for sample in result.samples),
    )
    return f'<tr><th scope="row" class="{kind}">{word}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _found(result: ExpectationOutcome) -> str:
    if result.error:
        return escape(printable(result.error))
    if result.unexpected_count:
        return f"{result.unexpected_count:,} of {result.checked:,} unexpected ({result.unexpected_percent:.3g} %)"
    return "" if result.observed is None else _value(result.observed)


def _value(value: Json) -> str:
    return escape(printable(shortened(as_text(value), _MAX_CELL)))


def _text(text: str) -> str:
    return escape(printable(shortened(str(text), _MAX_TEXT)))
