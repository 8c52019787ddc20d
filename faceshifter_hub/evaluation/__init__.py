"""Metrics, and the networks only metrics need."""
