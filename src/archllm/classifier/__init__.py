"""From labelled images to a small trained classifier: plan of the time, limits, full training, figures, run folder."""
