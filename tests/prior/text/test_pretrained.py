"""Pre-trained models: found, or refused before any long work."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.prior.text.tiny import (
    FAMILIES,
    digits_tokenizer,
    letters_tokenizer,
    merging_tokenizer,
    tiny_model,
    unigram_tokenizer,
)
from transformers import BertConfig, BertModel

from archllm.errors import InvalidInput, ModelUnusable, RunFolderError
from archllm.prior import PriorConfig, build_prior, load_prior
from archllm.prior.text.pretrained import _reachable, find_base
from archllm.prior.text.prompted import PromptedModel, cut_vocabulary
from archllm.prior.text.vocabulary import number_words

TOKENIZERS = {"digits": digits_tokenizer, "merging": merging_tokenizer, "unigram": unigram_tokenizer}


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


# --- what is not there, or no language model -----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["/nowhere/at/all", "./missing", "model.gguf", "a b", "~/no-such-model", "x/y/z"])
def test_a_path_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(ModelUnusable, match="there is no pre-trained model"):
        find_base(name)


def test_a_hub_name_without_network_says_how_to_give_a_path() -> None:
    with pytest.raises(ModelUnusable, match=r"no folder some/model here.*path of a model's folder or GGUF file"):
        find_base("some/model")


def test_a_hub_whose_name_means_nothing_here_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "https://nowhere.invalid")
    monkeypatch.setattr("archllm.prior.text.pretrained.getproxies", dict)
    with pytest.raises(ModelUnusable, match=r"no folder some/model here.*path of a model's folder or GGUF file"):
        find_base("some/model")
    assert not _reachable()


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelUnusable, match=r"no config\.json"):
        find_base(str(tmp_path))


def test_a_file_that_is_no_gguf_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(b"x")
    with pytest.raises(ModelUnusable, match="neither a folder of a model nor a GGUF file"):
        find_base(str(tmp_path / "model.bin"))


@pytest.mark.parametrize("content", [b"", b"GGUF", b"not a gguf file at all" * 9])
def test_a_damaged_gguf_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "model.gguf").write_bytes(content)
    with pytest.raises(ModelUnusable, match=r"can't load the model"):
        find_base(str(tmp_path / "model.gguf"))


def test_a_gguf_of_an_unknown_architecture_is_refused(tmp_path: Path) -> None:
    from gguf import GGUFWriter

    writer = GGUFWriter(tmp_path / "odd.gguf", "perceptron")
    writer.add_block_count(1)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(ModelUnusable, match=r"can't load the model .*perceptron"):
        find_base(str(tmp_path / "odd.gguf"))


@pytest.mark.parametrize("config", ["{", "[]", '{"model_type": "no-such-kind"}', '{"hidden_size": 3}'])
def test_a_folder_of_something_else_is_refused(tmp_path: Path, config: str) -> None:
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(ModelUnusable, match=r"can't load the model"):
        find_base(str(tmp_path))


def test_a_model_that_is_not_causal_is_refused(tmp_path: Path) -> None:
    BertModel(
        BertConfig(vocab_size=400, hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8)
    ).save_pretrained(tmp_path)
    digits_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(ModelUnusable, match="not a causal language model"):
        find_base(str(tmp_path)).load()


def test_a_model_that_can_not_write_is_refused_by_its_kind(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "vit"}))
    with pytest.raises(ModelUnusable, match="vit model, which can't write text"):
        find_base(str(tmp_path))


def test_damaged_weights_are_refused(tmp_path: Path) -> None:
    source = Path(tiny_model("llama"))
    for file in source.iterdir():
        content = file.read_bytes()
        (tmp_path / file.name).write_bytes(content[:100] if file.suffix == ".safetensors" else content)
    with pytest.raises(ModelUnusable, match="can't load the model"):
        find_base(str(tmp_path)).load()


def test_a_tokenizer_without_digits_is_refused() -> None:
    with pytest.raises(ModelUnusable, match=r"can't write codes as numbers \(the number 0 does not come back\)"):
        number_words(letters_tokenizer(), 10)


# --- words ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TOKENIZERS)
def test_numbers_are_written_so_that_they_can_be_read(name: str) -> None:
    tokenizer = TOKENIZERS[name]()
    words = number_words(tokenizer, 600)
    texts = [tokenizer.decode(list(word)).strip(" ,") for word in words.codes]
    assert texts == [str(code) for code in range(600)]
    assert words.end not in {token for word in words.codes for token in word}


def test_frequent_numbers_are_one_token_where_the_tokenizer_has_them() -> None:
    lengths = {len(word) for word in number_words(merging_tokenizer(), 600).codes}
    assert 1 in lengths and len(lengths) > 1


# --- the cut model -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("token", [-1, 1_000_000])
def test_a_tokenizer_of_another_model_is_refused(token: int) -> None:
    with pytest.raises(ModelUnusable, match=rf"has the token {token}, and the model has rows for 0 to"):
        cut_vocabulary(find_base(tiny_model("gpt2")).load(), [0, token])


@pytest.mark.parametrize("family", FAMILIES)
def test_cutting_words_off_leaves_the_scores_of_the_others(family: str) -> None:
    base = find_base(tiny_model(family))
    whole, cut = base.load(), base.load()
    tokens = [0, 5, 7, 9, 11]
    cut_vocabulary(cut, tokens)
    for model, start in ((whole, 0), (cut, 0)):
        if model.config.is_encoder_decoder:
            model.config.decoder_start_token_id = start
    local = torch.tensor([[1, 2, 3]])
    context = PromptedModel(cut).read([[1, 2], [4]])
    with torch.no_grad():
        ours = PromptedModel(cut).write(context, local.repeat(2, 1))
        theirs = PromptedModel(whole).write(
            PromptedModel(whole).read([[5, 7], [11]]), torch.tensor(tokens)[local].repeat(2, 1)
        )[..., tokens]
    assert ours.shape == (2, 4, 5) and torch.allclose(ours, theirs, atol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_prompts_of_different_lengths_do_not_disturb_each_other(family: str) -> None:
    model = PromptedModel(find_base(tiny_model(family)).load())
    prompts, after = [[5, 6, 7, 8], [9], [10, 11]], torch.tensor([[3, 4]])
    with torch.no_grad():
        together = model.write(model.read(prompts), after.repeat(3, 1))
        alone = torch.cat([model.write(model.read([prompt]), after) for prompt in prompts])
    assert torch.allclose(together, alone, atol=1e-4)


@pytest.mark.parametrize("family", FAMILIES)
def test_token_by_token_and_all_at_once_give_the_same(family: str) -> None:
    model = PromptedModel(find_base(tiny_model(family)).load())
    tokens = torch.tensor([[3, 4, 5], [6, 7, 8]])
    with torch.no_grad():
        at_once = model.write(model.read([[5, 6], [9, 9]]), tokens)
        context, steps = model.read([[5, 6], [9, 9]]), []
        for column in tokens.T:
            steps.append(context.logits)
            context = model.go_on(context, column)
    assert torch.allclose(torch.stack([*steps, context.logits], 1), at_once, atol=1e-4)


# --- priors made of them -------------------------------------------------------------------------------------------

CODES = np.random.default_rng(0).integers(30, size=(60, 2))


def text(**changes: object) -> PriorConfig:
    defaults: dict[str, object] = {"kind": "text", "base": tiny_model("llama"), "steps": 3, "batch": 8, "rank": 2}
    return PriorConfig(**(defaults | changes))  # type: ignore[arg-type]


def test_random_weights_of_the_same_architecture_are_another_start() -> None:
    start = {"pretrained": False, "tuning": "full", "learning_rate": 1e-9}
    first, second = (build_prior(text(**start), 30, 2, (), "space") for _ in range(2))
    taught = build_prior(text(tuning="full", learning_rate=1e-9), 30, 2, (), "space")
    for seed, prior in enumerate((first, second, taught)):
        prior.fit(CODES, CODES, seed + 1)
    assert not np.allclose(first.log_prob(CODES), taught.log_prob(CODES), atol=1e-3)
    assert not np.allclose(first.log_prob(CODES), second.log_prob(CODES), atol=1e-3)


def test_accumulated_gradients_are_those_of_the_whole_batch() -> None:
    priors = [build_prior(text(accumulation=parts, steps=5), 30, 2, (), "space") for parts in (1, 4)]
    for prior in priors:
        prior.fit(CODES, CODES, 0)
    assert np.allclose(priors[0].log_prob(CODES), priors[1].log_prob(CODES), atol=1e-3)


def test_only_what_is_learned_is_saved_of_a_model_with_adapters(tmp_path: Path) -> None:
    prior = build_prior(text(), 30, 2, (), "space")
    prior.fit(CODES, CODES, 0)
    prior.save(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"adapter.safetensors", "prior.json"}


def test_a_base_that_moved_is_found_in_the_folder_of_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    base = tmp_path / "here" / "model"
    base.parent.mkdir()
    _copy(Path(tiny_model("llama")), base)
    prior = build_prior(text(base=str(base)), 30, 2, (), "space")
    prior.fit(CODES, CODES, 0)
    prior.save(tmp_path / "prior")
    base.parent.rename(tmp_path / "there")
    with pytest.raises(ModelUnusable, match="no pre-trained model"):
        load_prior(tmp_path / "prior", 30, 2)
    monkeypatch.setenv("ARCHLLM_MODELS", str(tmp_path / "there"))
    assert np.allclose(load_prior(tmp_path / "prior", 30, 2).log_prob(CODES), prior.log_prob(CODES), atol=1e-5)


def test_another_model_in_its_place_is_refused(tmp_path: Path) -> None:
    base = tmp_path / "model"
    _copy(Path(tiny_model("llama")), base)
    prior = build_prior(text(base=str(base)), 30, 2, (), "space")
    prior.fit(CODES, CODES, 0)
    prior.save(tmp_path / "prior")
    find_base(str(base)).untrained(5).save_pretrained(base)
    with pytest.raises(RunFolderError, match="was trained on another model"):
        load_prior(tmp_path / "prior", 30, 2)


def test_a_model_trained_as_a_whole_needs_its_base_no_more(tmp_path: Path) -> None:
    base = tmp_path / "model"
    _copy(Path(tiny_model("t5")), base)
    prior = build_prior(text(base=str(base), tuning="full"), 30, 2, (), "space")
    prior.fit(CODES, CODES, 0)
    prior.save(tmp_path / "prior")
    base.rename(tmp_path / "gone")
    assert np.allclose(load_prior(tmp_path / "prior", 30, 2).log_prob(CODES), prior.log_prob(CODES), atol=1e-5)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"base": ""}, r"prior\.base"),
        ({"format": "words"}, r"prior\.format"),
        ({"tuning": "some"}, r"prior\.tuning"),
        ({"pretrained": False}, r"prior\.tuning full"),
        ({"accumulation": 9}, r"prior\.accumulation"),
        ({"rank": 0}, r"prior\.rank"),
        ({"kind": "code"}, r"prior\.base"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        text(**changes)


def _copy(source: Path, target: Path) -> None:
    target.mkdir()
    for file in source.iterdir():
        (target / file.name).write_bytes(file.read_bytes())


# --- code of others -------------------------------------------------------------------------------------------------

CODE = """
from pathlib import Path
Path({ran!r}).touch()
from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerFast
class Own(PretrainedConfig):
    model_type = "own"
class OwnModel(PreTrainedModel):
    config_class = Own
class OwnTokenizer(PreTrainedTokenizerFast): ...
"""


def with_code(folder: Path, ran: Path, **changed: object) -> None:
    """Puts code beside a model, and lets its configuration name it."""
    (folder / "own.py").write_text(CODE.format(ran=str(ran)))
    path = folder / "config.json"
    about = json.loads(path.read_text()) | changed
    about["auto_map"] = {"AutoConfig": "own.Own", "AutoModelForCausalLM": "own.OwnModel"}
    path.write_text(json.dumps(about))
    tokenizer = folder / "tokenizer_config.json"
    about = json.loads(tokenizer.read_text()) | {
        "auto_map": {"AutoTokenizer": ["own.OwnTokenizer", "own.OwnTokenizer"]}
    }
    tokenizer.write_text(json.dumps(about))


@pytest.fixture
def nobody_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    def asked(*_: object) -> str:
        raise AssertionError("a question was asked")

    monkeypatch.setattr("builtins.input", asked)


@pytest.mark.usefixtures("nobody_is_asked")
def test_code_beside_a_model_is_not_run_and_a_model_that_needs_it_is_refused(tmp_path: Path) -> None:
    folder, ran = Path(shutil.copytree(tiny_model("llama"), tmp_path / "model")), tmp_path / "ran"
    with_code(folder, ran)
    base = find_base(str(folder))  # of a known architecture: the library's own class is taken
    assert type(base.load()).__module__.startswith("transformers.models.llama")
    assert type(base.untrained(0)).__module__.startswith("transformers.models.llama")
    with_code(folder, ran, model_type="own")
    with pytest.raises(ModelUnusable, match="code that comes with a model is never run"):
        find_base(str(folder))
    assert not ran.exists()


def test_a_kernel_of_a_hub_is_code_and_refused(tmp_path: Path) -> None:
    shutil.copytree(tiny_model("llama"), tmp_path / "model")
    path = tmp_path / "model" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"_attn_implementation": "somebody/kernel"}))
    with pytest.raises(ModelUnusable, match="somebody/kernel"):
        find_base(str(tmp_path / "model"))


class Hostile:
    def __init__(self, ran: Path) -> None:
        self.ran = ran

    def __reduce__(self) -> object:
        return Path.touch, (self.ran,)


def test_pickled_weights_are_read_as_tensors_only(tmp_path: Path) -> None:
    folder, ran = Path(shutil.copytree(tiny_model("llama"), tmp_path / "model")), tmp_path / "ran"
    state = find_base(str(folder)).load().state_dict()
    (folder / "model.safetensors").unlink()
    torch.save(state, folder / "pytorch_model.bin")
    again = find_base(str(folder)).load().state_dict()
    assert all(torch.equal(again[name], tensor) for name, tensor in state.items())
    torch.save(state | {"x": Hostile(ran)}, folder / "pytorch_model.bin")
    with pytest.raises(ModelUnusable, match="can't load the model"):
        find_base(str(folder)).load()
    assert not ran.exists()


# --- settings that ask for more than their files hold ----------------------------------------------------------------


def ask_for(path: Path, **changed: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changed))


HUGE: dict[str, dict[str, object]] = {
    "wide": {"hidden_size": 10**6},
    "many words": {"vocab_size": 10**9},
    "deep": {"num_hidden_layers": 10**6},
}


@pytest.mark.parametrize("changed", HUGE.values(), ids=HUGE)
def test_a_model_larger_than_its_files_is_refused_before_it_is_made(tmp_path: Path, changed: dict[str, object]) -> None:
    shutil.copytree(tiny_model("llama"), tmp_path / "model")
    ask_for(tmp_path / "model" / "config.json", **changed)
    with pytest.raises(ModelUnusable, match="asks for"):
        find_base(str(tmp_path / "model")).load()


def test_settings_of_a_run_folder_make_no_model_larger_than_its_weights(tmp_path: Path) -> None:
    prior = build_prior(text(tuning="full"), 30, 2, (), "space")
    prior.fit(CODES, CODES, 0)
    prior.save(tmp_path)
    ask_for(tmp_path / "base" / "config.json", num_hidden_layers=10**6)
    with pytest.raises(ModelUnusable, match="asks for more than"):
        load_prior(tmp_path, 30, 2)


@pytest.mark.parametrize("name", ["rank", "bins"])
def test_adapters_and_bins_without_measure_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match=name):
        text(**{name: 10**9})
