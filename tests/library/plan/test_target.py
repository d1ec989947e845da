""" "package.module:attribute": what is found, and the one sentence when it is not."""

from __future__ import annotations

import sys

import pytest

from airflow_linepipe.errors import PipelineNotFoundError, PlanError
from airflow_linepipe.plan import load_target, plan_pipeline


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package "shop" on the path, gone from the process when the test is over."""
    files = {
        "__init__.py": "",
        "features.py": (
            "from linepipe.node import Node\n"
            "from linepipe.pipeline import Pipeline\n"
            "class Pipelines:\n"
            "    daily = Pipeline([Node(int, [], ['zero'])])\n"
            "pipeline = Pipelines.daily\n"
            "number = 3\n"
            "def make(): return pipeline\n"
        ),
        "needs_other.py": "import a_package_that_nobody_has\n",
        "needs_inner.py": "import shop.not_there\n",
        "needs_name.py": "from shop.features import not_there\n",
        "breaks.py": "1 / 0\n",
        "raises_nameless.py": "raise ModuleNotFoundError('no name')\n",
    }
    folder = tmp_path / "shop"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    yield "shop"
    for name in [name for name in sys.modules if name.split(".")[0] == "shop"]:
        del sys.modules[name]


@pytest.mark.parametrize("target", ["shop.features:pipeline", "shop.features:Pipelines.daily"])
def test_a_target_leads_to_its_object_also_by_a_dotted_attribute(package, target):
    pipeline = load_target(target)

    assert pipeline is sys.modules["shop.features"].pipeline
    assert [step.id for step in plan_pipeline(target).steps] == ["int"]


@pytest.mark.parametrize(
    ("target", "message"),
    [
        pytest.param("shop", "'shop' names no object: write it as \"package.module:attribute\".", id="no-colon"),
        pytest.param("shop:", "'shop:' names no object: write it as \"package.module:attribute\".", id="no-attribute"),
        pytest.param(":p", "':p' names no object: write it as \"package.module:attribute\".", id="no-module"),
        pytest.param("", "'' names no object: write it as \"package.module:attribute\".", id="empty"),
        pytest.param(
            ".features:pipeline",
            "'.features:pipeline' names no object: write it as \"package.module:attribute\".",
            id="relative",
        ),
        pytest.param(
            "nowhere.features:pipeline",
            "'nowhere.features:pipeline' cannot be imported: there is no module 'nowhere' on the Python path.",
            id="missing-package",
        ),
        pytest.param(
            "shop.feature:pipeline",
            "'shop.feature:pipeline' cannot be imported: there is no module 'shop.feature' on the Python path.",
            id="missing-module",
        ),
        pytest.param(
            "shop.features.pipeline:x",
            "'shop.features.pipeline:x' cannot be imported: there is no module 'shop.features.pipeline' "
            "on the Python path.",
            id="module-that-is-no-package",
        ),
        pytest.param(
            "shop.features:pipelin",
            "'shop.features:pipelin' leads nowhere: module 'shop.features' has no attribute 'pipelin'.",
            id="missing-attribute",
        ),
        pytest.param(
            "shop.features:Pipelines.hourly",
            "'shop.features:Pipelines.hourly' leads nowhere: type object 'Pipelines' has no attribute 'hourly'.",
            id="missing-inner-attribute",
        ),
    ],
)
def test_a_target_that_leads_nowhere_says_where_it_ends(package, target, message):
    with pytest.raises(PipelineNotFoundError) as caught:
        plan_pipeline(target)

    assert str(caught.value) == message
    assert caught.value.target == target
    assert isinstance(caught.value, PlanError | ImportError)


@pytest.mark.parametrize(
    ("module", "kind", "text"),
    [
        pytest.param("needs_other", ModuleNotFoundError, "a_package_that_nobody_has", id="needs-a-missing-package"),
        pytest.param("needs_inner", ModuleNotFoundError, "shop.not_there", id="needs-a-missing-neighbour"),
        pytest.param("needs_name", ImportError, "cannot import name 'not_there'", id="needs-a-missing-name"),
        pytest.param("breaks", ZeroDivisionError, "division by zero", id="breaks"),
        pytest.param("raises_nameless", ModuleNotFoundError, "no name", id="raises-one-without-a-name"),
    ],
)
def test_an_error_inside_the_module_itself_is_not_swallowed(package, module, kind, text):
    with pytest.raises(kind, match=text) as caught:
        load_target(f"shop.{module}:pipeline")

    assert type(caught.value) is kind
    assert caught.traceback[-1].path.name == f"{module}.py"


@pytest.mark.parametrize(
    ("target", "kind"),
    [("shop.features:number", "int"), ("shop.features:make", "function"), ("shop.features:Pipelines", "type")],
)
def test_a_target_that_is_no_pipeline_is_refused(package, target, kind):
    with pytest.raises(PlanError) as caught:
        plan_pipeline(target)

    advice = ": if it makes the pipeline, call it" if kind in ("function", "type") else ""
    assert str(caught.value) == f"Expected a linepipe Pipeline, not {kind}{advice}."
