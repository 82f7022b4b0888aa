"""Runs every benchmark and prints its tables: python -m benchmarks."""

from benchmarks import dashboard, footprint, ingest, lag, metrics, quality, relay, search

for _benchmark in (ingest, relay, lag, footprint, metrics, dashboard, search, quality):
    _benchmark.main()
