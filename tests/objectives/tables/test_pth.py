from __future__ import annotations

import os
import zipfile

import pytest
import torch

from archllm.errors import DataError
from archllm.objectives.tables.pth import read_pth

from .results import COLUMNS, small

ZIPPED = pytest.mark.parametrize("zipped", [True, False])


def save(path, content, zipped=True):
    """As torch saves today, and as it did when the benchmark was published."""
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return path


def benchmark(*indices):
    return {
        "meta_archs": ["|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"],
        "total_archs": 15_625,
        "arch2infos": {index: {"less": small(index), "full": small(index)} for index in indices},
        "evaluated_indexes": set(indices),
    }


@ZIPPED
def test_the_file_of_the_benchmark_is_read_as_torch_saved_it(tmp_path, nasbench201, zipped):
    path = save(tmp_path / "a.pth", benchmark(7, 3), zipped)
    table = read_pth(path, nasbench201, {"source": "a.pth"})
    assert sorted(table.keys.tolist()) == [3, 7]
    assert {name: values.tolist() for name, values in table.columns.items()} == {
        name: [value, value] for name, value in COLUMNS.items()
    }
    assert table.about["source"] == "a.pth" and "cifar10.valid@3 4" in table.about["seeds"]


@ZIPPED
def test_a_file_that_runs_a_command_is_refused_and_nothing_is_executed(tmp_path, nasbench201, zipped):
    class Attack:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'owned'}",)

    path = save(tmp_path / "a.pth", benchmark(1) | {"extra": Attack()}, zipped)
    with pytest.raises(DataError, match=r"a\.pth.*system.*nothing of it was executed"):
        read_pth(path, nasbench201, {})
    assert not (tmp_path / "owned").exists()


@ZIPPED
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_truncated_file_is_refused(tmp_path, nasbench201, zipped, share):
    content = save(tmp_path / "a.pth", benchmark(1, 2), zipped).read_bytes()
    path = tmp_path / "b.pth"
    path.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(DataError, match=r"b\.pth is damaged"):
        read_pth(path, nasbench201, {})


def test_a_changed_byte_is_found_by_the_checksum_of_the_archive(tmp_path, nasbench201):
    path = save(tmp_path / "a.pth", benchmark(1))
    content = path.read_bytes()
    at = content.index(b"net_state_dict")
    path.write_bytes(content[:at] + b"NET" + content[at + 3 :])
    with pytest.raises(DataError, match=r"a\.pth is damaged"):
        read_pth(path, nasbench201, {})


@pytest.mark.parametrize("content", [{}, {"arch2infos": None}, {"arch2infos": {}}, [1, 2], {"state": 5}])
def test_another_file_of_torch_is_refused(tmp_path, nasbench201, content):
    with pytest.raises(DataError, match="has no field arch2infos"):
        read_pth(save(tmp_path / "a.pth", content), nasbench201, {})


@pytest.mark.parametrize("content", [b"", b"hello", b"\x80\x04K\x05."])
def test_what_torch_did_not_save_is_refused(tmp_path, nasbench201, content):
    (tmp_path / "a.pth").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.pth"):
        read_pth(tmp_path / "a.pth", nasbench201, {})


def test_an_archive_of_something_else_is_refused(tmp_path, nasbench201):
    with zipfile.ZipFile(tmp_path / "a.pth", "w") as archive:
        archive.writestr("hello.txt", "hello")
    with pytest.raises(DataError, match=r"without one data\.pkl"):
        read_pth(tmp_path / "a.pth", nasbench201, {})


def test_weights_of_a_network_are_refused(tmp_path, nasbench201):
    path = save(tmp_path / "a.pth", torch.nn.Linear(2, 2).state_dict())
    with pytest.raises(DataError, match=r"a\.pth"):
        read_pth(path, nasbench201, {})


def test_an_entry_of_another_form_is_named(tmp_path, nasbench201):
    content = benchmark(1, 2)
    content["arch2infos"][2]["full"]["all_results"] = 5
    with pytest.raises(DataError, match=r"a\.pth, architecture 2 is not as the benchmark writes it"):
        read_pth(save(tmp_path / "a.pth", content), nasbench201, {})


def test_the_progress_ends_with_all_architectures(tmp_path, nasbench201):
    told = []
    read_pth(
        save(tmp_path / "a.pth", benchmark(4, 2, 8)), nasbench201, {}, lambda done, total: told.append((done, total))
    )
    assert told[-1] == (3, 3)
