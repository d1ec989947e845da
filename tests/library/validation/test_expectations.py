"""What is said of expectations while a DAG file is parsed, and how they become a suite."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from airflow_linepipe.errors import ExpectationError
from airflow_linepipe.validation import as_suite, check_expectations

NOT_NULL = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "id"}, "severity": "warning"}

GOOD = {
    "dicts": [NOT_NULL],
    "a class's name": [{**NOT_NULL, "type": "ExpectColumnValuesToNotBeNull"}],
    "a suite as GX writes it": {"name": "ids", "expectations": [{**NOT_NULL, "id": None}], "meta": {}, "notes": None},
    "a tuple": (NOT_NULL,),
    "a function": lambda: [NOT_NULL],
    "a function with a default": lambda column="id": [{**NOT_NULL, "kwargs": {"column": column}}],
}
BAD = {
    "nothing": (None, "give a suite"),
    "a number": (7, "7 (a int)"),
    "an empty list": ([], "at least one"),
    "bytes": (b"x", "at least one"),
    "a path that ends otherwise": ("checks.txt", ".json, .yaml, .yml"),
    "a path object that ends otherwise": (Path("checks"), "'checks'"),
    "a list of texts": (["expect_column_to_exist"], "Expectation 1 is 'expect_column_to_exist'"),
    "no type": ([{"kwargs": {}}], "Expectation 1 has no 'type'"),
    "a type that is no text": ([{"type": 3}], "Expectation 1 has no 'type'"),
    "the old key": ([{"expectation_type": "expect_column_to_exist"}], "did you mean 'type'?"),
    "a misspelt key": ([NOT_NULL, {**NOT_NULL, "severty": "info"}], "2 (expect_column_values_to_not_be_null)"),
    "a severity that is none": ([{**NOT_NULL, "severity": "fatal"}], "severity='fatal': give one of 'critical'"),
    "kwargs that are no dict": ([{**NOT_NULL, "kwargs": ["id"]}], "kwargs=['id']"),
    "a lone dict": (NOT_NULL, "without the key 'expectations'"),
    "a suite with an unknown key": ({"expectations": [NOT_NULL], "nam": "x"}, "did you mean 'name'?"),
    "a suite of no list": ({"expectations": "x"}, "'expectations' are 'x'"),
    "a function that needs something": (lambda table: [table], "needs 'table'"),
}


@pytest.mark.parametrize("expectations", GOOD.values(), ids=GOOD)
def test_each_way_to_write_expectations_becomes_the_same_suite(expectations):
    check_expectations(expectations)
    suite = as_suite(expectations, name="ids")
    (expectation,) = suite.expectations
    assert suite.name == "ids"
    assert (type(expectation).__name__, expectation.column) == ("ExpectColumnValuesToNotBeNull", "id")
    assert expectation.severity.value == "warning"


@pytest.mark.parametrize(("expectations", "said"), BAD.values(), ids=BAD)
def test_what_cannot_be_expectations_is_refused_at_once(expectations, said):
    with pytest.raises(ExpectationError) as caught:
        check_expectations(expectations)
    assert said in str(caught.value)
    with pytest.raises(ExpectationError):
        as_suite(expectations, name="ids")


def test_checking_imports_neither_pandas_nor_great_expectations_and_opens_nothing():
    """A DAG file with expectations is parsed without either."""
    code = f"""
import sys
import airflow_linepipe.validation as validation
def opened(event, arguments):
    if event == "open" and "checks" in str(arguments[0]):
        raise SystemExit(f"opened {{arguments}}")
sys.addaudithook(opened)
validation.check_expectations([{NOT_NULL!r}])
validation.check_expectations("/nowhere/checks.yaml")
validation.check_expectations(lambda: 1 / 0)
heavy = "airflow", "fsspec", "great_expectations", "numpy", "pandas", "polars", "pyarrow", "sqlalchemy"
print([name for name in heavy if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")


@pytest.mark.parametrize("ending", ["json", "yaml", "yml"])
@pytest.mark.parametrize("whole", [False, True], ids=["a list", "a suite"])
def test_expectations_stand_in_a_file(tmp_path, ending, whole):
    path = tmp_path / f"checks.{ending}"
    held = {"name": "of the file", "expectations": [NOT_NULL]} if whole else [NOT_NULL]
    if ending == "json":
        path.write_text(json.dumps(held))
    else:
        listed = "- type: expect_column_values_to_not_be_null\n  kwargs: {column: id}\n  severity: warning\n"
        path.write_text(f"name: of the file\nexpectations:\n{listed}" if whole else listed)
    for given in (path, str(path), lambda: path):
        suite = as_suite(given, name="of the task")
        assert suite.name == ("of the file" if whole else "of the task")
        assert suite.expectations[0].column == "id"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("missing.json", None, "does not exist"),
        ("broken.json", "[{", "is no JSON"),
        ("broken.yaml", "- {a: [", "is no YAML"),
        ("text.yaml", "hello", "holds 'hello'"),
        ("empty.json", "[]", "at least one"),
        ("binary.json", b"\xff\xfe\x00", "cannot be read"),
    ],
)
def test_a_file_that_holds_none_is_named_with_the_reason(tmp_path, name, text, said):
    path = tmp_path / name
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ExpectationError) as caught:
        as_suite(path, name="ids")
    assert said in str(caught.value)


def test_a_suite_that_gx_has_saved_is_read_back(tmp_path):
    import great_expectations as gx

    path = tmp_path / "suite.json"
    suite = as_suite([NOT_NULL, {"type": "expect_table_row_count_to_equal", "kwargs": {"value": 3}}], name="saved")
    path.write_text(json.dumps(suite.to_json_dict()))
    read = as_suite(path, name="other")
    assert isinstance(read, gx.ExpectationSuite)
    assert read == suite


def test_objects_of_great_expectations_are_taken_and_stay_their_owners():
    import great_expectations as gx

    expectation = gx.expectations.ExpectColumnToExist(column="id", severity="info", meta={"owner": "me"})
    own = gx.ExpectationSuite(name="own", expectations=[expectation])
    assert as_suite(own, name="other") is own
    taken = as_suite([expectation], name="other")
    assert taken.expectations[0] is not expectation
    assert taken.expectations[0] == expectation
    assert expectation.meta == {"owner": "me"}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("expect_column_values_to_not_be_nul", "did you mean 'expect_column_values_to_not_be_null'?"),
        ("ExpectColumnValuesToNotBeNul", "did you mean 'ExpectColumnValuesToNotBeNull'?"),
        ("greet", "import the module that defines it first"),
    ],
)
def test_an_expectation_that_gx_does_not_know_is_named_with_the_closest(name, said):
    with pytest.raises(ExpectationError) as caught:
        as_suite([NOT_NULL, {"type": name, "kwargs": {}}], name="ids")
    assert f"Expectation 2: Great Expectations knows no '{name}': {said}" in str(caught.value)


def test_wrong_arguments_of_an_expectation_are_named():
    with pytest.raises(ExpectationError, match=r"Expectation 1 \(expect_column_to_exist\).*'colum': extra fields"):
        as_suite([{"type": "expect_column_to_exist", "kwargs": {"colum": "id"}}], name="ids")


def test_a_suite_without_expectations_would_check_nothing():
    import great_expectations as gx

    with pytest.raises(ExpectationError, match="'empty' holds no expectations"):
        as_suite(gx.ExpectationSuite(name="empty"), name="ids")
    with pytest.raises(ExpectationError, match="give a list, also of a single"):
        check_expectations(gx.expectations.ExpectColumnToExist(column="id"))


def test_a_function_gives_no_function():
    with pytest.raises(ExpectationError, match="let it give a suite, a list or a path"):
        as_suite(lambda: lambda: [NOT_NULL], name="ids")
