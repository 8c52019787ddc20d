"""Publishing: a trained component becomes a Hub repository with a card, and a manifest for the registry."""
