"""Which photographs are never trained on."""

import hashlib


def is_validation(name: str) -> bool:
    """Whether a photo of this file name is kept for validation, about one in ten; training must leave it out."""
    return int(hashlib.sha1(name.encode(errors="surrogateescape")).hexdigest(), 16) % 10 == 0
