"""Nothing half-written is found under a final name, and nothing temporary is left behind."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from archllm.errors import RunFolderError
from archllm.files import assembling, check_holds, make_folder, publish, refuse_existing, replacing, write_text


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def folder_with(path: Path, text: str) -> Path:
    path.mkdir()
    (path / "file").write_text(text)
    return path


class Interrupted(Exception):
    """Something that a block raises."""


def test_a_text_is_written_as_it_is(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "größer\n")
    assert (tmp_path / "a.txt").read_text(encoding="utf-8") == "größer\n"
    assert names(tmp_path) == ["a.txt"]


def test_writing_again_replaces_the_file(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "a long first text")
    write_text(tmp_path / "a.txt", "short")
    assert (tmp_path / "a.txt").read_text() == "short"


def test_nothing_stands_under_the_final_name_before_the_block_ends(tmp_path: Path) -> None:
    with replacing(tmp_path / "a") as aside:
        aside.write_text("half")
        assert not (tmp_path / "a").exists()
        assert aside.parent == tmp_path
    assert (tmp_path / "a").read_text() == "half"


@pytest.mark.parametrize("error", [Interrupted, KeyboardInterrupt])
def test_a_block_that_raises_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    target = tmp_path / "a"
    target.write_text("old")
    with pytest.raises(error), replacing(target) as aside:
        aside.write_text("half")
        raise error
    assert target.read_text() == "old" and names(tmp_path) == ["a"]


def test_a_full_disk_is_reported_and_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a"
    target.write_text("old")
    with pytest.raises(RunFolderError, match="No space left") as caught, replacing(target) as aside:
        aside.write_text("half")
        raise OSError(28, "No space left on device")
    assert str(target) in str(caught.value)
    assert target.read_text() == "old" and names(tmp_path) == ["a"]


def test_text_that_has_no_encoding_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "a"
    target.write_text("old")
    with pytest.raises(UnicodeEncodeError):
        write_text(target, "half \ud800")
    assert target.read_text() == "old" and names(tmp_path) == ["a"]


def test_a_place_that_can_not_be_written_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "nowhere" / "a", tmp_path / "file" / "a", tmp_path / ("a" * 300), tmp_path / "folder"):
        with pytest.raises(RunFolderError, match="can't write"):
            write_text(path, "text")
    assert names(tmp_path) == ["file", "folder"]


@pytest.mark.parametrize("path", [Path("."), Path("/"), Path("..")])
def test_a_path_without_a_name_is_refused(path: Path) -> None:
    with pytest.raises(RunFolderError):
        write_text(path, "text")


def test_writers_at_the_same_time_leave_one_whole_text(tmp_path: Path) -> None:
    texts = [str(digit) * 50_000 for digit in range(8)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda text: write_text(tmp_path / "a", text), texts))
    assert (tmp_path / "a").read_text() in texts and names(tmp_path) == ["a"]


def test_a_finished_folder_takes_its_final_name(tmp_path: Path) -> None:
    publish(folder_with(tmp_path / "new", "new"), tmp_path / "run")
    assert (tmp_path / "run" / "file").read_text() == "new" and names(tmp_path) == ["run"]


def test_an_existing_folder_is_kept_unless_overwriting_is_allowed(tmp_path: Path) -> None:
    new, run = folder_with(tmp_path / "new", "new"), folder_with(tmp_path / "run", "old")
    with pytest.raises(RunFolderError, match="exists already"):
        publish(new, run)
    assert (run / "file").read_text() == "old" and (new / "file").read_text() == "new"
    publish(new, run, overwrite=True)
    assert (run / "file").read_text() == "new" and names(tmp_path) == ["run"]


def test_an_empty_folder_may_be_filled(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    publish(folder_with(tmp_path / "new", "new"), tmp_path / "run")
    assert (tmp_path / "run" / "file").read_text() == "new" and names(tmp_path) == ["run"]


def test_a_file_is_never_replaced_by_a_folder(tmp_path: Path) -> None:
    new = folder_with(tmp_path / "new", "new")
    (tmp_path / "run").write_text("a file")
    for overwrite in (False, True):
        with pytest.raises(RunFolderError, match="is a file"):
            publish(new, tmp_path / "run", overwrite)
    assert (tmp_path / "run").read_text() == "a file" and names(tmp_path) == ["new", "run"]


def test_a_rename_that_fails_brings_the_old_folder_back(tmp_path: Path) -> None:
    run = folder_with(tmp_path / "run", "old")
    with pytest.raises(RunFolderError, match="nothing was changed"):
        publish(tmp_path / "missing", run, overwrite=True)
    assert (run / "file").read_text() == "old" and names(tmp_path) == ["run"]


def test_a_folder_is_assembled_aside(tmp_path: Path) -> None:
    with assembling(tmp_path / "deep" / "run") as aside:
        (aside / "file").write_text("new")
        assert not (tmp_path / "deep" / "run").exists()
    assert (tmp_path / "deep" / "run" / "file").read_text() == "new" and names(tmp_path / "deep") == ["run"]


@pytest.mark.parametrize("error", [Interrupted, KeyboardInterrupt])
def test_an_assembly_that_fails_leaves_the_old_folder(tmp_path: Path, error: type[BaseException]) -> None:
    run = folder_with(tmp_path / "run", "old")
    with pytest.raises(error), assembling(run, overwrite=True) as aside:
        (aside / "file").write_text("half")
        raise error
    assert (run / "file").read_text() == "old" and names(tmp_path) == ["run"]


def test_an_assembly_is_refused_before_any_work(tmp_path: Path) -> None:
    run = folder_with(tmp_path / "run", "old")
    with pytest.raises(RunFolderError, match="exists already"), assembling(run):
        pytest.fail("the block must not be entered")
    assert names(tmp_path) == ["run"]


def test_a_disk_error_while_assembling_names_the_folder(tmp_path: Path) -> None:
    with pytest.raises(RunFolderError, match="run"), assembling(tmp_path / "run"):
        raise OSError(28, "No space left on device")
    assert names(tmp_path) == []


def test_a_free_name_is_not_refused(tmp_path: Path) -> None:
    refuse_existing(tmp_path / "run", overwrite=False)
    refuse_existing(folder_with(tmp_path / "old", ""), overwrite=True)
    with pytest.raises(RunFolderError):
        refuse_existing(tmp_path / "old", overwrite=False)


def test_a_model_that_its_file_can_not_hold_is_not_made(tmp_path: Path) -> None:
    weights = tmp_path / "model.safetensors"
    weights.write_bytes(b"x" * 100)
    check_holds(weights, 50)
    check_holds(tmp_path / "not-there", 10**18)  # whoever reads it says so
    with pytest.raises(RunFolderError, match="too few for the 10,000,000,000 weights"):
        check_holds(weights, 10**10)


def test_a_folder_in_a_file_can_not_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    make_folder(tmp_path / "a" / "b")
    with pytest.raises(RunFolderError, match="can't make the folder"):
        make_folder(tmp_path / "file" / "b")
