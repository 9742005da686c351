"""Ink on the screen: presentation only, the samples stay as they were captured."""
