"""Pads as the desktop finds them: the on-screen pad, the real one, the simulated one, and their display."""
