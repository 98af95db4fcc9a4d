"""A study has one network setting: that of its objectives, with what is asked for, and contradictions are named."""

from __future__ import annotations

from pathlib import Path

import pytest

from archllm.errors import InvalidInput
from archllm.objectives import load_objective
from archllm.objectives.candidate import CandidateTraining
from archllm.objectives.proxies import ProxyObjective
from archllm.objectives.shared_network import on_one_network
from archllm.objectives.train import TrainObjective
from archllm.spaces import load_space


def shared(space, *specs, **options):
    objectives = [load_objective(spec, space) if isinstance(spec, str) else spec for spec in specs]
    return on_one_network(objectives, space, options)


def test_sizes_are_those_of_the_networks_that_are_trained(nasbench201):
    short = TrainObjective(nasbench201, "digits", CandidateTraining(epochs=1, most_images=60))
    (size, trained), setting = shared(nasbench201, "params", short, channels=4)
    assert (setting.channels, setting.num_classes, setting.in_channels, setting.image_size) == (4, 10, 1, 8)
    assert size.network_setting == trained.network_setting == setting
    arch = nasbench201.parse("7")
    assert size.evaluate(arch).value == nasbench201.networks.params(arch.graph, setting)[0]
    assert trained.train(arch)[1].metrics["params"] == size.evaluate(arch).value


def test_without_a_network_of_its_own_a_study_is_about_the_papers_or_what_is_asked_for(nasbench201):
    (size,), setting = shared(nasbench201, "macs")
    assert setting == nasbench201.networks.setting() == size.network_setting
    _, setting = shared(nasbench201, "params", lambda_objective(nasbench201), cells=2)
    assert setting == nasbench201.networks.setting(cells=2)


def lambda_objective(space):
    from archllm.objectives import as_objective

    return as_objective(lambda arch: 1.0, space)


def test_a_proxy_has_a_small_network_unless_another_is_there(nasbench201):
    (proxy, size), setting = shared(nasbench201, "proxy:params", "params")
    assert setting == nasbench201.networks.setting(**nasbench201.networks.small)
    assert proxy.evaluate(nasbench201.parse("3")).value == size.evaluate(nasbench201.parse("3")).value
    for specs in (("proxy:params", "train:digits"), ("train:digits", "proxy:params")):
        found, setting = shared(nasbench201, *specs)
        assert setting.image_size == 8 and {each.network_setting for each in found} == {setting}


def test_tables_of_a_benchmark_are_of_its_networks(nasbench201, monkeypatch, tmp_path):
    monkeypatch.setenv("ARCHLLM_DATA", str(tmp_path))
    columns = ",".join(f"{name}.valid@200" for name in ("cifar10", "cifar100", "imagenet16"))
    Path(tmp_path, "nasbench201.csv").write_text(f"arch,{columns}\n1,90,70,40\n2,91,71,41\n")
    (_, size), setting = shared(nasbench201, "table:nasbench201/cifar100", "params")
    assert (setting.channels, setting.cells, setting.num_classes) == (16, 5, 100)
    assert size.network_setting == setting
    assert load_objective("table:nasbench201/imagenet16", nasbench201).network_setting.image_size == 16
    with pytest.raises(InvalidInput, match=r"cifar10 scores networks with channels = 16, asked for 8"):
        shared(nasbench201, "table:nasbench201/cifar10", channels=8)
    with pytest.raises(InvalidInput, match=r"num_classes = 100, asked for 10, which is the network of table:.*cifar10"):
        shared(nasbench201, "table:nasbench201/cifar10", "table:nasbench201/cifar100")


def test_nothing_is_known_of_the_networks_of_other_tables(nasbench201, tmp_path):
    Path(tmp_path, "t.csv").write_text("arch,score\n1,2\n2,3\n")
    found, setting = shared(nasbench201, f"table:{tmp_path}/t.csv/score", channels=8)
    assert found[0].network_setting is None and setting.channels == 8


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"image_size": 16}, "train:digits scores networks with image_size = 8, asked for 16"),
        ({"num_classes": 3}, "num_classes = 10, asked for 3"),
        ({"chanels": 3}, "did you mean 'channels'"),
        ({"channels": "many"}, "channels must be a whole number"),
    ],
)
def test_what_contradicts_the_images_or_is_no_option_is_named(nasbench201, options, told):
    with pytest.raises(InvalidInput, match=told):
        shared(nasbench201, "train:digits", **options)


def test_two_trainings_of_different_networks_contradict_each_other(nasbench201):
    one = TrainObjective(nasbench201, "digits", CandidateTraining(network={"channels": 4}))
    other = TrainObjective(nasbench201, "digits", CandidateTraining(network={"channels": 6}))
    with pytest.raises(InvalidInput, match="channels = 6, asked for 4, which is the network of train:digits"):
        shared(nasbench201, one, other)
    with pytest.raises(InvalidInput, match="channels = 4, asked for 5"):
        shared(nasbench201, one, channels=5)
    assert shared(nasbench201, one, channels=4, cells=2)[1].cells == 2


def test_images_are_read_once_for_another_network(nasbench201):
    first = TrainObjective(nasbench201, "digits")
    other = first.with_network({"channels": 4})
    assert other.images is first.images and other.split is first.split
    assert first.with_network({"channels": 8}) is first and first.network_setting.channels == 8


def test_a_space_without_networks_has_no_setting(tmp_path):
    Path(tmp_path, "bare.toml").write_text('kind = "choices"\n[slots]\ndepth = [1, 2, 3]\n')
    space = load_space(tmp_path / "bare.toml")
    assert on_one_network([lambda_objective(space)], space, {})[1] is None
    with pytest.raises(InvalidInput, match="no network"):
        on_one_network([lambda_objective(space)], space, {"channels": 3})


def test_a_proxy_takes_the_fields_that_are_asked_for(nasbench201):
    proxy = ProxyObjective(nasbench201, "params").with_network({"channels": 4})
    small = dict(nasbench201.networks.small)
    assert proxy.network_setting == nasbench201.networks.setting(**small | {"channels": 4})
