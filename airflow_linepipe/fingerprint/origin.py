"""Whose a module is: Python's, an installed package's, or the author's own."""

from __future__ import annotations

import sys
import sysconfig
from functools import cache
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

__all__ = ["package_version"]

_INSTALLED: Final = tuple({f"{sysconfig.get_path(name)}/" for name in ("stdlib", "platstdlib", "purelib", "platlib")})
PYTHON: Final = f"python {sys.version_info[0]}.{sys.version_info[1]}"


@cache
def package_version(module_name: str) -> str:
    """The distribution and version that a module comes with, such as "pandas 3.1.1"; "" for the author's own.

    Args:
        module_name: The module's dotted name.
    """
    package = module_name.partition(".")[0]
    if package in sys.stdlib_module_names or package in sys.builtin_module_names:
        return PYTHON
    if not _is_installed(package):
        return ""
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        names = sorted(_distributions().get(package, ()))
        return " ".join(f"{name} {version(name)}" for name in names)


@cache
def _distributions() -> dict[str, list[str]]:
    return {package: list(names) for package, names in packages_distributions().items()}


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
