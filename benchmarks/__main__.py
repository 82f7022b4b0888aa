"""Runs every benchmark and prints its tables: python -m benchmarks."""

from benchmarks import footprint, ingest, lag, metrics, quality, relay

for _benchmark in (ingest, relay, lag, footprint, metrics, quality):
    _benchmark.main()
