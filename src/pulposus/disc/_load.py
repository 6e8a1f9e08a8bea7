"""Loading a disc by its built-in name or from a disc.yaml."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pulposus.disc._build import build_disc
from pulposus.disc._disc import Disc
from pulposus.disc._document import DiscDocument
from pulposus.disc._library import document_of
from pulposus.documents import read_document
from pulposus.parameters import ParameterSet, load_parameters


def load_disc(
    source: str | Path,
    resolution: str = "standard",
    parameters: ParameterSet | None = None,
    overrides: Sequence[str] = (),
) -> Disc:
    """A disc, ready to compute with.

    Args:
        source: A built-in name such as "human/L4-L5/grade3" or "rat/tail", or a disc.yaml.
        resolution: "coarse", "standard" or "fine" (about 5,000, 15,000 and 150,000 nodes).
        parameters: Model constants; those that ship with the program where left out.
        overrides: `key=value` texts on the document, such as "supply.endplate_supply=0.4" or "shape.width=52 mm".

    Raises:
        InvalidInput: There is no such disc or file, or its content cannot be used; says why.
    """
    constants = load_parameters() if parameters is None else parameters
    if isinstance(source, Path) or source.endswith((".yaml", ".yml")) or Path(source).is_file():
        path = Path(source)
        return build_disc(read_document(path, DiscDocument, overrides=overrides), resolution, constants, str(path))
    name, text = document_of(source, constants)
    return build_disc(read_document(text, DiscDocument, overrides=overrides, name=name), resolution, constants, name)
