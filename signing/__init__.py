"""Everything that a signature means: no network, no database, no window."""
