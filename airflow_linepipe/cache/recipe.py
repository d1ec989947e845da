"""Everything that the result of a step depends on, known without a single value of it being read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from pkgutil import resolve_name
from typing import Any, Final

from airflow_linepipe.cache.policy import Cache
from airflow_linepipe.fingerprint import Fingerprint, fingerprint_function, fingerprint_value, package_version
from airflow_linepipe.handoff import OPEN_FORMATS, ArtifactRef, is_reference, references_in
from airflow_linepipe.plan import (
    ArtifactBinding,
    Binding,
    ConfigBinding,
    ConstantBinding,
    GivenBinding,
    Plan,
    Step,
    is_plain,
    looks_secret,
)

__all__ = ["BOUND", "Ingredient", "Recipe", "identify", "recipes_of"]

# The ingredient that changes with any of a function's others.
BOUND: Final = "what the function is bound to"

# Another one for every change of what a recipe consists of, or of what our codecs and runtime make of a value.
_SCHEME: Final = "1"
_MAX_SHOWN: Final = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Ingredient:
    """One thing that a result depends on.

    Attributes:
        digest: Equal for equal things.
        shown: What people may see of it; "" if nothing.
        versions: The packages that it comes from, with their versions.
        unknown: What of it cannot be known, each in a few words.
    """

    digest: str
    shown: str = ""
    versions: tuple[tuple[str, str], ...] = ()
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """What the result of a step depends on.

    Attributes:
        key: Equal if and only if all of it is, whatever it is called.
        ingredients: Each thing by its name for people: "code of helpers.clean", "input 'features'", "config.window".
        unknown: What cannot be known, each in a few words: the result is not cached then.
    """

    key: str
    ingredients: Mapping[str, Ingredient]
    unknown: tuple[str, ...]


def recipes_of(
    plan: Plan,
    *,
    given: Mapping[str, Ingredient],
    written: Mapping[str, str],
    cache: Cache,
    shape: str = "",
) -> dict[str, Recipe]:
    """The recipes of all steps that one task runs.

    What passes from step to step inside the task has no digest: it is known by the recipe of its maker.

    Args:
        plan: The plan of the task.
        given: What the task is given, by name: see `identify`.
        written: The keys of the recipes of writers in other tasks, by step id: what a step finds where it shares a
            handle with one is what that has written.
        cache: What counts and what does not.
        shape: In which form the task leaves its outputs, if not in the usual one.

    Returns:
        The recipes by step id.
    """
    settings = {
        "version": Ingredient(digest=cache.version, shown=cache.version),
        **{f"file '{path}'": _watched(Path(path)) for path in cache.watch},
    }
    made: dict[ArtifactBinding, Ingredient] = {}
    recipes: dict[str, Recipe] = {}
    for step in plan.steps:
        inputs = dict(_inputs(plan, step, given, made, cache))
        inputs.update(_found(step, recipes, written))
        recipe = _recipe(step, inputs, {**settings, "outputs": Ingredient(digest=f"{len(step.outputs)}{shape}")})
        recipes[step.id] = recipe
        for name in step.outputs:
            position = step.outputs.index(name)
            made[ArtifactBinding(producer=step.id, name=name)] = Ingredient(
                digest=f"{recipe.key} {position}", unknown=recipe.unknown
            )
    return recipes


def identify(value: Any, name: str) -> Ingredient:
    """What is known of a value that a task is handed: of references what stands in them, of others what they are.

    Args:
        value: A reference, on the wire or not, lists or dicts of such on the wire, or any other value.
        name: The name under which it is read.
    """
    if isinstance(value, ArtifactRef):
        return _referenced(value, name)
    if is_reference(value):
        return _referenced(ArtifactRef.from_wire(value), name)
    if any(True for _ in references_in(value)):
        parts = {str(key): identify(item, name) for key, item in _items(value)}
        return Ingredient(
            digest=_digest(type(value).__name__, *(f"{key!r}={part.digest}" for key, part in parts.items())),
            versions=tuple(sorted({version for part in parts.values() for version in part.versions})),
            unknown=tuple(dict.fromkeys(reason for part in parts.values() for reason in part.unknown)),
        )
    return _valued(value, name)


def _recipe(step: Step, inputs: Mapping[str, Ingredient], settings: Mapping[str, Ingredient]) -> Recipe:
    code = fingerprint_function(step.function)
    versions = dict(code.versions)
    for ingredient in inputs.values():
        versions.update(ingredient.versions)
    ingredients = {
        **{
            f"{name} (package)" if name in inputs else name: Ingredient(digest=version, shown=version)
            for name, version in versions.items()
        },
        **{f"code of {name}": Ingredient(digest=digest) for name, digest in code.parts.items()},
        BOUND: Ingredient(digest=code.digest),
        **inputs,
        **{f"{name} (of the cache)" if name in inputs else name: found for name, found in settings.items()},
    }
    # By position: what an input or a file is called changes nothing.
    texts = [_SCHEME, code.digest, *(f"{name} {version}" for name, version in sorted(versions.items())), "inputs"]
    counted = [*inputs.values(), *settings.values()]
    texts += [ingredient.digest for ingredient in counted]
    unknown = [*code.unknown, *(reason for ingredient in counted for reason in ingredient.unknown)]
    return Recipe(key=_digest(*texts), ingredients=ingredients, unknown=tuple(dict.fromkeys(unknown)))


def _inputs(
    plan: Plan,
    step: Step,
    given: Mapping[str, Ingredient],
    made: Mapping[ArtifactBinding, Ingredient],
    cache: Cache,
) -> Iterator[tuple[str, Ingredient]]:
    """What a step reads, in order; resources and what is to be ignored keep their places, and do not count."""
    positions: dict[Binding, int] = {}
    for position, (name, binding) in enumerate(zip(step.inputs, step.bindings, strict=True)):
        first = positions.setdefault(binding, position)
        if name in cache.ignore:
            yield f"ignored {position}", Ingredient(digest="")
        elif first != position:
            # The same object, which the function may change, and not one that is equal.
            yield f"input '{name}' ({position + 1})", Ingredient(digest=f"input {first}")
        elif isinstance(binding, ConfigBinding):
            yield name, _valued(plan.config_value(binding), name)
        elif isinstance(binding, ConstantBinding):
            yield name, _valued(plan.constants[binding.name], name)
        elif isinstance(binding, ArtifactBinding):
            yield f"input '{name}'", made[binding]
        elif isinstance(binding, GivenBinding):
            yield f"input '{name}'", given[binding.name]
        else:
            yield f"resource {position}", Ingredient(digest="")


def _found(step: Step, recipes: Mapping[str, Recipe], written: Mapping[str, str]) -> Iterator[tuple[str, Ingredient]]:
    """What writers have left for a step outside of the pipeline."""
    for writer in step.follows:
        label = f"what '{writer}' writes"
        if writer in recipes:
            yield label, Ingredient(digest=recipes[writer].key, unknown=recipes[writer].unknown)
        elif writer in written:
            yield label, Ingredient(digest=written[writer])
        else:
            reason = f"node '{writer}' writes before it to where it reads, and of what that writes nothing is known"
            yield label, Ingredient(digest="", unknown=(reason,))


def _referenced(reference: ArtifactRef, name: str) -> Ingredient:
    texts = [reference.type, reference.codec, reference.digest, str(reference.summary.get("file", ""))]
    unknown: list[str] = []
    package = package_version(reference.type)
    versions = ((package.name, package.version),) if package.name else ()
    if reference.codec not in OPEN_FORMATS:
        # The classes whose objects lie in a pickle are not in it: their code is known by what has made the objects.
        texts.append(reference.recipe)
        kind = _own_type(reference.type)
        texts.append(kind.digest)
        unknown += kind.unknown
        if not reference.recipe:
            unknown.append(
                f"input '{name}' is a pickle ({reference.type}) of a task without a cache: what has made it is unknown"
            )
    return Ingredient(digest=_digest(*texts), versions=versions, unknown=tuple(unknown))


def _own_type(type_name: str) -> Ingredient:
    """What a class of the author's own does, which nobody but the pickle may name."""
    if package_version(type_name).name or "." not in type_name:
        return Ingredient(digest="")
    try:
        kind = resolve_name(type_name)
    except Exception as error:  # noqa: BLE001  (importing a module runs whatever it holds)
        return Ingredient(digest="", unknown=(f"{type_name} cannot be imported ({type(error).__name__}: {error})",))
    return _of(fingerprint_value(kind, type_name))


def _valued(value: Any, name: str) -> Ingredient:
    shown = repr(value) if is_plain(value) and not looks_secret(name, value) else ""
    found = _of(fingerprint_value(value, f"'{name}'"))
    return Ingredient(
        digest=found.digest,
        shown=shown if len(shown) <= _MAX_SHOWN else "",
        versions=found.versions,
        unknown=found.unknown,
    )


def _of(fingerprint: Fingerprint) -> Ingredient:
    return Ingredient(
        digest=fingerprint.digest, versions=tuple(fingerprint.versions.items()), unknown=fingerprint.unknown
    )


def _items(value: Any) -> Iterator[tuple[Any, Any]]:
    return iter(value.items()) if isinstance(value, dict) else iter(enumerate(value))


def _watched(path: Path) -> Ingredient:
    """A file's content, or the names and contents of all files in a folder."""
    try:
        if not path.is_dir():
            return Ingredient(digest=_content(path))
        files = sorted(found for found in path.rglob("*") if found.is_file())
        return Ingredient(digest=_digest(*(f"{found.relative_to(path)} {_content(found)}" for found in files)))
    except FileNotFoundError:
        return Ingredient(digest="", unknown=(f"the file '{path}' that it watches is not there",))
    except OSError as error:
        return Ingredient(digest="", unknown=(f"the file '{path}' that it watches cannot be read ({error})",))


def _content(path: Path) -> str:
    from blake3 import blake3

    digest = blake3(max_threads=blake3.AUTO)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return str(digest.hexdigest())


def _digest(*texts: str) -> str:
    whole = sha256()
    for text in texts:
        part = text.encode(errors="surrogatepass")
        # With its length: no two lists of texts run together to the same.
        whole.update(len(part).to_bytes(8, "little") + part)
    return whole.hexdigest()[:40]
