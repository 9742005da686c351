"""What every device has in common: errors, sample queue, device clock, the pad that a window sees."""
