"""The bedside client."""
