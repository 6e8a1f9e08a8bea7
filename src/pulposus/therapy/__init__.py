"""Cell therapy of the disc: the protocol, the cell product, its delivery and the arms it is compared with.

A protocol (YAML) and a disc give a `Treatment`, the numbers that the simulation needs; `place` puts the cells into the mesh.
"""

from pulposus._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Expansion": "._product",
        "Injection": "._injection",
        "Observed": "._safety_signal",
        "Placement": "._placement",
        "Protocol": "._protocol",
        "SafeDose": "._safe_dose",
        "SafetySignal": "._safety_signal",
        "Supplement": "._supplement",
        "Treatment": "._treatment",
        "largest_safe_dose": "._safe_dose",
        "list_protocols": "._protocol_files",
        "load_protocol": "._protocol_files",
        "place": "._placement",
        "place_on_axis": "._placement",
        "protocol_schema": "._protocol_files",
        "protocol_text": "._protocol_files",
        "resolve_treatment": "._resolve",
        "safety_signals": "._safety",
        "sphere_radius": "._bolus",
        "split_arm": "._protocol_files",
    },
)
