"""What Airflow itself makes of the package: provider, decorator, configuration, plugin."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import distribution
from importlib.resources import files

import jsonschema
import pytest

from airflow_linepipe.get_provider_info import get_provider_info


def test_the_provider_info_fits_airflows_schema():
    schema = json.loads(files("airflow").joinpath("provider_info.schema.json").read_text())
    jsonschema.validate(get_provider_info(), schema)


def test_the_package_name_is_the_distributions():
    """Airflow refuses to start any process otherwise."""
    assert get_provider_info()["package-name"] == distribution("airflow-linepipe").name


def test_airflow_discovers_the_provider():
    from airflow.providers_manager import ProvidersManager

    provider = ProvidersManager().providers["airflow-linepipe"]
    assert provider.version == distribution("airflow-linepipe").version


def test_every_module_and_class_that_the_info_names_exists():
    from importlib import import_module

    info = get_provider_info()
    for kind in ("operators", "sensors", "triggers", "hooks"):
        for entry in info[kind]:
            for module in entry["python-modules"]:
                import_module(module)
    for decorator in info["task-decorators"]:
        module, _, name = decorator["class-name"].rpartition(".")
        assert callable(getattr(import_module(module), name))


def test_the_decorator_is_known_to_task():
    from airflow.sdk import task

    from airflow_linepipe import linepipe_task

    assert task.linepipe is linepipe_task


def test_the_settings_have_defaults_and_follow_the_environment(monkeypatch):
    import os

    from airflow_linepipe import settings

    assert settings.storage() == f"file://{os.environ['AIRFLOW_HOME']}/linepipe"
    assert settings.allow_pickle() is True
    monkeypatch.setenv("AIRFLOW__LINEPIPE__STORAGE", "s3://lp@bucket/prefix")
    monkeypatch.setenv("AIRFLOW__LINEPIPE__ALLOW_PICKLE", "False")
    assert settings.storage() == "s3://lp@bucket/prefix"
    assert settings.allow_pickle() is False


def test_the_plugin_is_loaded_once_and_without_an_error():
    """In a process of its own: Airflow keeps its plugins for a process's life."""
    code = (
        "from airflow import plugins_manager as core\n"
        "from airflow.sdk import plugins_manager as sdk\n"
        "plugins, errors = core._get_plugins()\n"
        "print([plugin.name for plugin in plugins].count('linepipe'), errors)\n"
        "from airflow.sdk import macros\n"
        "from airflow.sdk.plugins_manager import integrate_macros_plugins\n"
        "integrate_macros_plugins()\n"
        "print(macros.linepipe.load_artifact.__name__)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == ["1 {}", "load_artifact"]


def test_importing_the_provider_info_costs_nothing():
    code = "import sys, airflow_linepipe.get_provider_info; print('airflow' in sys.modules, 'linepipe' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


PROFILES = '{"dev": {"storage": "file:///dev"}, "prod": {"storage": "s3://lp@prod", "allow_pickle": false}}'


def test_a_profile_replaces_the_settings(monkeypatch):
    """R32: the same DAG file, another store in each environment."""
    from airflow_linepipe import settings

    monkeypatch.setenv("AIRFLOW__LINEPIPE__STORAGE", "file:///everywhere")
    monkeypatch.setenv("AIRFLOW__LINEPIPE__PROFILES", PROFILES)
    assert settings.storage() == "file:///everywhere"
    monkeypatch.setenv("AIRFLOW__LINEPIPE__PROFILE", "dev")
    assert (settings.storage(), settings.allow_pickle()) == ("file:///dev", True)
    monkeypatch.setenv("AIRFLOW__LINEPIPE__PROFILE", "prod")
    assert (settings.storage(), settings.allow_pickle()) == ("s3://lp@prod", False)


@pytest.mark.parametrize(
    ("profile", "profiles", "sentence"),
    [
        ("x", '{"x": {"storage": "here"}}', "The storage 'here' is no URL"),
        ("prd", PROFILES, "[linepipe] profile is 'prd', and there is no such profile: did you mean 'prod'?"),
        ("x", "{}", "[linepipe] profile is 'x', and there is no such profile: [linepipe] profiles has none."),
        ("x", "[]", '[linepipe] profiles is []: write it as {"dev": {"storage": "file:///…"}, …}.'),
        ("x", "{", "[linepipe] profiles is no JSON: Expecting property name enclosed in double quotes: line 1"),
        (
            "x",
            '{"x": {"store": "y"}}',
            "[linepipe] profiles: 'x' sets store to 'y': give storage a URL, or allow_pickle",
        ),
        (
            "x",
            '{"x": {"storage": 3}}',
            "[linepipe] profiles: 'x' sets storage to 3: give storage a URL, or allow_pickle",
        ),
    ],
)
def test_a_profile_that_cannot_be_is_an_error_of_every_dag(monkeypatch, profile, profiles, sentence):
    """R32."""
    from linepipe.node import Node
    from linepipe.pipeline import Pipeline

    from airflow_linepipe import LinepipeDag, linepipe_task
    from airflow_linepipe.errors import SettingError

    monkeypatch.setenv("AIRFLOW__LINEPIPE__PROFILE", profile)
    monkeypatch.setenv("AIRFLOW__LINEPIPE__PROFILES", profiles)
    with pytest.raises(SettingError) as caught:
        LinepipeDag("profile", pipeline=Pipeline([Node(dict, [], ["x"])]), schedule=None)
    assert str(caught.value).startswith(sentence)
    with pytest.raises(SettingError):
        linepipe_task(lambda: 1)()


def test_the_storage_settings_reach_the_exchange_and_its_stores(monkeypatch, airflow_db):
    from airflow_linepipe import settings
    from airflow_linepipe.handoff import Patience

    assert (settings.compression(), settings.patience()) == ("auto", Patience())
    monkeypatch.setenv("AIRFLOW__LINEPIPE__COMPRESSION", "LZ4")
    monkeypatch.setenv("AIRFLOW__LINEPIPE__STORAGE_TIMEOUT", "2.5")
    monkeypatch.setenv("AIRFLOW__LINEPIPE__STORAGE_ATTEMPTS", "7")
    assert (settings.compression(), settings.patience()) == ("lz4", Patience(timeout=2.5, attempts=7))


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("compression", "gzip", "compression is 'gzip': write auto, none, lz4 or zstd"),
        ("storage_timeout", "soon", "storage_timeout is 'soon': give it a number above 0"),
        ("storage_timeout", "nan", "storage_timeout is 'nan'"),
        ("storage_attempts", "0", "storage_attempts is '0'"),
        ("storage_attempts", "1.5", "storage_attempts is '1.5'"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(option, value, sentence, monkeypatch, airflow_db):
    from airflow_linepipe.errors import SettingError
    from airflow_linepipe.hooks.handoff import open_exchange
    from airflow_linepipe.hooks.storage import open_store

    monkeypatch.setenv(f"AIRFLOW__LINEPIPE__{option.upper()}", value)
    with pytest.raises(SettingError, match=f"linepipe. {sentence}"):
        open_store(open_exchange().storage)


OPTIONS = ["storage", "allow_pickle", "compression", "storage_timeout", "storage_attempts"]


@pytest.mark.parametrize("option", [*OPTIONS, "profile", "profiles", "xcom_threshold"])
def test_every_option_is_described(option):
    described = get_provider_info()["config"]["linepipe"]["options"][option]
    assert {"description", "version_added", "type", "example", "default"} <= described.keys()
