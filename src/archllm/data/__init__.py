"""Which architectures are trained on and which are held out; sets of keys."""
