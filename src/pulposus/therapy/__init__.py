"""Cell therapy of the disc: the protocol, the cell product, its delivery and the arms it is compared with.

A protocol (YAML) and a disc give a `Treatment`, the numbers that the simulation needs; `place` puts the cells into the mesh.
"""

from pulposus._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Expansion": "._product",
        "Injection": "._injection",
        "Placement": "._placement",
        "Protocol": "._protocol",
        "Treatment": "._treatment",
        "list_protocols": "._protocol",
        "load_protocol": "._protocol",
        "place": "._placement",
        "place_on_axis": "._placement",
        "protocol_schema": "._protocol",
        "protocol_text": "._protocol",
        "resolve_treatment": "._treatment",
        "sphere_radius": "._bolus",
    },
)
