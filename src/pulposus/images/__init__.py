"""Real discs: segmentation masks and finite-element meshes become discs on the standard mesh, with a quality verdict."""

from pulposus._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "REASONS": "._gates",
        "SCHEMES": "._schemes",
        "Frame": "._frame",
        "ImportedDisc": "._imported",
        "Measurements": "._quality",
        "Refusal": "._gates",
        "Scheme": "._schemes",
        "Solid": "._distance",
        "Volume": "._volume",
        "import_disc": "._import",
        "import_mesh": "._mesh_import",
        "is_mesh": "._finite_elements",
        "map_volume": "._fit",
        "read_volume": "._readers",
        "save_fit_picture": "._picture",
        "solid_of": "._distance",
    },
)
