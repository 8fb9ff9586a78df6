"""What every result can do: become a table, a summary, a figure, files in a folder, and a page.

Knows the names of these things; knows nothing of what is in them. Figures and pages are made by
rooms above this one, which is why they are asked for by their public names.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pkpd.display import Displayed
from pkpd.errors import ResultError
from pkpd.result.folder import ResultFolder
from pkpd.result.tables import TABLES, arrow_table, write_figure
from pkpd.symbolic.model import Model

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Sheet:
    """A tidy table: columns by name (a dict of (rows,) arrays or a DataFrame), and their units.

    keys : columns that name a row together, such as ID and TIME; () where nothing does
    """

    columns: Any
    units: Mapping[str, str] = field(default_factory=dict)
    keys: tuple[str, ...] = ()


def _of_one_kind(frame: "pd.DataFrame") -> "pd.DataFrame":
    """The DataFrame with texts in the columns that hold texts and numbers, as Arrow needs them."""
    from pandas.api.types import infer_dtype

    mixed = [name for name in frame if infer_dtype(frame[name]).startswith("mixed")]
    return frame.astype(dict.fromkeys(mixed, str))


class Computed(Displayed):
    """A result of pkpd.

    NAME : of its figures in a folder; SUMMARY : of its summary there
    """

    NAME: ClassVar[str]
    SUMMARY: ClassVar[str] = "summary"

    def sheets(self) -> dict[str, Sheet]:
        """Its tables by the names of their files, the main one first."""
        raise NotImplementedError

    def summary(self, command: str | None = None) -> dict[str, Any]:
        """The result in a few numbers, as plain data. command : for its provenance"""
        raise NotImplementedError

    def frame(self) -> "pd.DataFrame":
        """The main table as a DataFrame; frame.attrs["units"] : column -> unit."""
        import pandas as pd

        sheet = next(iter(self.sheets().values()))
        frame = pd.DataFrame(sheet.columns)
        names = [str(name) for name in frame]
        frame.attrs["units"] = {name: sheet.units[name] for name in names if name in sheet.units}
        return frame

    def to_xarray(self) -> "xr.Dataset":
        """The main table as an xarray Dataset: its keys are the dimensions, else `row`.

        Units stand in the attributes of its variables. Raises ResultError where xarray is missing.
        """
        try:
            import xarray as xr
        except ImportError as missing:
            raise ResultError("to_xarray needs xarray: pip install 'pkpd[xarray]'") from missing
        frame = self.frame()
        sheet = next(iter(self.sheets().values()), None)
        keys = [] if sheet is None else list(sheet.keys)
        frame = frame.set_index(keys) if keys else frame.rename_axis("row")
        found = xr.Dataset.from_dataframe(frame)
        for name, unit in frame.attrs.get("units", {}).items():
            found[name].attrs["units"] = unit
        return found

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        """The main table for whatever reads Arrow, such as polars.DataFrame(result).

        Columns of numbers are not copied.
        """
        sheet = next(iter(self.sheets().values()), None)
        if sheet is None:
            table = arrow_table(_of_one_kind(self.frame()), {}, {})
        else:
            table = arrow_table(sheet.columns, sheet.units, {})
        return table.__arrow_c_stream__(requested_schema)

    def plot(self, **options: Any) -> "Figure":
        """The matplotlib Figure of pkpd.plot, which takes the same options."""
        import pkpd

        return pkpd.plot(self, **options)

    def figures(self, **options: Any) -> dict[str, Any]:
        """All its figures, by the endings of their names. options : of pkpd.plot"""
        import pkpd

        return pkpd.figures(self, **options)

    def kept_model(self) -> Model | None:
        """The model whose texts stand beside the result in a folder, or None."""
        return getattr(self, "model", None)

    def write(
        self, folder: str | Path, *, figure: str | None = None, command: str | None = None
    ) -> list[Path]:
        """Write tables, summary and model to a folder, each file whole or not at all.

        figure : also draw figures, "png", "svg" or "pdf"; command : for the provenance
        Returns the files written. Raises ResultError.
        """
        if Path(folder).suffix in (*TABLES, ".json"):
            raise ResultError(f"'{folder}': this result has several files; give a folder for them.")
        return ResultFolder(folder).write(self, self.summary(command), figure)

    def _with_figure(self, path: Path, figure: str | None) -> list[Path]:
        """A file that stands alone, and its figure beside it, which this draws where asked for."""
        if figure is None:
            return [path]
        drawing = path.with_suffix(f".{figure}")
        write_figure(self.plot(), drawing)
        return [path, drawing]

    def report(self, folder: str | Path, *, command: str | None = None) -> Path:
        """Write the result and one self-contained page on it to a folder; the page's path.

        command : for the provenance. Raises ResultError.
        """
        import pkpd

        self.write(folder, command=command)
        return pkpd.write_page(folder, result=self, command=command)
