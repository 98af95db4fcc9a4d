"""Images with labels: where they are read from, what they hold, and how they are split."""

from archllm.objectives.images.folder import read_image
from archllm.objectives.images.images import Images
from archllm.objectives.images.loading import load_images
from archllm.objectives.images.reading import LeftOut, Reading
from archllm.objectives.images.split import Split, split_images
from archllm.objectives.images.summary import Duplicates, Summary, summarise

__all__ = [
    "Duplicates",
    "Images",
    "LeftOut",
    "Reading",
    "Split",
    "Summary",
    "load_images",
    "read_image",
    "split_images",
    "summarise",
]
