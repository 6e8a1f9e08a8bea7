"""What the pages of the report share: the templates and the style in `assets`, and the rule that a page has at most 5 MB."""

from __future__ import annotations

from importlib import resources
from typing import Any

MAXIMUM_BYTES = 5_000_000
STATUSES = {
    "verified": "seen in its source",
    "recalled": "attributed to a paper, not re-read",
    "derived": "computed from others",
    "prior": "a judgement with a range",
    "given": "written by the user",
}


def asset(name: str) -> str:
    """Text of a file in `assets`."""
    return (resources.files("pulposus.report") / "assets" / name).read_text(encoding="utf-8")


def render(template: str, **content: Any) -> str:
    """A page from a template; every text is escaped, and a name that the template misses is an error.

    Args:
        template: File in `assets`.
        **content: What the template shows.
    """
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(asset),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(style=asset("report.css"), statuses=STATUSES, **content)
