"""Pre-trained language models: where they are, and how they are loaded, from a folder, a GGUF file or a hub."""

from __future__ import annotations

import copy
import hashlib
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from pickle import UnpicklingError
from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies

import torch
from torch.nn.modules.module import register_module_module_registration_hook
from transformers import (
    CONFIG_MAPPING,
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    PretrainedConfig,
)
from transformers.models.auto.modeling_auto import (
    MODEL_FOR_CAUSAL_LM_MAPPING_NAMES,
    MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES,
)
from transformers.utils import logging

from archllm.errors import ModelUnusable, shown
from archllm.training.randomness import torch_seeded

_NO_CODE: dict[str, Any] = {"trust_remote_code": False}
"""What keeps the library from running code that lies beside a model, and from asking whether to."""

_HUB_NAME = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")


_WEIGHTS_PER_BYTE, _FREE_WEIGHTS = 2, 1 << 26
"""Weights take half a byte at least; a few more may be made and not stored, as masks, or the words that were cut."""

_MOST_MODULES = 50_000


@dataclass(frozen=True)
class Base:
    """A pre-trained model that was found: what the library needs to load it."""

    name: str
    """Folder, or name on the hub."""

    options: dict[str, Any]
    """Further arguments of `from_pretrained`."""

    config: Any
    """Its configuration."""

    tokenizer: Any
    """Its tokenizer."""

    @property
    def path(self) -> str:
        """What a user would call it: folder, file or name on the hub."""
        return _path(self.name, self.options)

    @property
    def seq2seq(self) -> bool:
        """Whether it reads a prompt with an encoder and writes with a decoder."""
        return bool(self.config.is_encoder_decoder)

    def load(self) -> Any:
        """The model with its weights, in single precision: from safetensors, else from a pickle of tensors only.

        Raises:
            ModelUnusable: the weights can't be read, or their file holds something else.
        """
        weights = _weights_of(Path(self.name)) if "gguf_file" not in self.options else []
        if weights:
            self.check_size(sum(file.stat().st_size for file in weights))
        with _reported_as_unusable(self.path), quiet():
            model = self._kind().from_pretrained(
                self.name, dtype=torch.float32, weights_only=True, **_NO_CODE, **self.options
            )
        _forget_quantization(model.config)
        model.hf_quantizer = None
        return _checked(model.eval(), self.name)

    def untrained(self, seed: int) -> Any:
        """A model of the same architecture with random weights.

        Raises:
            ModelUnusable: its configuration describes none.
        """
        with torch_seeded(seed), _reported_as_unusable(self.path):
            model = self._kind().from_config(self.config, dtype=torch.float32, **_NO_CODE)
        return _checked(model.eval(), self.name)

    def check_size(self, size: int) -> None:
        """Makes sure that the weights of the model stand in files of so many bytes, before it takes any memory.

        A configuration from elsewhere could ask for a model that fills it, beside a file of a few bytes.

        Raises:
            ModelUnusable: they do not, or the configuration describes no model.
        """
        most = _WEIGHTS_PER_BYTE * size + _FREE_WEIGHTS
        with _reported_as_unusable(self.path), _most_modules(min(1_000 + size // 256, _MOST_MODULES)):
            with torch.device("meta"):  # tensors that have a shape and take no memory
                model = self._kind().from_config(copy.deepcopy(self.config), **_NO_CODE)
            asked = sum(value.numel() for value in (*model.parameters(), *model.buffers()))
        if asked > most:
            raise ModelUnusable(
                f"{self.path} asks for a model of {asked:,} weights, and its files have {size:,} bytes, too few"
            )

    def _kind(self) -> Any:
        return AutoModelForSeq2SeqLM if self.seq2seq else AutoModelForCausalLM


def find_base(name: str) -> Base:
    """Finds a model by the path of its folder, that of a GGUF file, or its name on the hub.

    A path that is not there any more is also looked for, by its last part, in the folder `$ARCHLLM_MODELS`.

    Raises:
        ModelUnusable: it is not there, or not a language model.
    """
    path = _located(name)
    if path is not None and path.is_file():
        if path.suffix.lower() != ".gguf":
            raise ModelUnusable(f"{path} is neither a folder of a model nor a GGUF file")
        _require("gguf", "to read GGUF files")
        return _read(str(path.parent), {"gguf_file": path.name})
    if path is not None:
        if not (path / "config.json").is_file():
            raise ModelUnusable(f"the folder {path} holds no model: it has no config.json")
        return _read(str(path), {})
    if not _HUB_NAME.fullmatch(name) or name.lower().endswith(".gguf"):
        raise ModelUnusable(f"there is no pre-trained model {name}: give the path of its folder or GGUF file")
    return _read(name, {} if _reachable() else {"local_files_only": True})


def _weights_of(folder: Path) -> list[Path]:
    """The files of weights in a folder; none if it is no folder of this machine."""
    endings = (".safetensors", ".bin", ".pt", ".pth")
    return [file for file in folder.iterdir() if file.suffix in endings and file.is_file()] if folder.is_dir() else []


@contextmanager
def _most_modules(most: int) -> Iterator[None]:
    """Stops a model that is made of more modules than so many while it is made."""
    made = 0

    def count(*_: object) -> None:
        nonlocal made
        made += 1
        if made > most:
            raise ValueError(f"its configuration asks for more than {most:,} modules, too many for its files")

    handle = register_module_module_registration_hook(count)
    try:
        yield
    finally:
        handle.remove()


def _reachable() -> bool:
    """Whether the hub may be reached; where its name means nothing, the library would try for half a minute."""
    from huggingface_hub import constants

    try:
        return bool(getproxies()) or bool(socket.getaddrinfo(urlsplit(constants.ENDPOINT).hostname, None))
    except OSError:
        return False


def _located(name: str) -> Path | None:
    path = Path(name).expanduser()
    if path.exists():
        return path
    folder = os.environ.get("ARCHLLM_MODELS")
    moved = Path(folder).expanduser() / path.name if folder and path.name else None
    return moved if moved is not None and moved.exists() else None


def _read(name: str, options: dict[str, Any]) -> Base:
    """Configuration and tokenizer, which are small; the weights come later."""
    path = _path(name, options)
    with _reported_as_unusable(path), quiet():
        _refuse_code(path, name, options)
        config = AutoConfig.from_pretrained(name, **_NO_CODE, **options)
        known = {**MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, **MODEL_FOR_SEQ_TO_SEQ_CAUSAL_LM_MAPPING_NAMES}
        if config.model_type not in known:
            raise ModelUnusable(
                f"{name} is a {config.model_type} model, which can't write text; a causal or sequence-to-sequence "
                "language model is needed, such as one of the Llama, GPT-2, Qwen or T5 families"
            )
        tokenizer = AutoTokenizer.from_pretrained(name, **_NO_CODE, **options)
    _forget_quantization(config)
    return Base(name, options, config, tokenizer)


def _refuse_code(path: str, name: str, options: dict[str, Any]) -> None:
    """Makes sure that a model needs no code but that of the library.

    Raises:
        ModelUnusable: its configuration names a class of its own, or a kernel to load from the hub.
    """
    if "gguf_file" in options:
        return
    about, _ = PretrainedConfig.get_config_dict(name, **options)
    own = about.get("auto_map")
    if own and about.get("model_type") not in CONFIG_MAPPING:
        raise ModelUnusable(
            f"{path} needs code of its own ({shown(own)}), and code that comes with a model is never run; take one of "
            "an architecture that transformers knows"
        )
    for key in ("attn_implementation", "_attn_implementation", "_attn_implementation_internal"):
        if "/" in str(about.get(key, "")):
            raise ModelUnusable(f"{path} asks for the kernel {shown(about[key])} of a hub, which is code; take it out")


def _path(name: str, options: dict[str, Any]) -> str:
    return str(Path(name) / options["gguf_file"]) if "gguf_file" in options else name


@contextmanager
def _reported_as_unusable(name: str) -> Iterator[None]:
    try:
        yield
    except ModelUnusable:
        raise
    except OSError as error:
        if Path(name).exists():
            raise ModelUnusable(f"can't load the model {name}: {_first_line(error)}") from error
        raise ModelUnusable(
            f"there is no folder {name} here, and a model of that name can't be had from the hub "
            f"({_first_line(error)}); give the path of a model's folder or GGUF file instead"
        ) from error
    except UnpicklingError as error:  # whose text says how to run the code in it
        raise ModelUnusable(
            f"can't load the model {name}: its pickled weights hold more than tensors, or are damaged; a model with "
            "model.safetensors is needed"
        ) from error
    except Exception as error:  # the libraries raise anything on damaged files, bare `Exception` included
        raise ModelUnusable(
            f"can't load the model {name}: {_first_line(error)}; a Hugging Face causal or sequence-to-sequence "
            "language model, or a GGUF file of an architecture that transformers knows, is needed"
        ) from error


def _checked(model: Any, name: str) -> Any:
    """The model, once a later token was seen not to change what it says about earlier ones."""
    if model.config.is_encoder_decoder:
        return model
    first = torch.zeros(1, 3, dtype=torch.long)
    second = first.clone()
    second[0, -1] = min(5, model.config.vocab_size - 1)
    with torch.inference_mode():
        logits = [model(input_ids=ids, use_cache=False).logits[:, :-1] for ids in (first, second)]
    if not torch.allclose(logits[0], logits[1], atol=1e-4 * float(logits[0].abs().max())):
        raise ModelUnusable(
            f"{name} is not a causal language model: later words change what it says about earlier ones"
        )
    return model


def _forget_quantization(config: Any) -> None:
    """Weights of a GGUF file are plain numbers once they are loaded; what the file says of itself stands in the way."""
    if hasattr(config, "quantization_config"):
        del config.quantization_config


def _require(module: str, why: str) -> None:
    from importlib.util import find_spec

    if find_spec(module) is None:
        raise ModelUnusable(f"{module} is needed {why}; install archllm[llm]")


def _first_line(error: BaseException) -> str:
    text = str(error).strip() or type(error).__name__
    return text.splitlines()[0][:300]


@contextmanager
def quiet() -> Iterator[None]:
    """Keeps the library's progress bars off the terminal for a while."""
    was_on = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if was_on:
            logging.enable_progress_bar()


def fingerprint(model: Any) -> str:
    """A few thousand of the weights, as a checksum: tells one model from another without reading all of it."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(value.detach().flatten()[:64].float().cpu().numpy().tobytes())
    return digest.hexdigest()
