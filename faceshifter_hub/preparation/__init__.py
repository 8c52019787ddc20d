"""Folders of photographs to train on: the faces of a collection, found, aligned, sifted, in shards."""
