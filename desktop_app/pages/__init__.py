"""The views of the bedside, one a step."""
