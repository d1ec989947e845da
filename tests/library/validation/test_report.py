"""One page of HTML that needs nothing else and believes nothing it shows."""

from __future__ import annotations

from html.parser import HTMLParser

import pandas as pd
import pytest

from airflow_linepipe.validation import ExpectationOutcome, Outcome, report_html

HOSTILE = "</td></table></style></title><script>alert(1)</script><img src=x onerror=alert(1)>\"' & \ud800\0"


class Page(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.rows, self.text = [], set(), [], [], ""
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes += attrs
        if tag == "tr":
            self.rows.append([])
        if tag in {"td", "th"}:
            self.rows[-1].append("")
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if self.open and self.open[-1] in {"td", "th"}:
            self.rows[-1][-1] += data


@pytest.fixture
def outcome(flights, expect, validated):
    return validated(
        flights,
        expect("column_to_exist", column="delay"),
        expect("column_values_to_not_be_null", column="origin", severity="info"),
        expect("column_values_to_be_in_set", column="origin", value_set=["JFK"]),
        expect("column_mean_to_be_between", column="delay", max_value=1),
        expect("column_values_to_not_be_null", column="nowhere"),
    )


def test_failures_stand_first_and_say_so_in_words(outcome):
    page = Page(report_html(outcome, title="Flights", details={"DAG": "flights", "Run": "manual__2013"}))
    heading, *rows = page.rows
    assert heading[:4] == ["Result", "Severity", "Expectation", "Column"]
    assert [row[0] for row in rows] == ["Not evaluated", "Failed", "Failed", "Failed", "Passed"]
    assert rows[1][3:6] == ["origin", 'value_set=["JFK"]', "2 of 4 unexpected (50 %)"]
    assert rows[2][5] == "99.875"
    for told in ("Flights", "DAG", "manual__2013", "Rows", "4 of 5 expectations are not met", "there is no column"):
        assert told in page.text


def test_the_page_has_no_script_and_fetches_nothing(outcome):
    text = report_html(outcome, title="Flights", details={})
    page = Page(text)
    assert not page.tags & {"script", "link", "img", "iframe", "object", "a", "form"}
    assert not {name for name, _ in page.attributes} & {"src", "href", "style", "onload", "onerror"}
    assert "url(" not in text
    assert "@import" not in text
    assert "prefers-color-scheme: dark" in text
    assert text.count("<caption>") == 1
    assert 'scope="col"' in text
    assert 'scope="row"' in text
    assert 'lang="en"' in text


def test_hostile_names_and_values_stay_text():
    failed = ExpectationOutcome(
        type=HOSTILE,
        columns=(HOSTILE,),
        kwargs={HOSTILE: HOSTILE},
        severity=HOSTILE,
        success=False,
        observed=HOSTILE,
        samples=(HOSTILE, {HOSTILE: [HOSTILE]}),
        validation=HOSTILE,
    )
    results = (
        failed,
        ExpectationOutcome(type="t", columns=(), kwargs={}, severity="info", success=False, error=HOSTILE),
    )
    outcome = Outcome(suite=HOSTILE, results=results, rows="unknown")
    text = report_html(outcome, title=HOSTILE, details={HOSTILE: HOSTILE})
    page = Page(text)
    assert not page.tags & {"script", "img"}
    assert "<script" not in text
    assert "onerror" not in {name for name, _ in page.attributes}
    text.encode()


def test_a_hostile_frame_stays_text_from_end_to_end(expect, validated):
    table = pd.DataFrame({HOSTILE[:-2]: ["<b>bold</b>", "<script>x</script>"]})
    outcome = validated(table, expect("column_values_to_be_in_set", column=HOSTILE[:-2], value_set=["<i>"]))
    page = Page(report_html(outcome, title="x", details={}))
    assert not page.tags & {"script", "img", "b", "i"}
    assert "<b>bold</b>" in page.text


@pytest.mark.parametrize(("least", "word"), [("critical", "Warning"), ("info", "Failed")])
def test_the_verdict_is_that_of_what_counts(flights, expect, validated, least, word):
    outcome = validated(flights, expect("column_values_to_not_be_null", column="origin", severity="info"))
    text = Page(report_html(outcome, title="x", details={}, least=least)).text
    assert f"{word}: 1 of 1 expectations are not met." in text
    assert outcome.summary(least=least)["success"] is (word == "Warning")


def test_the_page_is_small_with_thousands_of_expectations(outcome):
    many = Outcome(suite="many", results=outcome.results * 2000, rows=5)
    text = report_html(many, title="Many", details={})
    assert len(text.encode()) < 1_000_000
    assert "8,000 more are not shown" in Page(text).text
