"""Runs every benchmark and prints its tables: python -m benchmarks."""

from benchmarks import dashboard, delay, delivery, footprint, ingest, lag, metrics, quality, relay, search, whole

for _benchmark in (ingest, whole, relay, lag, delay, footprint, metrics, delivery, dashboard, search, quality):
    _benchmark.main()
