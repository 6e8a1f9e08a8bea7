"""What people see of a run: the run directory, its tables and fields, the HTML report, and the comparison of arms."""

from pulposus._lazy import attach

__getattr__, __dir__, __all__ = attach(
    __name__,
    {
        "RunRecord": "._record",
        "RunDirectory": ".run_directory",
        "EventLog": ".run_directory",
        "run_name": ".run_directory",
        "render_report": "._html",
        "write_report": "._html",
        "comparison_document": "._compare",
        "render_comparison": "._compare",
        "write_comparison": "._compare",
        "summary": "._tables",
        "write_summary": "._tables",
        "write_timeseries": "._tables",
        "prepare_mechanics_folder": "._mechanics_files",
        "prepare_nutrition_folder": "._nutrition_files",
        "write_mechanics": "._mechanics_files",
        "write_nutrition": "._nutrition_files",
        "write_netcdf": "._netcdf",
        "write_vtu": "._vtu",
        "write_time_series": "._vtu",
    },
)
