"""Every source of events: a line for its webhooks, and one for what its events say of incidents if they say any."""

from collections.abc import Callable
from importlib import import_module

from em_agent.domain.deliveries import StoredEvent
from em_agent.domain.incidents import IncidentEvent
from em_agent.integrations.pagerduty import events as pagerduty_events
from em_agent.integrations.pagerduty import log_entries as pagerduty_log_entries
from em_agent.integrations.pagerduty import snapshots as pagerduty_snapshots
from em_agent.integrations.pagerduty import webhook as pagerduty_webhook
from em_agent.integrations.readers import Document
from em_agent.integrations.source import WebhookSource

# The folders whose module `webhook` declares a SOURCE of the same name.
_WEBHOOKS = (
    "pagerduty",
    "github",
    "jira",
    "linear",
    "shortcut",
    "deployment",
)

SOURCES: dict[str, WebhookSource] = {
    name: import_module(f"em_agent.integrations.{name}.webhook").SOURCE for name in _WEBHOOKS
}

INCIDENT_READERS: dict[str, Callable[[StoredEvent, Document], IncidentEvent | None]] = {
    pagerduty_webhook.SOURCE.name: pagerduty_events.to_incident_event,
    pagerduty_log_entries.SOURCE: pagerduty_log_entries.to_incident_event,
    pagerduty_snapshots.SOURCE: pagerduty_snapshots.to_incident_event,
}

# Whatever may stand in events_raw as a source, sent or read: what the relay publishes.
RECORDED_SOURCES = (*SOURCES, *(name for name in INCIDENT_READERS if name not in SOURCES))
