"""Images with labels: where they are read from, and how they are split."""

from archllm.objectives.images.images import Images
from archllm.objectives.images.loading import load_images
from archllm.objectives.images.split import Split, split_images

__all__ = ["Images", "Split", "load_images", "split_images"]
