"""Procedural faces whose true swap is known: identity and attributes are separate parameters of one renderer.

The true swap of A onto B is A's identity rendered with B's attributes. Rendering needs the extra `synth` and belongs
in a process that does not run torch: `dataset.py` starts some.
"""
