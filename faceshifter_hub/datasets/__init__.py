"""Data sets as folders of shards: written whole by several processes, interrupted without loss, read at random."""
