"""The duty `evidence`: the archive of signatures, the evidence ZIP and the report of a task."""
