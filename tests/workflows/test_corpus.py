"""A user's own list of architectures is read, learned and kept with the run."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from archllm import load, train
from archllm.data.corpus import CORPUS_FILE, Corpus
from archllm.errors import DataError, DataMissing, InvalidInput, RunFolderError
from archllm.files import write_text
from archllm.generation.config import TrainConfig
from archllm.generation.run_folder import seal
from archllm.spaces import SearchSpace, load_space
from archllm.workflows.corpus import read_corpus

CONV = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|nor_conv_3x3~0|nor_conv_3x3~1|nor_conv_3x3~2|"
NONE = "|none~0|+|none~0|none~1|+|none~0|none~1|none~2|"
PARTS = {"tokenizer": {"kind": "plain"}, "prior": {"kind": "marginal"}}


def listed(space: SearchSpace, n: int) -> list[str]:
    return [text for text in space.format(space.sample(n, np.random.default_rng(0))) if text is not None]


@pytest.mark.parametrize("name", ["good.txt", "good.csv", "good.csv.gz"])
def test_strangers_and_repeats_are_counted_and_named(tmp_path: Path, nasbench201: SearchSpace, name: str) -> None:
    path = tmp_path / name
    rows = [CONV, NONE, CONV, "|skip~0|", "nonsense"]
    if name.endswith(".txt"):
        path.write_text("\ufeff# what did well\n\n" + "\n".join(rows) + "\n", encoding="utf-8")
    else:
        text = "score,arch\n" + "".join(f'1,"{row}"\n' for row in rows)
        path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    corpus = read_corpus(path, nasbench201)
    assert nasbench201.keys(corpus.graphs).tolist() == sorted(nasbench201.parse(each).key for each in (NONE, CONV))
    assert corpus.repeats == 1 and len(corpus.strangers) == 2
    where = {"good.txt": ("line 6", "line 7")}.get(name, ("row 5", "row 6"))
    assert where[0] in corpus.strangers[0] and where[1] in corpus.strangers[1] and name in corpus.strangers[0]
    assert "1 repeat left out; 2 left out as no members: " in corpus.told


def test_a_parquet_file_with_one_column_is_a_corpus(tmp_path: Path, nasbench201: SearchSpace) -> None:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    parquet.write_table(pyarrow.table({"mine": [CONV, NONE]}), tmp_path / "good.parquet")
    assert len(read_corpus(tmp_path / "good.parquet", nasbench201)) == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "holds no architecture"),
        ("# only a remark\n", "holds no architecture"),
        ("a\nb\n", "no member of nasbench201 in 2 rows: good.txt, line 1"),
        ("x" * (1 << 21), "line 1 has more than"),
    ],
)
def test_what_is_no_corpus_is_refused(tmp_path: Path, nasbench201: SearchSpace, content: str, message: str) -> None:
    (tmp_path / "good.txt").write_text(content)
    with pytest.raises(DataError, match=message):
        read_corpus(tmp_path / "good.txt", nasbench201)


def test_a_table_without_a_column_of_architectures_is_refused(tmp_path: Path, nasbench201: SearchSpace) -> None:
    (tmp_path / "good.csv").write_text(f'a,b\n"{CONV}",1\n')
    with pytest.raises(DataError, match="no column architecture or arch or arch_str or genotype"):
        read_corpus(tmp_path / "good.csv", nasbench201)
    with pytest.raises(DataMissing, match="no corpus"):
        read_corpus(tmp_path / "none.csv", nasbench201)


def test_a_run_holds_its_corpus(tmp_path: Path, nasbench201: SearchSpace) -> None:
    """So what was held out is known without the file, and novelty is counted against what was trained on."""
    texts = listed(nasbench201, 200)
    write_text(tmp_path / "good.txt", "\n".join(texts) + "\n")
    config = TrainConfig.from_mapping(PARTS | {"corpus": str(tmp_path / "good.txt"), "split": 0.5})
    model = train("nasbench201", config, out=tmp_path / "run")
    (tmp_path / "good.txt").unlink()
    again = load(tmp_path / "run")
    keys = {
        int(key)
        for key in nasbench201.keys(Corpus.of(nasbench201, nasbench201.sample(200, np.random.default_rng(0))).graphs)
    }
    train_keys, held_out = (set(nasbench201.keys(part).tolist()) for part in (again.cells.train, again.cells.held_out))
    assert train_keys | held_out == keys and not train_keys & held_out and abs(len(train_keys) - len(keys) / 2) <= 1
    assert set(model.training_keys.tolist()) == set(again.training_keys.tolist()) == train_keys
    assert again.config.yardstick == "uniform draws"


def small(path: Path, /, **settings: object) -> TrainConfig:
    """A tokenizer that learns nothing, and a language model that learns in a second."""
    prior = {"kind": "code", "width": 16, "layers": 1, "heads": 2, "steps": 60, "validation": 0.1}
    parts = {"tokenizer": {"kind": "plain"}, "prior": prior, "corpus": str(path) if settings else ""}
    return TrainConfig.from_mapping(parts | settings)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run to begin with."""
    folder = tmp_path_factory.mktemp("corpus")
    train("nasbench201", small(folder), out=folder / "whole")
    return folder / "whole"


def test_a_run_goes_on_learning_from_a_corpus(tmp_path: Path, whole: Path, nasbench201: SearchSpace) -> None:
    """It keeps the tokenizer, and learns of a short list what cells drawn uniformly do not show."""
    cells = nasbench201.sample(2_000, np.random.default_rng(0))
    heavy = cells[np.argsort(-nasbench201.require_networks().params(cells), kind="stable")[:200]]
    write_text(tmp_path / "good.txt", "\n".join(map(str, nasbench201.format(heavy))) + "\n")
    first = load(whole)
    before = -first.prior.log_prob(first.tokenizer.encode(heavy)).mean()
    config = small(tmp_path / "good.txt", start=str(whole))
    found = train("nasbench201", config, out=tmp_path / "good")
    assert found.report["held_out_nats"] < before - 0.5
    assert np.array_equal(found.tokenizer.encode(heavy), first.tokenizer.encode(heavy))
    assert found.report["seconds"]["tokenizer"] == 0
    assert load(tmp_path / "good").config.start == str(whole)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"prior": {"kind": "code", "width": 32, "layers": 1, "heads": 2}}, "prior.width is 16 in .*whole"),
        ({"tokenizer": {"kind": "plain", "width": 32}}, "tokenizer.width is 64 in .*whole"),
        ({"conditions": ["params"]}, "no condition"),
        ({"corpus": ""}, "name one"),
    ],
)
def test_what_a_run_can_not_begin_with_is_told(
    tmp_path: Path, whole: Path, settings: dict[str, object], message: str
) -> None:
    write_text(tmp_path / "good.txt", f"{CONV}\n{NONE}\n")
    with pytest.raises(InvalidInput, match=message):
        train("nasbench201", small(tmp_path / "good.txt", **({"start": str(whole)} | settings)))
    with pytest.raises(InvalidInput, match="whole is a run of nasbench201"):
        train("nats-size", small(tmp_path / "good.txt", start=str(whole)))


def test_a_corpus_of_others_is_checked(tmp_path: Path, nasbench201: SearchSpace) -> None:
    write_text(tmp_path / "good.txt", "\n".join(listed(nasbench201, 50)) + "\n")
    config = TrainConfig.from_mapping(PARTS | {"corpus": str(tmp_path / "good.txt")})
    train("nasbench201", config, out=tmp_path / "run")
    whole = (tmp_path / "run" / CORPUS_FILE).read_bytes()
    for damaged in (whole[:-1], whole[:-4] + b"\xff" * 4, b"", whole.replace(b"links", b"lynks")):
        (tmp_path / "run" / CORPUS_FILE).write_bytes(damaged)
        seal(tmp_path / "run")
        with pytest.raises(RunFolderError, match="corpus"):
            load(tmp_path / "run")


def test_too_few_members_to_split_are_told(tmp_path: Path) -> None:
    write_text(tmp_path / "good.txt", f"{CONV}\n{NONE}\n")
    config = TrainConfig.from_mapping(PARTS | {"corpus": str(tmp_path / "good.txt")})
    with pytest.raises(InvalidInput, match="2 cells leaves 2 to train on and 0 held out"):
        train("nasbench201", config)


def test_a_corpus_of_a_grammar_is_kept_without_edges(tmp_path: Path) -> None:
    space = load_space("interleaving")
    texts = listed(space, 300)
    write_text(tmp_path / "mine.txt", "\n".join(texts))
    model = train(space, TrainConfig.from_mapping(PARTS | {"corpus": str(tmp_path / "mine.txt")}), out=tmp_path / "run")
    assert (tmp_path / "run" / CORPUS_FILE).stat().st_size < 300 * (space.max_nodes + 1)
    again = load(tmp_path / "run")
    assert again.cells.train.edgeless and set(again.training_keys) == set(model.training_keys)
    assert again.tokenizer.reconstruction(again.cells.held_out) == 1.0
