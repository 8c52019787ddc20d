"""Whose faces are swapped onto whom, one file a protocol."""
