"""What the station keeps for itself so that no signature is lost: the journal."""
