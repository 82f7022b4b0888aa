"""What kind of thing a question wants, told from the words that it asks with."""

import re
from typing import Literal

Intent = Literal["number", "cause", "fix", "recurring", "list", "similar", "incident", "search"]

HAPPENING = r"(?:incident|outage|alert|page|failure|problem|issue|event|disruption|downtime|post-?mortem)"
_REPAIR = (
    r"(?:fix|resolv|mitigat|recover|solv|restor|handl|repair|remed|address|rollback|roll(?:ed)?\s+back"
    r"|undo|undid|clear|"
    r"bring|brought|get\s+(?:\w+\s+){0,6}(?:back|going|running|working)|got\s+(?:\w+\s+){0,6}(?:back|going|running)|"
    r"stop|ended\b|end\s+(?:the|it|this)|deal|dealt|react|respond|cope|unblock|unstick|drain|work\s+around"
    r"|put\s+(?:it\s+)?right|sort|heal|"
    r"cure|overcome|overcame|tackle|settle|make\s+(?:\w+\s+){0,5}work|contain|avoid|prevent|"
    r"stabili[sz]|mend|patch|correct|get\s+rid|got\s+rid|rid|free|catch\s+up|caught\s+up|clean)"
)

# In order: the first that fits tells. Of each kind only what asks for it, for topics have the same words.
_KINDS: tuple[tuple[Intent, str], ...] = (
    (
        "similar",
        (
            r"\b(?:have|has|had|did)\s+(?:we|you|they|anyone|anybody|somebody|it|this|that|something"
            r"|i)\b.*\b(?:see|seen|had|have|happen|encountered|met|experienced|hit"
            r"|run\s+into)\s+(?:\w+\s+){0,8}(?:before|already|previously|earlier)\b(?!\s+\w+day)"
            r"|\b(?:similar|like)\s+(?:incidents?\s+|outages?\s+|ones?\s+)?(?:to|this|that|these|it)\b"
            r"|\bsimilar\s+(?:past\s+)?(?:incident|outage|case)s?\b"
            r"|^\W*(?:have|has|had|did|was|were)\b.*\b(?:before|in\s+the\s+past|previously)\W*$"
            r"|\b(?:happened|occurred|been\s+here)\s+before\b|\bhave\s+we\s+(?:ever\s+)?(?:seen|had|met)\b"
            r"|\banything\s+like\s+this\b"
        ),
    ),
    (
        "recurring",
        (
            r"\b(?:do|does|we|they|it|that)\b(?:(?!\bdid\b).)*\bkeeps?\s+(?:on\s+)?(?:\w+ing"
            r"|the\s+same)\b(?<!did)|\brecurr(?:ing|ent|ences?)\b"
            r"|\b(?:do|does|are|is)\b.*\b(?:again\s+and\s+again|over\s+and\s+over|time\s+and\s+again"
            r"|repeatedly|so\s+(?:often|many|frequently))\b"
            r"|\brepeat(?:ed|ing)?\s+(?:causes?|incidents?|outages?|offenders?|problems?|issues?)\b"
            r"|\b(?:most\s+)?(?:common|frequent|usual|typical|main|top|biggest|leading"
            r"|prevalent)\s+(?:\w+\s+){0,3}(?:causes?|reasons?|sources?|culprits?|problems?|issues?"
            r"|triggers?)\b"
            r"|\bwhat\s+are\s+(?:our|the|my)\s+(?:\w+\s+){0,3}(?:root\s+)?causes\b|\b(?:any|what|which"
            r"|are\s+there|see|recognise|recognize)\s+(?:\w+\s+){0,3}patterns?\b|\bwhy\s+(?:do|does|are"
            r"|is)\b.*\b(?:always|constantly|often|regularly|every\s+\w+|all\s+the\s+time)\b"
            r"|\bcauses?\b.*\bmost\s+(?:often|\w+\s+incidents)\b|\bmost\s+often\b.*\bcauses?\b|\bwhat\s+usually\b"
        ),
    ),
    (
        "number",
        (
            r"\bmtt[rad]\b|\bmean\s+time\b|\bhow\s+many\b|\bhow\s+often\b|\bhow\s+(?:fast|quick|quickly|soon|slow|slowly)\b"
            r"|\b(?:average|median|typical|mean|p[579]\d|\d\dth\s+percentile)\b.{0,60}\b(?:time|duration"
            r"|resol\w+|ack\w*|recover\w*|restor\w*|respon\w+|long)\b"
            r"|\b(?:time|times|long)\s+to\s+(?:\w+\s+)?(?:resol\w+|ack\w*|recover\w*|restor\w*|respon\w+|repair|fix)\b"
            r"|\bnumber\s+of\b|\b(?:count|amount|total|share|percentage|rate)\s+of\s+(?:\w+[\s-]+){0,4}"
            + HAPPENING
            + r"|\b(?:resolution|acknowledge?ment|response|recovery|ack)\s+times?\b|\b(?:incident|reopen"
            r"|escalation)\s+(?:count|rate|volume|numbers?)\b"
            r"|\b(?:incident|outage|alert)\s+(?:metrics|statistics|stats)\b|\bper\s+(?:day|week|month|service|team)\b"
            r"|\bhow\s+long\s+(?:do|does|are|is|did|have|has|were)\s+(?:it|we|our|the\s+\w+\s+team"
            r"|\w+\s+(?:team|service)|people|incidents?|\w+(?:[\s-]\w+)?\s+incidents?)\b.*"
            r"|\bwhich\s+(?:service|team|priority|day|week|month)s?\b.{0,30}\b(?:most|fewest|least|longest"
            r"|shortest|slowest|fastest|worst|best|highest|lowest)\b"
            r"|\b(?:busiest|noisiest|worst|slowest|fastest|best|quietest)\s+(?:service|team|day|week|month)s?\b"
            r"|\b(?:better\s+or\s+worse|worse\s+or\s+better)\b"
            r"|^\W*(?:is|are|am|has|have|did)\b.*\b(?:getting|becoming|got|gotten|become)\s+(?:any\s+|much\s+)?(?:better|worse)\b"
            r"|^\W*(?:are|have)\s+(?:we|our\s+\w+)\s+(?:been\s+)?improv(?:ing|ed)\b"
        ),
    ),
    (
        "fix",
        (
            rf"\bhow\s+(?:did|do|was|were|can|could|should|would|is|are|have|had|has|to|might)\b(?!\s+come).*\b{_REPAIR}"
            rf"|\bwhat\s+(?:\w+\s+)?(?:fix|resolv|help|solv|mitigat|repair|cured?|restor|ended|stopped"
            rf"|put\s+(?:an\s+)?end|brought\s+(?:\w+\s+){{0,5}}back|got\s+(?:\w+\s+){{0,5}}(?:back|going"
            rf"|running|working)|made\s+(?:\w+\s+){{0,6}}(?:work|recover|go\s+away|available|healthy|better)"
            rf"|let\b|allowed|unblocked|cleared)"
            r"|\bwhat\s+(?:did|do|does|should|can|could|must|would|had|have|was|were|is|steps?|measures?"
            r"|actions?|changes?|remed\w+|kind\s+of\s+fix)\b.*\b(?:do|done|did|help\w*|take|taken|took|fix"
            r"|fixes|make|made|change|changed|try|tried|undertake|put\s+right|set\s+(?:\w+\s+){0,3}right"
            r"|applied|needed)\b"
            r"|\b(?:fix|cure|remedy|resolution|solution|workaround|work-around|remediation|mitigation|runbook"
            r"|playbook|countermeasures?)\s+(?:for|of|to|was|were|is|did|when|against|applied|in)\b"
            r"|\bhow\s+(?:did|do|can|should|could|have|had)\s+(?:we|i|you|they)\b(?!\s+(?:lose|lost|fail|miss"
            r"|break|broke|end\s+up|get\s+into|come|came|not|cause|run|ran|know|find|found|notice|detect|let"
            r"|allow))"
            r"|\bhow\s+to\b|\bwho\s+(?:fixed|resolved|solved)\b|\bby\s+what\s+means\b|\b(?:steps|measures"
            r"|remedy|remedies|workaround)\b"
            r"|\bhow\s+(?:was|were|did|is)\s+(?:it|that|this|the\s+\w+)\s+(?:over|put\s+right|sorted)"
        ),
    ),
    (
        "cause",
        (
            r"\bcaus(?:e|es|ed|ing)\b|\bwhy\b|\breasons?\b|\bhow\s+come\b|\bbehind\b|\bl(?:ed|ead|eads)\s+to\b"
            r"|\btrigger(?:ed|s)?\b"
            r"|\bwhat\s+(?:made|broke|went\s+wrong|took|brought|killed|exhausted|used\s+up|filled|let|kept"
            r"|was\s+wrong|set\s+off|happened\s+to)\b"
            r"|\bculprit\b|\bblame\w*\b|\bto\s+blame\b|\bresponsible\b|\borigin\b|\bexplain\w*\b"
            r"|\bexplanation\b|\bdue\s+to\s+what\b|\bhow\s+(?:did|could|can|was|were)\b"
            r"|\b(?:what|who)\s+(?:\w+ly\s+)?(?!happened|opened)\w+ed\b"
        ),
    ),
    (
        "list",
        (
            rf"\b(?:which|what|any|list|show|give\s+me|see|all|every|find|name|recent|latest|newest|open"
            rf"|unresolved|ongoing|active|current)\b(?:\W+\w+){{0,5}}\W+{HAPPENING}s?\b"
            r"|\bwhat(?:'s|\s+is|\s+was|\s+has|)\s*(?:happened|happening|happen|going\s+on|went\s+on"
            r"|gone\s+wrong|broken|open|on\s+fire|burning|down|new)\b"
            rf"|\bwhat\s+did\b.*\bhappen\b|\b(?:was|were|is|are)\s+there\b|\bdid\s+(?:we|you|they|anything"
            rf"|something)\s+(?:have|break|fail|happen|go)\b|^\W*(?:\w+\W+){{0,3}}{HAPPENING}s?\W*$"
        ),
    ),
)
_COMPILED = tuple((intent, re.compile(pattern, re.IGNORECASE | re.DOTALL)) for intent, pattern in _KINDS)

# "How long did the checkout outage take?" asks about one incident, not about all.
_ONE = re.compile(rf"\b(?:the|that|this)\s+(?:[\w'’-]+\s+){{0,6}}{HAPPENING}\b(?!s)", re.IGNORECASE)
_LASTED = re.compile(
    r"\bhow\s+long\b|\bwhen\b|\bhow\s+(?:fast|quick|quickly|soon)\b|\btime\s+to\b"
    r"|\bwho\b(?!\s+(?:fixed|resolved|solved|mended|repaired)\b)",
    re.IGNORECASE,
)
_TOOK = re.compile(r"\bhow\s+long\s+did\s+(?:the|that|this)\b.*\b(?:take|last)\b", re.IGNORECASE)
_MANY = re.compile(r"\bhow\s+(?:many|often)\b|\bmtt[ra]\b|\bmean\b|\baverage\b|\bmedian\b|\bp\d\d\b", re.IGNORECASE)


def intent_of(text: str) -> Intent:
    """The kind of the question; `incident` for one that asks how long or when a certain incident was."""
    if _LASTED.search(text) and (_ONE.search(text) or _TOOK.search(text)) and not _MANY.search(text):
        return "incident"
    return next((intent for intent, pattern in _COMPILED if pattern.search(text)), "search")
