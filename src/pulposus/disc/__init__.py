"""Discs: species and levels, closed-form shape, tissues, Pfirrmann grade, supply; from a built-in name or a disc.yaml."""

from pulposus._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "BuiltIn": "._library",
        "CentralColumn": "._disc",
        "Condition": "._disc",
        "Description": "._disc",
        "Disc": "._disc",
        "DiscDocument": "._document",
        "DiscMap": "._map",
        "Layout": "._layout",
        "Measures": "._measures",
        "Metabolism": "._disc",
        "Supply": "._disc",
        "Tissue": "._disc",
        "Value": "._disc",
        "canonical_level": "._library",
        "central_column": "._disc",
        "disc_schema": "._document",
        "effective_diffusivity": "._disc",
        "layout": "._layout",
        "list_discs": "._library",
        "load_disc": "._load",
        "measure": "._measures",
        "node_coordinates": "._mesh",
        "reduced_supply": "._disc",
        "stack_discs": "._disc",
    },
)
