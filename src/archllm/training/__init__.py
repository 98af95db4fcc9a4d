"""Training: the loop, several processes, progress, the training log, random state."""
