"""The extruded hexahedral O-grid and its finite-element operators. Knows nothing of discs."""

from pulposus._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "Anisotropy": "._operators",
        "Topology": "._topology",
        "topology": "._topology",
        "reference_points": "._topology",
        "axial_positions": "._topology",
        "node_volumes": "._operators",
        "element_volumes": "._operators",
        "corner_volumes": "._operators",
        "jacobian_determinants": "._operators",
        "diffusion_stencil": "._operators",
        "apply_stencil": "._operators",
        "exchange_stencil": "._exchange",
        "face_areas": "._operators",
        "ring_normals": "._operators",
        "sum_to_nodes": "._operators",
        "integrate": "._integrals",
        "layer_volumes": "._integrals",
        "lateral_modes": "._modes",
        "block_lattice": "._block",
        "block_mesh": "._block",
        "Faces": "._quadratic",
        "QuadraticMesh": "._quadratic",
        "quadratic_mesh": "._quadratic",
        "point_topology": "._slab",
        "slab_stencil": "._slab",
        "slab_topology": "._slab",
        "slab_volumes": "._slab",
    },
)
