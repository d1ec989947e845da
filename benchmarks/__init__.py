"""Numbers as ratios of one run, each side by side with what it is compared to: ``python -m benchmarks``."""
