"""All that a search could choose from, where the scores are known without evaluating anything."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from archllm.conditional.requirements import Range
from archllm.errors import ArchLLMError
from archllm.graphs import Graphs
from archllm.objectives import Objective, load_objective
from archllm.objectives.complexity import Complexity
from archllm.objectives.evaluation import signs
from archllm.objectives.identity import without_direction
from archllm.objectives.latency.specs import is_latency
from archllm.objectives.shared_network import on_one_network
from archllm.objectives.table import TableObjective
from archllm.reporting.searching import Population
from archllm.searchers.domain import Domain
from archllm.spaces import SearchSpace
from archllm.study.store import Study
from archllm.workflows.search import constraint, pool_of


def looked_up(spec: str) -> bool:
    """Whether the scores of an objective are known without evaluating: those of tables, and sizes."""
    bare = without_direction(spec)
    return bare.startswith("table:") or bare in ("params", "macs")


def population_of(study: Study, space: SearchSpace) -> Population | None:
    """The scores of every architecture that a study could choose from; `None` where they have to be measured.

    Raises:
        DataMissing: a table is not there.
        DataError: a table can't be used.
    """
    if not all(map(looked_up, study.objectives)):
        return None
    network = study.network_setting(space)
    objectives, _ = on_one_network(
        [load_objective(spec, space) for spec in study.objectives], space, {} if network is None else vars(network)
    )
    wanted = study.settings.get("where", {})
    ranges = {
        name: Range(name, -math.inf if low is None else low, math.inf if high is None else high)
        for name, (low, high) in wanted.items()
    }
    return population(Domain(space, pool_of(objectives), constraint(space, ranges, network)), objectives)


def known_population(study: Study, space: SearchSpace) -> tuple[Population | None, str]:
    """What the search could choose from; where that is not known, why."""
    asked = {*map(without_direction, study.objectives), *study.settings.get("where", {})}
    sized = bool({"params", "macs"} & asked) or any(map(is_latency, asked))
    networks = space.networks
    if (
        sized
        and networks is not None
        and (networks.settings_import or networks.counts_import(study.network_setting(space)))
    ):
        modules = ", ".join(networks.imports())
        return None, f"to count networks would take importing {modules}, which a report does not"
    try:
        found = population_of(study, space)
    except ArchLLMError as error:
        return None, f"its table can't be read here ({error})"
    return (
        found,
        "" if found else "the store holds no random search for the same objectives, and not all scores are known",
    )


def population(domain: Domain, objectives: list[Objective]) -> Population | None:
    """The scores of every member of a domain, where the domain can be listed and all objectives are looked up."""
    if not domain.enumerable:
        return None
    members = domain.enumerate()
    columns = [_scores(objective, members) for objective in objectives]
    if any(column is None for column in columns):
        return None
    values = np.stack([column for column in columns if column is not None], 1)
    values = values * signs(objective.direction for objective in objectives)
    tables = [objective for objective in objectives if isinstance(objective, TableObjective)]
    where = "all that the table holds" if tables else "all that the space holds"
    if len(members) < domain.space.size and not tables:
        where = "all that meet the requirements"
    return Population(values, where)


def _scores(objective: Objective, members: Graphs) -> NDArray[np.float64] | None:
    """`n` scores, in the objective's own unit."""
    if isinstance(objective, Complexity):
        return objective.counts(members).astype(np.float64)
    if not isinstance(objective, TableObjective):
        return None
    keys = objective.space.keys(objective.architectures())
    order = np.argsort(keys)
    at = np.searchsorted(keys[order], objective.space.keys(members))
    found: NDArray[np.float64] = objective.values[order][at]  # every member is in the table: it is the pool
    return found
