"""The memory: documents by their words and their meaning."""
