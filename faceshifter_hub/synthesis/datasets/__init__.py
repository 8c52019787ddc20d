"""Data sets of rendered faces and triplets: shards on a disk, streams without one, and the benchmark SwapBench."""
