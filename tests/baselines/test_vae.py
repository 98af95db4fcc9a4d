"""The VAE baseline, on a space of 27 cells that it learns in a second."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from archllm.baselines import GraphVAE, VAEConfig, recommended_vae
from archllm.errors import InvalidInput, RunFolderError
from archllm.graphs import Graphs, equal
from archllm.spaces import load_space
from archllm.spaces.definition import EdgeDagDefinition, NodeDagDefinition
from archllm.spaces.registry import space_of
from archllm.training.progress import Event

SPACE = space_of(EdgeDagDefinition(name="tiny", ops=("a", "b", "c"), nodes=3))
CELLS = SPACE.enumerate()
PER_GRAPH = VAEConfig(
    latent="graph", latent_width=8, width=16, layers=1, beta=0.1, steps=250, batch=27, learning_rate=1e-2
)
PER_NODE = replace(PER_GRAPH, latent="node", latent_width=4)
CONFIGS = {"graph": PER_GRAPH, "node": PER_NODE}


@pytest.fixture(scope="module", params=CONFIGS)
def vae(request: pytest.FixtureRequest) -> GraphVAE:
    return GraphVAE(SPACE, CONFIGS[request.param]).fit(CELLS, seed=0)


def seed(number: int) -> torch.Generator:
    return torch.Generator().manual_seed(number)


def test_a_sample_has_one_graph_per_draw_on_the_nodes_of_the_space(vae: GraphVAE) -> None:
    graphs = vae.sample(5000, generator=seed(0))
    assert graphs.ops.shape == (5000, 5)
    assert graphs.adjacency.shape == (5000, 5, 5)


def test_a_trained_vae_draws_many_different_members(vae: GraphVAE) -> None:
    graphs = vae.sample(500, generator=seed(0))
    valid = SPACE.validate(graphs)
    assert valid.mean() > 0.5
    assert len(np.unique(SPACE.keys(graphs[valid]))) > 20


def test_one_seed_draws_the_same_graphs_and_another_seed_others(vae: GraphVAE) -> None:
    first, again, other = (vae.sample(50, generator=seed(s)) for s in (1, 1, 2))
    assert equal(first, again).all()
    assert not equal(first, other).all()


def test_training_twice_with_one_seed_gives_the_same_vae(vae: GraphVAE) -> None:
    torch.manual_seed(99)  # the global state must not matter
    config = replace(vae.config, steps=20)
    first = GraphVAE(SPACE, config).fit(CELLS, seed=0)
    torch.manual_seed(7)
    again = GraphVAE(SPACE, config).fit(CELLS, seed=0)
    assert np.array_equal(first.embed(CELLS), again.embed(CELLS))


def test_at_temperature_zero_every_draw_is_the_same_graph(vae: GraphVAE) -> None:
    graphs = vae.sample(9, temperature=0.0, generator=seed(0))
    assert equal(graphs, graphs[[0] * 9]).all()


def test_training_teaches_reconstruction(vae: GraphVAE) -> None:
    untrained = GraphVAE(SPACE, replace(vae.config, steps=1)).fit(CELLS, seed=0)
    assert untrained.reconstruction(CELLS) < 0.5
    assert vae.reconstruction(CELLS) > 0.9


def test_reconstruction_is_the_share_of_equal_graphs(vae: GraphVAE) -> None:
    assert vae.reconstruction(CELLS) == equal(vae.reconstruct(CELLS), CELLS).mean()


def test_reconstruction_does_not_depend_on_how_a_cell_is_written() -> None:
    space = space_of(NodeDagDefinition(name="small", ops=("a", "b"), max_vertices=5, max_edges=6))
    cells = space.enumerate()
    vae = GraphVAE(space, replace(PER_GRAPH, steps=20)).fit(cells, seed=0)
    other = space.permute(cells, np.random.default_rng(0))
    assert not equal(other, cells).all()
    assert np.array_equal(vae.embed(other), vae.embed(cells))
    assert vae.reconstruction(other) == vae.reconstruction(cells)


def test_the_embedding_is_the_posterior_mean(vae: GraphVAE) -> None:
    mean, deviation = vae.encode(CELLS)
    size = {"graph": 8, "node": 5 * 4}[vae.config.latent]
    assert mean.shape == deviation.shape == (27, size)
    assert (deviation > 0).all()
    assert np.array_equal(vae.embed(CELLS), mean)
    assert equal(vae.decode(mean), vae.reconstruct(CELLS)).all()


def test_the_bound_tightens_with_more_samples(vae: GraphVAE) -> None:
    bounds = [np.mean([vae.elbo_nats(CELLS, k, seed=s) for s in range(5)]) for k in (1, 8, 64)]
    assert bounds[0] > bounds[1] > bounds[2]


def test_the_bound_stays_above_the_entropy_of_a_uniform_space(vae: GraphVAE) -> None:
    assert vae.elbo_nats(CELLS, samples=1000) > SPACE.ideal_nats == math.log(27)


def test_the_bound_is_reproducible_and_the_seed_matters(vae: GraphVAE) -> None:
    assert vae.elbo_nats(CELLS, 4, seed=3) == vae.elbo_nats(CELLS, 4, seed=3)
    assert vae.elbo_nats(CELLS, 4, seed=3) != vae.elbo_nats(CELLS, 4, seed=4)


def test_a_loaded_vae_is_the_saved_one(vae: GraphVAE, tmp_path: Path) -> None:
    vae.save(tmp_path)
    loaded = GraphVAE.load(tmp_path, SPACE)
    assert loaded.config == vae.config
    assert loaded.parameters() == vae.parameters()
    assert equal(loaded.sample(200, generator=seed(5)), vae.sample(200, generator=seed(5))).all()
    assert loaded.elbo_nats(CELLS, 4) == vae.elbo_nats(CELLS, 4)


def test_an_interrupted_training_goes_on_to_the_same_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Interrupted(Exception):
        pass

    def interrupt(event: Event) -> None:
        if event.step == 11:
            raise Interrupted

    monkeypatch.setattr("archllm.training.loop.CHECKPOINT_SECONDS", -1.0)
    config = replace(PER_NODE, steps=20)
    whole = GraphVAE(SPACE, config).fit(CELLS, seed=0)
    with pytest.raises(Interrupted):
        GraphVAE(SPACE, config).fit(CELLS, seed=0, listener=interrupt, checkpoint=tmp_path / "vae")
    steps: list[int] = []
    resumed = GraphVAE(SPACE, config).fit(
        CELLS, seed=0, listener=lambda event: steps.append(event.step), checkpoint=tmp_path / "vae"
    )
    assert steps[0] > 1
    assert np.array_equal(resumed.embed(CELLS), whole.embed(CELLS))


@pytest.mark.parametrize("file", ["vae.json", "vae.safetensors"])
@pytest.mark.parametrize("damage", [None, b"", b"{}", b"\xff\xfe no file of ours"])
def test_a_missing_or_damaged_file_is_named(vae: GraphVAE, tmp_path: Path, file: str, damage: bytes | None) -> None:
    vae.save(tmp_path)
    if damage is None:
        (tmp_path / file).unlink()
    else:
        (tmp_path / file).write_bytes(damage)
    with pytest.raises(RunFolderError, match=file):
        GraphVAE.load(tmp_path, SPACE)


def test_weights_of_another_shape_are_refused(vae: GraphVAE, tmp_path: Path) -> None:
    vae.save(tmp_path)
    about = json.loads((tmp_path / "vae.json").read_text())
    about["config"]["width"] = 32
    (tmp_path / "vae.json").write_text(json.dumps(about))
    with pytest.raises(RunFolderError, match="does not fit"):
        GraphVAE.load(tmp_path, SPACE)


@pytest.mark.parametrize("content", ["[]", "null", '{"space": "tiny"}', '{"space": "tiny", "config": {"beta": "x"}}'])
def test_a_description_of_something_else_is_refused(vae: GraphVAE, tmp_path: Path, content: str) -> None:
    vae.save(tmp_path)
    (tmp_path / "vae.json").write_text(content)
    with pytest.raises(RunFolderError, match="not a description"):
        GraphVAE.load(tmp_path, SPACE)


def test_a_vae_of_another_space_is_refused(vae: GraphVAE, tmp_path: Path) -> None:
    vae.save(tmp_path)
    with pytest.raises(RunFolderError, match=r"'tiny'.*'nasbench201'"):
        GraphVAE.load(tmp_path, load_space("nasbench201"))


def test_an_untrained_vae_says_so() -> None:
    untrained = GraphVAE(SPACE, PER_NODE)
    for use in (
        lambda: untrained.sample(3, generator=seed(0)),
        lambda: untrained.reconstruction(CELLS),
        lambda: untrained.elbo_nats(CELLS, 1),
        untrained.parameters,
    ):
        with pytest.raises(InvalidInput, match="not trained"):
            use()


def test_wrong_counts_and_temperatures_are_refused(vae: GraphVAE) -> None:
    with pytest.raises(InvalidInput, match="n must be at least 1, got 0"):
        vae.sample(0, generator=seed(0))
    for temperature in (-1.0, math.nan, math.inf):
        with pytest.raises(InvalidInput, match="temperature"):
            vae.sample(3, temperature, generator=seed(0))
    with pytest.raises(InvalidInput, match="samples must be at least 1"):
        vae.elbo_nats(CELLS, samples=0)


def test_graphs_that_do_not_fit_the_space_are_refused(vae: GraphVAE) -> None:
    with pytest.raises(InvalidInput, match="at least one graph"):
        vae.reconstruction(CELLS[:0])
    with pytest.raises(InvalidInput, match="node positions"):
        vae.embed(load_space("nasbench201").enumerate()[:3])
    strange = Graphs(np.full((1, 5), 77), np.zeros((1, 5, 5), dtype=bool))
    with pytest.raises(InvalidInput, match="labels of tiny are -1"):
        vae.elbo_nats(strange, 1)
    with pytest.raises(InvalidInput, match="labels of tiny"):
        GraphVAE(SPACE, PER_NODE).fit(strange, seed=0)


def test_latent_vectors_of_another_shape_are_refused(vae: GraphVAE) -> None:
    with pytest.raises(InvalidInput, match="latent must be n x"):
        vae.decode(np.zeros((2, 3), dtype=np.float32))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("latent", "edge"),
        ("latent_width", 0),
        ("width", 0),
        ("width", 30),
        ("layers", 0),
        ("beta", -0.1),
        ("beta", math.nan),
        ("beta_warm_up", 1.5),
        ("free_bits", -1.0),
        ("steps", 0),
        ("batch", 0),
        ("learning_rate", 0.0),
        ("weight_decay", -1.0),
    ],
)
def test_settings_that_make_no_sense_are_refused_by_name(field: str, value: object) -> None:
    with pytest.raises(InvalidInput, match=f"vae.{field}"):
        replace(VAEConfig(), **{field: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["nasbench101", "nasbench201", "darts"])
def test_the_recommended_settings_suit_their_space(name: str) -> None:
    space = load_space(name)
    cells = space.sample(64, np.random.default_rng(0))
    vae = GraphVAE(space, replace(recommended_vae(space), steps=2)).fit(cells, seed=0)
    assert len(vae.sample(3, generator=seed(0))) == 3
