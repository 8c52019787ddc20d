"""How fast the networks are here: what `faceshifter benchmark` does."""
