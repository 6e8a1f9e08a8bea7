"""`pulposus cite`: how to cite the program."""

from __future__ import annotations

from pulposus import __version__
from pulposus.cli._commands import command_app
from pulposus.cli._output import Json, print_json, print_text

TITLE = "pulposus: an in-silico laboratory for cell therapy of the degenerated intervertebral disc"
AUTHORS = "The pulposus authors"
LICENSE = "Apache-2.0"

app = command_app()


@app.command()
def cite(as_json: Json = False) -> None:
    """Print how to cite the program and the sources of its constants."""
    bibtex = f"""@software{{pulposus,
  title   = {{{TITLE}}},
  author  = {{{{{AUTHORS}}}}},
  version = {{{__version__}}},
  license = {{{LICENSE}}}
}}"""
    if as_json:
        print_json({"title": TITLE, "authors": AUTHORS, "version": __version__, "license": LICENSE, "bibtex": bibtex})
        return
    print_text(
        f"{AUTHORS}. {TITLE}. Version {__version__}.",
        "",
        bibtex,
        "",
        "A run is described by its manifest.json (version, lock, seed, inputs): keep it with your data.",
        "The constants have their own sources: cite those that your result depends on (pulposus parameters WORD).",
    )
