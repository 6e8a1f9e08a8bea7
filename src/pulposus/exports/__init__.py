"""Results in the formats of other programs: ParaView, 3D Slicer, FEBio, Abaqus, tables.

A run is read from its run directory, a disc from its object; lengths stay in mm, every other number in the unit that its name says.
"""

from pulposus._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "DISC_FORMATS": "._disc",
        "RUN_FORMATS": "._run",
        "RunExport": "._run",
        "StoredRun": "._stored",
        "VolumeMesh": "._mesh",
        "VoxelGrid": "._sampling",
        "VoxelMap": "._sampling",
        "export_disc": "._disc",
        "export_run": "._run",
        "locate": "._sampling",
        "open_run": "._stored",
        "volume_mesh": "._mesh",
        "write_abaqus": "._abaqus",
        "write_febio": "._febio",
        "write_nifti": "._nifti",
        "write_xdmf": "._xdmf",
    },
)
