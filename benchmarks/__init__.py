"""Times this library against its peers: `python -m benchmarks`."""
