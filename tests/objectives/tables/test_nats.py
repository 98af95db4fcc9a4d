from __future__ import annotations

import bz2
import csv
import gzip
import os
import pickle
import shutil

import pytest

from archllm.errors import DataError
from archllm.objectives.tables.nats import read_nats

from .results import COLUMNS, result, small

FOLDER = "NATS-tss-v1_0-3ffb9-simple"


def write(folder, index, entry):
    content = entry if isinstance(entry, bytes) else pickle.dumps(entry, 4)
    (folder / f"{index:06d}.pickle.pbz2").write_bytes(bz2.compress(content))


@pytest.fixture
def official(data_dir):
    if not (data_dir / FOLDER).is_dir():
        pytest.skip(f"there is no {FOLDER} in {data_dir}")
    return data_dir / FOLDER


def test_the_official_files_agree_with_the_published_table_of_means(official, data_dir, nasbench201):
    table = read_nats(official, nasbench201, {})
    assert table.keys.tolist() == [0, 11, 284]
    with gzip.open(data_dir / "nasbench201.csv.gz", "rt") as file:
        published = {int(row["index"]): row for row in csv.DictReader(file)}
    names = {
        "cifar10_valid": "cifar10.valid@200",
        "cifar10_valid_run_test": "cifar10.valid_run_test@200",
        "cifar10_test": "cifar10.test@200",
        "cifar100_valid": "cifar100.valid@200",
        "cifar100_test": "cifar100.test@200",
        "imagenet16_valid": "imagenet16.valid@200",
        "imagenet16_test": "imagenet16.test@200",
        "ep12_cifar10_valid": "cifar10.valid@12",
        "ep12_cifar10_test": "cifar10.test@12",
        "ep12_cifar100_valid": "cifar100.valid@12",
        "ep12_cifar100_test": "cifar100.test@12",
        "ep12_imagenet16_valid": "imagenet16.valid@12",
        "ep12_imagenet16_test": "imagenet16.test@12",
    }
    for row, index in enumerate([0, 11, 284]):
        for heading, name in names.items():
            assert table.columns[name][row] == pytest.approx(float(published[index][heading]), abs=1e-3), (index, name)


def test_the_official_files_agree_with_the_counts_of_the_space(official, nasbench201):
    table = read_nats(official, nasbench201, {})
    assert table.columns["params"].tolist() == nasbench201.networks.params(table.graphs).tolist()
    assert table.columns["macs"] == pytest.approx(nasbench201.networks.macs(table.graphs), abs=10)


def test_seconds_are_those_of_half_of_cifar10(official, nasbench201):
    table = read_nats(official, nasbench201, {})
    # Training on all images of CIFAR-10, as long as on those of CIFAR-100, takes twice as long.
    ratio = table.columns["cifar100.seconds@200"] / table.columns["cifar10.seconds@200"]
    assert ratio == pytest.approx([2.0, 2.0, 2.0], rel=0.01)
    assert table.columns["cifar10.seconds@200"] / table.columns["cifar10.seconds@12"] == pytest.approx(16.2, rel=0.03)


def test_the_table_says_over_how_many_seeds_it_averages(official, nasbench201):
    about = read_nats(official, nasbench201, {"source": "here"}).about
    assert about["source"] == "here"
    assert "cifar10.valid@12 2" in about["seeds"] and "cifar100.test@12 1" in about["seeds"]
    assert "half of the training images" in about["meaning"]


def test_each_column_is_the_mean_of_its_seeds(tmp_path, nasbench201):
    write(tmp_path, 5, {"3": small(5)})
    table = read_nats(tmp_path, nasbench201, {})
    assert table.keys.tolist() == [5]
    assert {name: values[0] for name, values in table.columns.items()} == COLUMNS


def test_an_architecture_without_a_training_has_no_score_there(tmp_path, nasbench201):
    write(tmp_path, 5, {"3": small(5)})
    less = small(9)
    del less["all_results"]["ImageNet16-120", 777]
    write(tmp_path, 9, {"3": less})
    table = read_nats(tmp_path, nasbench201, {})
    assert table.columns["imagenet16.valid@3"].tolist()[0] == 31.0
    assert str(table.columns["imagenet16.valid@3"].tolist()[1]) == "nan"


def test_the_progress_ends_with_all_files(tmp_path, nasbench201):
    for index in (1, 2, 3):
        write(tmp_path, index, {"3": small(index)})
    told = []
    read_nats(tmp_path, nasbench201, {}, lambda done, total: told.append((done, total)))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_truncated_file_is_named(official, tmp_path, nasbench201):
    shutil.copytree(official, tmp_path / "few")
    file = tmp_path / "few" / "000011.pickle.pbz2"
    file.chmod(0o644)
    file.write_bytes((official / file.name).read_bytes()[:-100])
    with pytest.raises(DataError, match=r"000011\.pickle\.pbz2 is truncated"):
        read_nats(tmp_path / "few", nasbench201, {})


def test_a_file_that_is_no_archive_is_damaged(tmp_path, nasbench201):
    (tmp_path / "000001.pickle.pbz2").write_bytes(b"hello, world")
    with pytest.raises(DataError, match=r"000001\.pickle\.pbz2 is damaged"):
        read_nats(tmp_path, nasbench201, {})


def test_a_pickle_that_runs_a_command_is_refused_and_nothing_is_executed(tmp_path, nasbench201):
    class Attack:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'owned'}",)

    write(tmp_path, 1, {"3": small(1), "200": Attack()})
    with pytest.raises(DataError, match=r"000001.*system.*nothing of it was executed"):
        read_nats(tmp_path, nasbench201, {})
    assert not (tmp_path / "owned").exists()


def test_a_folder_without_results_is_refused(tmp_path, nasbench201):
    (tmp_path / "meta.pickle.pbz2").write_bytes(b"")
    with pytest.raises(DataError, match=r"holds no files such as 000000\.pickle\.pbz2"):
        read_nats(tmp_path, nasbench201, {})


def test_a_score_that_is_not_finite_is_refused_with_its_column(tmp_path, nasbench201):
    entry = small(1)
    entry["all_results"]["cifar100", 777] = result("cifar100", 3, {"x-valid": float("nan"), "x-test": 1.0})
    write(tmp_path, 1, {"3": entry})
    with pytest.raises(DataError, match=r"000001\.pickle\.pbz2: cifar100\.valid@3 is nan"):
        read_nats(tmp_path, nasbench201, {})


def test_an_index_that_is_not_that_of_the_text_is_refused(tmp_path, nasbench201):
    write(tmp_path, 1, {"3": small(1) | {"arch_index": 2}})
    with pytest.raises(DataError, match="names architecture 2, and its text is that of 1"):
        read_nats(tmp_path, nasbench201, {})


@pytest.mark.parametrize("field", ["arch_str", "arch_index", "all_results"])
def test_a_missing_field_is_named(tmp_path, nasbench201, field):
    entry = small(1)
    del entry[field]
    write(tmp_path, 1, {"3": entry})
    with pytest.raises(DataError, match=rf"000001.*not as the benchmark writes it.*{field}"):
        read_nats(tmp_path, nasbench201, {})


@pytest.mark.parametrize("entry", [[], {}, {"3": None}, {"3": {"arch_str": 1, "arch_index": "x"}}])
def test_results_of_another_form_are_refused(tmp_path, nasbench201, entry):
    write(tmp_path, 1, entry)
    with pytest.raises(DataError, match="000001"):
        read_nats(tmp_path, nasbench201, {})


def test_two_files_with_different_scores_of_one_architecture_are_both_named(tmp_path, nasbench201):
    write(tmp_path, 1, {"3": small(1)})
    other = small(1)
    other["all_results"]["cifar10", 777] = result("cifar10", 3, {"ori-test": 91.0})
    write(tmp_path, 2, {"3": other})
    with pytest.raises(DataError, match=r"two scores.*000001.*cifar10\.test@3 = 90.*000002.* 91"):
        read_nats(tmp_path, nasbench201, {})
