"""Outputs that stand for assets of Airflow."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from airflow.sdk import Asset

from airflow_linepipe.errors import SettingError
from airflow_linepipe.plan import checked_mapping, did_you_mean

__all__ = ["checked_assets"]


def checked_assets(publish: object, outputs: Collection[str]) -> Mapping[str, Asset]:
    """What an author writes as ``publish``.

    Args:
        publish: Assets by the names of outputs, or None for none.
        outputs: The outputs that there are.

    Raises:
        SettingError: A name is no output, a value no asset, or two outputs have one asset.
    """
    assets = checked_mapping("publish", publish)
    homes: dict[tuple[str, str], str] = {}
    for name, asset in assets.items():
        if name not in outputs:
            hint = did_you_mean(name, outputs, otherwise=f"there are {', '.join(outputs) or 'none'}.")
            message = f"publish['{name}']: there is no such output: {hint}"
            raise SettingError(message)
        if not isinstance(asset, Asset):
            message = f"publish['{name}'] is a {type(asset).__name__}: write Asset('{name}')."
            raise SettingError(message)
        other = homes.setdefault((asset.name, asset.uri), name)
        if other != name:
            message = f"publish: the asset '{asset.name}' stands for '{other}' and for '{name}': give each its own."
            raise SettingError(message)
    return assets
