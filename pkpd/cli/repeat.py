"""--uncertainty and --replicates: the cohorts that a study is repeated with, and what is written of the runs."""

from dataclasses import dataclass

from pkpd.cli import console
from pkpd.errors import PkpdError


@dataclass(frozen=True)
class Plan:
    """`runs` further cohorts, as an iterable; columns : name -> (runs,) what each run differs in."""

    key: str  # of the summary: "uncertainty" or "replicates"
    runs: int
    cohorts: object
    columns: dict

    def med(self, table, quiet, **given):
        """Runs of the MEDs of a MedTable; given : numerics and changes of the benefit."""
        from pkpd.response import uncertainty as repeated_studies
        from pkpd.response.med import med

        names, own = repeated_studies.med_statistics(table)
        found = self.run(
            lambda cohort: repeated_studies.med_statistics(med(table.model, cohort, **given))[1],
            table.cohort,
            quiet,
        )
        return Runs(
            self, names, self.joined(names, own, found, [name != "with_med" for name in names])
        )

    def joined(self, names, own, found, logarithmic=()):
        """Repeated of the statistics of the study (J,) and of its runs (R, J)."""
        from pkpd.response import uncertainty as repeated_studies

        return (
            repeated_studies.under_sets(names, own, found)
            if self.key == "uncertainty"
            else repeated_studies.over_scramblings(names, own, found, logarithmic)
        )

    def run(self, study, people, quiet):
        """[study(cohort)] with a progress bar over all patients of all runs."""
        found = []
        with console.progress(self.runs * len(people), quiet) as advance:
            for cohort in self.cohorts:
                found.append(study(cohort))
                if advance is not None:
                    advance(len(found) * len(people))
        return found


@dataclass(frozen=True)
class Runs:
    """The repeated statistics (names) of a MedTable."""

    plan: Plan
    names: tuple
    repeated: object

    def summary(self):
        from pkpd.response import uncertainty as repeated_studies

        return {self.plan.key: repeated_studies.med_summary(self.repeated)}

    def write(self, folder, table, origin):
        """Write one row a run; the file."""
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
            "--uncertainty and --replicates answer two questions, how uncertain and how exact; ask one at a time."
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

    found = parameter_sets(model, uncertainty, sets, seed)
    columns = {"set": list(range(1, len(found) + 1))} | dict(
        zip(found.names, found.values.T, strict=True)
    )
    return Plan("uncertainty", len(found), found.cohorts(people), columns)
