"""The ways bytes travel to a device, each behind the same small interface."""
