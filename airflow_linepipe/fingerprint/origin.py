"""Whose a module is: Python's, an installed package's, or the author's own."""

from __future__ import annotations

import json
import sys
import sysconfig
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions, version
from importlib.util import find_spec
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["OWN", "PYTHON", "Package", "package_version"]


def _places(*names: str) -> tuple[str, ...]:
    return tuple({f"{sysconfig.get_path(name)}/" for name in names})


_STANDARD: Final = _places("stdlib", "platstdlib")
_ADDED: Final = _places("purelib", "platlib")
_INSTALLED: Final = (*_STANDARD, *_ADDED)


# Compiled modules share the classes of their functions in one that has no file.
_CYTHON: Final = "_cython_"


class Package(NamedTuple):
    """What somebody else has written.

    Attributes:
        name: The name that is imported; "" for the author's own.
        version: The version of its distribution, or of each if there are several.
    """

    name: str
    version: str


PYTHON: Final = Package(name="python", version=f"{sys.version_info[0]}.{sys.version_info[1]}")
OWN: Final = Package(name="", version="")


@cache
def package_version(module_name: str) -> Package:
    """The package that a module is of, with its version; `OWN` for the author's own.

    Args:
        module_name: The module's dotted name.
    """
    package = module_name.partition(".")[0]
    if package in sys.stdlib_module_names and _is_pythons(package):
        return PYTHON
    if package.startswith(_CYTHON):
        return Package(name="cython", version=package.removeprefix(_CYTHON))
    if not _is_installed(package):
        return OWN
    try:
        return OWN if _is_from_source(package) else Package(name=package, version=version(package))
    except PackageNotFoundError:
        names = [name for name in sorted(_distributions().get(package, ())) if not _is_from_source(name)]
        versions = " ".join(f"{name} {version(name)}" for name in names)
        return Package(name=package, version=versions) if versions else OWN


@cache
def _distributions() -> dict[str, list[str]]:
    return {package: list(names) for package, names in packages_distributions().items()}


def _is_from_source(name: str) -> bool:
    """Whether a distribution was installed from a folder or a repository (PEP 610).

    Its code may change, and its version stay.

    Raises:
        PackageNotFoundError: There is none of this name.
    """
    found = json.loads(distribution(name).read_text("direct_url.json") or "{}")
    return "dir_info" in found or "vcs_info" in found


def _is_pythons(package: str) -> bool:
    """Whether a module that has a name of Python's own is Python's: an author may have a module `code` as well."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):  # no file has made it
        return False
    if spec is None or spec.origin is None or spec.origin in ("built-in", "frozen"):
        return True
    place = str(Path(spec.origin).absolute())
    return place.startswith(_STANDARD) and not place.startswith(_ADDED)


def _is_installed(package: str) -> bool:
    """Whether a package lies where Python installs them; one that is edited where it lies does not."""
    try:
        spec = find_spec(package)
    except (ImportError, ValueError):  # __main__ has none
        return False
    if spec is None:
        return False
    places = list(spec.submodule_search_locations or ()) or [spec.origin or ""]
    return all(str(Path(place).absolute()).startswith(_INSTALLED) for place in places)
