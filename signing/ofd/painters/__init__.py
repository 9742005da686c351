"""Painters of display lists. `qt` draws with QPainter; nothing else of the OFD room knows Qt."""
