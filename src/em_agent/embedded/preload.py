"""Imports what the roles work with, and nothing else: forks of a process that did so share it.

What one role alone needs, as dbt, is not of it. None of this may open a connection, start a thread or make a loop.
"""

import anyio._backends._asyncio  # noqa: F401
import uvicorn.lifespan.on
import uvicorn.protocols.http.httptools_impl  # noqa: F401

import em_agent.app
import em_agent.kit.http
import em_agent.kit.presence
import em_agent.kit.process
import em_agent.relay.relay
import em_agent.services
import em_agent.workers.consume
import em_agent.workers.registry
import em_agent.workers.search  # noqa: F401
