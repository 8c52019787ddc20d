"""What a measurement depends on: the networks that judge, and what they say of pictures."""
