"""--uncertainty and --replicates: cohorts to repeat a study with, and the table of the runs.

Knows cohorts and what a study returns; knows nothing of how intervals are computed.
"""

from dataclasses import dataclass

from pkpd.cli import console
from pkpd.errors import PkpdError


@dataclass(frozen=True)
class Plan:
    """`runs` further cohorts, an iterable; columns : name -> (runs,) in what the runs differ."""

    key: str  # of the summary: "uncertainty" or "replicates"
    runs: int
    cohorts: object
    columns: dict

    def med(self, table, quiet, **given):
        """Runs of the MEDs of a MedTable; given : numerics and changes of the benefit."""
        from pkpd.response import uncertainty as repeated_studies
        from pkpd.response.med import med

        def statistics(cohort):
            return repeated_studies.med_statistics(med(table.model, cohort, **given))[1]

        names, original = repeated_studies.med_statistics(table)
        runs = self.run(statistics, table.cohort, quiet)
        logarithmic = [name != "with_med" for name in names]
        return Runs(self, names, self.joined(names, original, runs, logarithmic))

    def joined(self, names, original, runs, logarithmic=()):
        """Repeated of the statistics of the study (J,) and of its runs (R, J)."""
        from pkpd.response import uncertainty as repeated_studies

        if self.key == "uncertainty":
            return repeated_studies.under_sets(names, original, runs)
        return repeated_studies.over_scramblings(names, original, runs, logarithmic)

    def run(self, study, people, quiet):
        """[study(cohort)] with a progress bar over all patients of all runs."""
        finished = []
        with console.progress(self.runs * len(people), quiet) as advance:
            for cohort in self.cohorts:
                finished.append(study(cohort))
                if advance is not None:
                    advance(len(finished) * len(people))
        return finished


@dataclass(frozen=True)
class Runs:
    """The repeated statistics (names) of a MedTable."""

    plan: Plan
    names: tuple
    repeated: object

    def summary(self):
        """The intervals as plain data for summary.json."""
        from pkpd.response import uncertainty as repeated_studies

        return {self.plan.key: repeated_studies.med_summary(self.repeated)}

    def write(self, folder, table, origin):
        """Write one row per run; the file."""
        from pkpd.report.words import results
        from pkpd.result import write_table

        path = folder / f"{self.plan.key}.parquet"
        columns = self.plan.columns | dict(zip(self.names, self.repeated.runs.T, strict=True))
        write_table(columns, path, results.run_units(table, self.names), origin)
        return path


def plan(model, people, seed, uncertainty, sets, replicates, draw):
    """The Plan that the options ask for, or None. draw(replicate) -> cohort. Raises PkpdError."""
    if uncertainty is None and replicates is None:
        if sets is not None:
            raise PkpdError("--sets is the number of sets of --uncertainty FILE; give the file.")
        return None
    if uncertainty is not None and replicates is not None:
        raise PkpdError(
            "--uncertainty and --replicates answer two questions, how uncertain and how exact; "
            "ask one at a time."
        )
    if people.typical and replicates is not None:
        raise PkpdError(
            "The typical patient has no sampling error; leave out --typical or --replicates."
        )
    if replicates is not None:
        return Plan(
            "replicates",
            replicates - 1,
            (draw(r) for r in range(1, replicates)),
            {"replicate": list(range(replicates))},
        )
    from pkpd.population.uncertainty import parameter_sets
    from pkpd.response.uncertainty import check_sets

    drawn = parameter_sets(model, uncertainty, sets, seed)
    check_sets(len(drawn))
    values = dict(zip(drawn.names, drawn.values.T, strict=True))
    columns = {"set": list(range(1, len(drawn) + 1))} | values
    return Plan("uncertainty", len(drawn), drawn.cohorts(people), columns)
