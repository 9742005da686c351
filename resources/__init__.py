"""Templates, translations, icons, demo data: reached by importlib.resources alone."""
