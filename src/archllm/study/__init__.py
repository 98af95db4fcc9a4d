"""Studies: the loop that joins searcher and objective, trials, stores, workers."""
