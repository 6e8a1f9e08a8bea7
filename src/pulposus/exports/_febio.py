r"""The mesh as a FEBio model (`.feb`, format 4.0): a part and a material per tissue, named surfaces, element data.

Each tissue is a solid mixture of a neo-Hookean ground matrix and FEBio's Donnan equilibrium, whose pressure is that of
mechanics_imaging 2.1,

.. math:: \pi = \Phi R T (\sqrt{c^2 + c_b^2} - c_b), \qquad c = c_0 \varphi_w / (J - 1 + \varphi_w) .

FEBio takes E and nu; with the small-strain moduli of the mechanics room, E = 9 K mu / (3 K + mu) and nu = (3 K - 2 mu) / (6 K + 2 mu).
The constants hold for the disc as it was imaged (rulings 10), so J = 1 is the loaded disc; FEBio's own neo-Hookean stiffens less than the
matrix of the mechanics room when it is squeezed, and the fibres of the annulus are left to the user. Units: mm, N, s, MPa, nmol, K.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from pulposus.exports._mesh import TISSUES, VolumeMesh
from pulposus.report._atomic import write_bytes

if TYPE_CHECKING:
    from pulposus.parameters import ParameterSet

# 1 mEq/mL is 1 mol/L, which is 1000 nmol/mm3; 1 J is 1e3 N mm and 1 mol is 1e9 nmol.
_NMOL_PER_MM3 = 1e3
_NEWTON_MM_PER_NMOL = 1e-6


@dataclass(frozen=True)
class TissueConstants:
    """What FEBio needs of a tissue.

    Attributes:
        shear_modulus, bulk_modulus: Of the ground matrix at small strain [MPa].
        water_fraction: Water by volume.
        fixed_charge: Fixed charge density [mEq/mL of water].
        osmotic_coefficient: Phi.
    """

    shear_modulus: float
    bulk_modulus: float
    water_fraction: float
    fixed_charge: float
    osmotic_coefficient: float

    @property
    def young_modulus(self) -> float:
        """E [MPa]."""
        return 9.0 * self.bulk_modulus * self.shear_modulus / (3.0 * self.bulk_modulus + self.shear_modulus)

    @property
    def poisson_ratio(self) -> float:
        """Poisson's ratio."""
        mu, bulk = self.shear_modulus, self.bulk_modulus
        return (3.0 * bulk - 2.0 * mu) / (6.0 * bulk + 2.0 * mu)


def constants_of_grade(parameters: ParameterSet, grade: int) -> list[TissueConstants]:
    """Constants of nucleus, annulus and cartilage endplate of a Pfirrmann grade.

    Raises:
        InvalidInput: There is no such grade.
    """
    from pulposus.mechanics._material import material_keys

    found = []
    for tissue, _ in TISSUES:
        value = {name: parameters.value(key) for name, key in material_keys(tissue, grade).items()}
        found.append(
            TissueConstants(
                shear_modulus=value["shear modulus"],
                bulk_modulus=value["bulk modulus"],
                water_fraction=value["water fraction"],
                fixed_charge=value["fixed charge"],
                osmotic_coefficient=value["osmotic coefficient"],
            )
        )
    return found


def _add(
    parent: ElementTree.Element, tag: str, text: str | float | None = None, **attributes: str
) -> ElementTree.Element:
    child = ElementTree.SubElement(parent, tag, attributes)
    if text is not None:
        child.text = text if isinstance(text, str) else repr(float(text))
    return child


def _add_material(
    parent: ElementTree.Element, number: int, name: str, tissue: TissueConstants, parameters: ParameterSet
) -> None:
    mixture = _add(parent, "material", id=str(number), name=name, type="solid mixture")
    matrix = _add(mixture, "solid", type="neo-Hookean")
    _add(matrix, "density", 1.0)
    _add(matrix, "E", tissue.young_modulus)
    _add(matrix, "v", tissue.poisson_ratio)
    swelling = _add(mixture, "solid", type="Donnan equilibrium")
    _add(swelling, "phiw0", tissue.water_fraction)
    _add(swelling, "cF0", tissue.fixed_charge * _NMOL_PER_MM3)
    _add(swelling, "bosm", 2.0 * parameters.value("matrix.external_salt") * _NMOL_PER_MM3)
    _add(swelling, "Phi", tissue.osmotic_coefficient)


def _add_mesh(root: ElementTree.Element, mesh: VolumeMesh, parts: Sequence[int]) -> None:
    section = _add(root, "Mesh")
    nodes = _add(section, "Nodes", name="disc")
    for number, point in enumerate(mesh.points.tolist(), start=1):
        _add(nodes, "node", ",".join(repr(part) for part in point), id=str(number))
    for code in parts:
        elements = _add(section, "Elements", type="hex8", name=TISSUES[code][0])
        for element in np.nonzero(mesh.tissue == code)[0].tolist():
            _add(elements, "elem", ",".join(str(node + 1) for node in mesh.hexahedra[element]), id=str(element + 1))
    for name, surface in mesh.surfaces.items():
        faces = _add(section, "Surface", name=name)
        for number, face in enumerate(surface.nodes.tolist(), start=1):
            _add(faces, "quad4", ",".join(str(node + 1) for node in face), id=str(number))
    for name in mesh.surfaces:
        _add(section, "NodeSet", ",".join(str(node + 1) for node in mesh.surface_nodes(name)), name=f"{name}_nodes")


def write_febio(
    path: Path,
    mesh: VolumeMesh,
    tissues: Sequence[TissueConstants],
    parameters: ParameterSet,
    title: str,
    element_data: Mapping[str, Float[NDArray, "elements"]] | None = None,
) -> Path:
    """Write a model that FEBio Studio opens: mesh, parts, surfaces, materials; loads and steps are the user's.

    Args:
        path: The `.feb` file.
        mesh: Mesh of the disc.
        tissues: Constants of nucleus, annulus and cartilage endplate.
        parameters: Gas constant, temperature and bath.
        title: One line for the head of the file.
        element_data: Values by element, written as scalar maps of every part under `<name>_<part>`.

    Raises:
        InvalidInput: The folder cannot be written.
    """
    parts = [code for code in range(len(TISSUES)) if bool((mesh.tissue == code).any())]
    root = ElementTree.Element("febio_spec", version="4.0")
    # A comment of XML may not hold two hyphens in a row.
    root.append(ElementTree.Comment(f" {title} ".replace("--", "- -")))
    root.append(
        ElementTree.Comment(
            " Simulated by pulposus. Research use only, not medical advice. Units: mm, N, s, MPa, nmol, K; x right, y anterior, "
            "z cranial. The constants hold for the disc as imaged; fibres of the annulus, loads and steps are not in this file. "
        )
    )
    _add(root, "Module", type="solid")
    constants = _add(_add(root, "Globals"), "Constants")
    _add(constants, "T", parameters.value("mechanics.body_temperature"))
    _add(constants, "R", parameters.value("mechanics.gas_constant") * _NEWTON_MM_PER_NMOL)
    _add(constants, "Fc", 0.0)
    materials = _add(root, "Material")
    for number, code in enumerate(parts, start=1):
        _add_material(materials, number, TISSUES[code][0], tissues[code], parameters)
    _add_mesh(root, mesh, parts)
    domains = _add(root, "MeshDomains")
    for code in parts:
        _add(domains, "SolidDomain", name=TISSUES[code][0], mat=TISSUES[code][0])
    if element_data:
        section = _add(root, "MeshData")
        for name, values in element_data.items():
            for code in parts:
                part = TISSUES[code][0]
                table = _add(section, "ElementData", name=f"{name}_{part}", elem_set=part, data_type="scalar")
                for number, value in enumerate(values[mesh.tissue == code].tolist(), start=1):
                    _add(table, "e", repr(value), lid=str(number))
    ElementTree.indent(root)
    return write_bytes(path, b'<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root) + b"\n")
