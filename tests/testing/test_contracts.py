"""The contracts would be worth nothing if they held whatever a codec or a store did."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import broken_codecs
import broken_stores
import pytest

import airflow_linepipe.testing
from airflow_linepipe.testing import CodecContract, StoreContract

ROOT = Path(__file__).parents[2]
# What a codec cannot break by itself: the exchange sees to it.
EXCHANGES_OWN = {"test_altered_bytes_are_never_decoded"}
MODULES = {"codecs": broken_codecs, "stores": broken_stores}
CASES = [
    pytest.param(kind, name, test, phrase, id=f"{name}-{test}")
    for kind, module in MODULES.items()
    for name, suite in vars(module).items()
    if name.startswith("Test")
    for test, phrase in suite.breaks.items()
]


@pytest.fixture(scope="module")
def failures(tmp_path_factory):
    """What the tests that must fail said, by module, class and test: pytest runs each of them as a user would."""
    folder = tmp_path_factory.mktemp("broken")
    ids = [f"tests/support/broken_{case.values[0]}.py::{case.values[1]}::{case.values[2]}" for case in CASES]
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", "-q", "--noconftest", "-p", "no:cacheprovider", "--tb=short"),
            *(f"--junitxml={folder / 'report.xml'}", f"--basetemp={folder / 'tmp'}", *ids),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout[-4000:] + done.stderr[-4000:]
    said = {}
    for case in ET.parse(folder / "report.xml").iter("testcase"):
        for failure in case.iter("failure"):
            suite, test = case.get("classname").rpartition(".")[2], case.get("name").partition("[")[0]
            said.setdefault((suite, test), []).append(failure.get("message"))
    return said


@pytest.mark.parametrize(("kind", "name", "test", "phrase"), CASES)
def test_what_is_broken_fails_and_hears_why(kind, name, test, phrase, failures):
    messages = failures.get((name, test), [])
    assert messages, "it passed"
    assert any(phrase in message for message in messages), messages


@pytest.mark.parametrize(
    ("kind", "contract", "exempt"), [("codecs", CodecContract, EXCHANGES_OWN), ("stores", StoreContract, set())]
)
def test_each_test_of_a_contract_can_fail(kind, contract, exempt):
    proven = {case.values[2] for case in CASES if case.values[0] == kind}
    assert proven | exempt == {name for name in vars(contract) if name.startswith("test_")}


def test_importing_the_package_of_the_contracts_takes_no_pytest():
    code = (
        "import sys\n"
        "sys.modules['pytest'] = None\n"
        "import airflow_linepipe.testing as testing\n"
        "testing.StandaloneAirflow\n"
        "assert {'CodecContract', 'StoreContract'} <= set(dir(testing))\n"
        "try:\n"
        "    testing.CodecContract\n"
        "except ImportError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "pytest" in done.stdout


def test_the_package_has_the_names_that_it_gives():
    for name in airflow_linepipe.testing.__all__:
        assert getattr(airflow_linepipe.testing, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'CodecContracts'"):
        _ = airflow_linepipe.testing.CodecContracts
