"""Small results in the form in which the authors of NAS-Bench-201 keep theirs."""

from __future__ import annotations

from typing import Any

import numpy as np

from archllm.spaces import load_space


def result(dataset: str, epochs: int, accuracy: dict[str, float], seconds: float = 1.0) -> dict[str, Any]:
    """One training: its accuracies after the last epoch by name of the split, such as `x-valid`."""
    last = epochs - 1
    return {
        "name": dataset,
        "train_acc1es": {epoch: 10.0 + epoch for epoch in range(epochs)},
        "train_times": dict.fromkeys(range(epochs), seconds),
        "eval_names": list(accuracy),
        "eval_acc1es": {f"{split}@{last}": value for split, value in accuracy.items()},
        "eval_times": {f"{split}@{last}": 0.5 for split in accuracy},
        "epochs": epochs,
        "params": np.float64(0.802426),
        "flop": 113.95137,
        "net_state_dict": None,
        "seed": "0777",
    }


def of_length(index: int, epochs: int, all_results: dict[tuple[str, int], dict[str, Any]]) -> dict[str, Any]:
    """The results of one architecture after trainings of one length."""
    return {
        "arch_index": index,
        "arch_str": load_space("nasbench201").parse(str(index)).text,
        "all_results": all_results,
        "dataset_seed": {dataset: [seed] for dataset, seed in all_results},
        "clear_net_done": True,
    }


def small(index: int) -> dict[str, Any]:
    """Trainings of 3 epochs on all data sets; two seeds on half of CIFAR-10."""
    return of_length(
        index,
        3,
        {
            ("cifar10-valid", 777): result("cifar10-valid", 3, {"ori-test": 80.0, "x-valid": 81.0}, 2.0),
            ("cifar10-valid", 888): result("cifar10-valid", 3, {"ori-test": 82.0, "x-valid": 84.0}, 4.0),
            ("cifar10", 777): result("cifar10", 3, {"ori-test": 90.0}),
            ("cifar100", 777): result("cifar100", 3, {"ori-test": 50.0, "x-valid": 51.0, "x-test": 49.0}),
            ("ImageNet16-120", 777): result("ImageNet16-120", 3, {"ori-test": 30.0, "x-valid": 31.0, "x-test": 29.0}),
        },
    )


COLUMNS = {
    "cifar10.valid@3": 82.5,
    "cifar10.valid_run_test@3": 81.0,
    "cifar10.seconds@3": 9.5,
    "cifar10.test@3": 90.0,
    "cifar100.valid@3": 51.0,
    "cifar100.test@3": 49.0,
    "cifar100.seconds@3": 3.5,
    "imagenet16.valid@3": 31.0,
    "imagenet16.test@3": 29.0,
    "imagenet16.seconds@3": 3.5,
    "params": 802426.0,
    "macs": 113951370.0,
}
"""What `small` says, counted by hand."""
