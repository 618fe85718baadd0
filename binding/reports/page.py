"""Pages that open without a network: one template each, one style for all."""

from __future__ import annotations

from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined


def render_page(template: str, **values: Any) -> str:
    """A page as text; everything that comes from files (names, messages, settings) is escaped.

    Args:
        template: Its name in the folder of templates.
        values: What it asks for, all of it.
    """
    environment = Environment(
        loader=PackageLoader("binding.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)
