"""Result: what a study holds at the end of a search, or so far; as objects, arrays, a data frame or a file."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from archllm.errors import MissingExtra
from archllm.objectives.evaluation import LowerFidelity, recorded_cost, signs, turned, without_cost
from archllm.searchers.pareto import non_dominated
from archllm.study.export import trial_rows, write_rows
from archllm.study.store import Store, Study, Trial

if TYPE_CHECKING:
    import pandas as pd

_SHOWN = 10  # trials that a notebook shows


@dataclass(frozen=True, repr=False)
class Result:
    """A study and its trials.

    Example:
        >>> from archllm.objectives.evaluation import Evaluation
        >>> study = Study("mine", "nasbench201", ("params",), ("minimise",), "random", 0)
        >>> trials = (
        ...     Trial(0, "a", 11, "complete", Evaluation(5.0), place=1),
        ...     Trial(1, "b", 12, "failed", Evaluation(None, failure="too large"), place=2),
        ... )
        >>> found = Result.of(study, trials)
        >>> found
        <Result of study 'mine': random on nasbench201, 2 evaluations (1 failed), best params 5>
        >>> found.values.tolist(), found.best.text
        ([[5.0], [nan]], 'a')
    """

    study: Study
    """What was searched for, and how."""

    trials: tuple[Trial, ...]
    """All its trials, by number; those of an unfinished search may be waiting or running."""

    best: Trial | None
    """The best complete trial; with several objectives, of the front the best one by the first; `None` without any."""

    front: tuple[Trial, ...]
    """Complete trials that no other dominates, by number."""

    seconds: float = 0.0
    """Wall-clock time of the call that made this."""

    store: str = "memory"
    """Where it is kept, without passwords."""

    @classmethod
    def of(cls, study: Study, trials: tuple[Trial, ...], seconds: float = 0.0) -> Result:
        """The result of a study with these trials.

        Args:
            study: the study.
            trials: all its trials, by number.
            seconds: time that was spent on it.
        """
        complete = [trial for trial in trials if trial.values is not None]
        if not complete:
            return cls(study, trials, None, (), seconds)
        values = np.array([trial.values for trial in complete], dtype=np.float64) * signs(study.directions)
        front = [(tuple(values[row]), complete[row]) for row in np.flatnonzero(non_dominated(values))]
        best = max(front, key=lambda each: (each[0], -each[1].number))
        return cls(study, trials, best[1], tuple(trial for _, trial in front), seconds)

    @property
    def values(self) -> NDArray[np.float64]:
        """`n x m` values of the `n` trials, as the objectives count them; NaN where there are none."""
        nothing = (np.nan,) * len(self.study.objectives)
        rows = [nothing if trial.values is None else trial.values for trial in self.trials]
        return np.array(rows, dtype=np.float64).reshape(-1, len(self.study.objectives))

    @property
    def costs(self) -> NDArray[np.float64]:
        """`n` costs of the trials in seconds, lower-fidelity evaluations on the way to each included."""
        return np.array([trial.evaluation.total_cost for trial in self.trials], dtype=np.float64)

    @property
    def lower_fidelity(self) -> tuple[LowerFidelity, ...]:
        """All lower-fidelity evaluations that the method made besides."""
        return tuple(each for trial in self.trials for each in trial.evaluation.lower_fidelity)

    @property
    def queries(self) -> int:
        """Different architectures that were evaluated, those whose evaluation failed included."""
        return sum(trial.place is not None for trial in self.trials)

    @property
    def reused(self) -> int:
        """Evaluations that were taken from other studies of the store instead of made again."""
        return sum(trial.evaluation.reused_from is not None for trial in self.trials)

    @property
    def reused_cost(self) -> float:
        """Seconds that these cost in those studies; part of `costs`, though they were not spent again."""
        return sum(trial.evaluation.cost for trial in self.trials if trial.evaluation.reused_from is not None)

    @property
    def failed(self) -> int:
        """Evaluations that failed."""
        return sum(trial.state == "failed" for trial in self.trials)

    def to_json(self) -> dict[str, Any]:
        """The contract of `archllm search --json`; test metrics of the best alone."""
        study, best = self.study, self.best
        return {
            "space": study.space,
            "objective": ", ".join(study.objectives),
            "objectives": list(study.objectives),
            "directions": list(study.directions),
            "method": study.method,
            "seed": study.seed,
            "study": study.name,
            "store": self.store,
            "best": None if best is None else {**_described(best), "test": best.evaluation.test},
            "front": [_described(trial) for trial in self.front],
            "queries": self.queries,
            "seconds": self.seconds,
            "cost": sum(trial.evaluation.total_cost for trial in self.trials),
            "lower_fidelity_cost": recorded_cost(self.lower_fidelity),
            "reused": self.reused,
            "reused_cost": self.reused_cost,
            "network": study.network,
            "without_cost": list(without_cost(self.lower_fidelity)),
            "trials": [
                {
                    **_described(trial),
                    "cost": found.cost,
                    "state": trial.state,
                    "failure": found.failure,
                    "reused_from": found.reused_from,
                }
                for trial in self.trials
                for found in [trial.evaluation]
            ],
        }

    def to_dataframe(self) -> pd.DataFrame:
        """The trials as a data frame, one row each; columns as in `archllm.study.export.trial_rows`.

        Raises:
            MissingExtra: pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError as error:
            raise MissingExtra("a data frame of trials", "data") from error
        return pd.DataFrame(trial_rows(self.study, self.trials))

    def to_csv(self, path: str | Path) -> Path:
        """Writes the trials to a CSV file, one row each; see `archllm.study.export.write_rows`.

        Returns:
            The file.

        Raises:
            RunFolderError: it can't be written.
        """
        return write_rows(Path(path), trial_rows(self.study, self.trials), ending=".csv")

    def __repr__(self) -> str:
        study = self.study
        failed = f" ({self.failed} failed)" if self.failed else ""
        best = "none succeeded"
        if self.best is not None and self.best.values is not None:
            told = zip(study.objectives, self.best.values, strict=True)
            best = "best " + ", ".join(f"{spec} {value:.6g}" for spec, value in told)
        return (
            f"<Result of study {study.name!r}: {study.method} on {study.space}, {self.queries} evaluations{failed}, "
            f"{best}>"
        )

    def _repr_html_(self) -> str:
        """The best trials as a table, for notebooks."""
        own = self.study.objectives
        complete = [(turned(each.values, self.study.directions), each) for each in self.trials if each.values]
        best = [trial for _, trial in sorted(complete, key=lambda each: each[0], reverse=True)[:_SHOWN]]
        head = "".join(f"<th>{escape(name)}</th>" for name in ("trial", *own, "cost, s", "architecture"))
        rows = "".join(
            "<tr>"
            + "".join(
                f"<td>{escape(cell)}</td>"
                for cell in (
                    str(trial.number),
                    *(f"{value:.6g}" for value in trial.values or ()),
                    f"{trial.evaluation.total_cost:.6g}",
                    trial.text,
                )
            )
            + "</tr>"
            for trial in best
        )
        return f"<p>{escape(repr(self)[1:-1])}</p><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def result(store: Store, study: str, seconds: float = 0.0) -> Result:
    """What a study holds.

    Args:
        store: the store.
        study: name of the study.
        seconds: time that was spent on it.

    Raises:
        StoreError: there is no such study, or the store can't be read.
    """
    return Result.of(store.study(study), tuple(store.trials(study)), seconds)


def _described(trial: Trial) -> dict[str, Any]:
    values = trial.values
    return {
        "text": trial.text,
        "value": None if values is None else values[0],
        "values": None if values is None else list(values),
        "metrics": trial.evaluation.metrics,
    }
