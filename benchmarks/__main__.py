"""Runs every benchmark and prints its tables: python -m benchmarks."""

from benchmarks import footprint, ingest, lag, metrics, relay

for _benchmark in (ingest, relay, lag, footprint, metrics):
    _benchmark.main()
