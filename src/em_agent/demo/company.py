"""Who works at the demo company: teams, people, escalation policies, services, priorities."""

from dataclasses import dataclass
from datetime import datetime

from em_agent.demo.ids import id_of

SUBDOMAIN = "https://em-agent-demo.pagerduty.com"
API = "https://api.pagerduty.com"

_PATHS = {
    "user": "users", "team": "teams", "service": "services", "escalation_policy": "escalation_policies",
    "priority": "priorities", "incident": "incidents", "inbound_integration": "integrations",
    "incident_workflow": "incident_workflows", "workflow_integration": "workflows",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that PagerDuty refers to."""

    kind: str
    name: str
    id: str

    @property
    def api_url(self) -> str:
        """Its address in the REST API."""
        return f"{API}/{_PATHS[self.kind]}/{self.id}"

    @property
    def url(self) -> str | None:
        """Its page; priorities have none."""
        return None if self.kind == "priority" else f"{SUBDOMAIN}/{_PATHS[self.kind]}/{self.id}"


def thing(kind: str, name: str) -> Thing:
    """The thing of this kind and name, whose id never changes."""
    return Thing(kind, name, id_of(kind, name))


@dataclass(frozen=True, slots=True)
class Policy:
    """An escalation policy: who is paged, level by level, each week someone else."""

    thing: Thing
    people: tuple[Thing, ...]

    def on_call(self, at: datetime, level: int = 1) -> Thing:
        """Who is paged at this level at this time."""
        week = at.toordinal() // 7
        return self.people[(week + level - 1) % len(self.people)]


@dataclass(frozen=True, slots=True)
class Service:
    """A service, what it is called in hosts and dashboards, and who looks after it."""

    thing: Thing
    slug: str
    teams: tuple[Thing, ...]
    policy: Policy

    @property
    def name(self) -> str:
        """The name that people know it by."""
        return self.thing.name


_PEOPLE = {
    "Payments": ("Amara Oyelaran", "Jonas Feld", "Priya Raghunathan", "Tomasz Wilk", "Eilidh Morrow"),
    "Storefront": ("Lucía Ferrando", "Daniel Oduya", "Hanneke Visscher", "Kenji Morita", "Saoirse Brannigan"),
    "Logistics": ("Mehmet Aksoy", "Greta Lindqvist", "Paulo Teixeira", "Nadia Haddad", "Owen Prydderch"),
    "Platform": ("Ingrid Solheim", "Rafael Quintero", "Yuki Tanabe", "Bogdan Petrescu", "Zanele Dube"),
    "Data": ("Chiara Lombardo", "Arjun Menon", "Freja Holm", "Mateus Carvalho", "Wen Li"),
}

# Name, slug, teams; the first team's policy is paged. A service without a team is looked after by Platform.
_SERVICES = (
    ("Checkout API", "checkout-api", "Payments"),
    ("Payment Gateway", "payment-gateway", "Payments"),
    ("Storefront Web", "storefront-web", "Storefront"),
    ("Product Catalogue", "product-catalogue", "Storefront"),
    ("Product Search", "product-search", "Storefront", "Data"),
    ("Order Fulfilment", "order-fulfilment", "Logistics"),
    ("Warehouse Integration", "warehouse-integration", "Logistics"),
    ("Production Database", "orders-db", "Platform"),
    ("Kubernetes Platform", "kubernetes", "Platform"),
    ("Message Queue", "message-queue", "Platform", "Data"),
    ("Identity and Login", "identity", "Platform", "Payments"),
    ("Data Pipeline", "data-pipeline", "Data"),
    ("Mobile Push", "mobile-push", "Storefront"),
    ("Status Page", "status-page"),
)

TEAMS = {name: thing("team", name) for name in _PEOPLE}
PEOPLE = {name: thing("user", name) for names in _PEOPLE.values() for name in names}
POLICIES = {
    team: Policy(thing("escalation_policy", f"{team} on call"), tuple(PEOPLE[name] for name in names))
    for team, names in _PEOPLE.items()
}
SERVICES = {
    name: Service(
        thing("service", name), slug, tuple(TEAMS[team] for team in teams), POLICIES[teams[0] if teams else "Platform"]
    )
    for name, slug, *teams in _SERVICES
}
PRIORITIES = {level: thing("priority", f"P{level}") for level in range(1, 6)}


def level_of(priority: Thing) -> int:
    """The priority as a number: 1 is the most severe."""
    return int(priority.name[1:])
