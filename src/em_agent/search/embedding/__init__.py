"""The models that turn text into vectors: the bundled one, and any behind an OpenAI-compatible address."""
