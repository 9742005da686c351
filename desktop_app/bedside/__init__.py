"""The bedside flow without any window: steps, capture, evidence, what is left to finish."""
