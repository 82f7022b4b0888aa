"""How surely a sentence tells a cause or a fix, by its words."""

import re
from typing import Literal

from em_agent.ask.cue_words import CAUSE, FIX

Aspect = Literal["cause", "fix"]

# What makes a sentence say less than its words, or the contrary.
_DENIED = re.compile(
    (
        r"\bnot\s+(?:\w+\s+)?(?:caused|due|because|related|the\s+(?:root\s+)?(?:cause|culprit|reason"
        r"|problem|issue)|from|it\b|responsible|a\s+\w+\s+(?:problem|issue))|\b(?:isn't|wasn't|aren't"
        r"|weren't)\s+(?:\w+\s+){0,2}(?:caused|due|because|related|the\s+(?:cause|culprit|reason|problem"
        r"|issue)|it\b)"
        r"|\brul(?:ed|ing)\s+(?:\w+\s+){0,3}out\b|\bexcluded\s+as\b|\bunrelated\b|\bred\s+herring\b"
        r"|\bno\s+(?:evidence|sign|indication|correlation|errors?)\b|\bnothing\s+(?:wrong|suspicious|unusual|new"
        r"|odd|strange|to\s+see|in\s+the)\b|\bfalse\s+(?:lead|trail|alarm)\b|\binnocent\b"
        r"|\blooks?\s+(?:fine|ok|okay|normal|healthy|good|clean)\b|\bexonerat\w+|\bcoinciden\w+"
    ),
    re.IGNORECASE,
)
_GUESSED = re.compile(
    (
        r"\b(?:suspect\w*|suspicion|maybe|perhaps|might|may\s+(?:be|have)|could\s+(?:be|have\s+been)"
        r"|possibly|presumably|guess(?:ing)?|not\s+sure|unsure|unclear|unknown|hypothes\w+|theory"
        r"|wonder\w*|i\s+think|we\s+think|we\s+believe|seems?\s+(?:to|like)|looks?\s+like|smells?\s+like"
        r"|first\s+thought|at\s+first|initially|supposedly|assum\w+|potential(?:ly)?)\b|\?\s*$"
    ),
    re.IGNORECASE,
)
_FAILED = re.compile(
    (
        r"\b(?:did|does|do|has|have|was|were|had|is)(?:\s+not|n't)\s+(?:\w+\s+)?(?:help|work|change|fix"
        r"|solve|resolve|effective|enough|improve|do\s+(?:anything|it)|make|change|stick|last)\w*"
        r"|\bno\s+(?:effect|change|luck|difference|improvement|help|joy|avail)\b|\bwithout\s+(?:success"
        r"|effect|luck|any\s+effect)\b|\bhelped\s+nothing\b|\bto\s+no\s+avail\b|\bin\s+vain\b"
        r"|\bstill\s+(?:failing|down|broken|slow|erroring|the\s+same|there|happening|high|red|stuck|timing"
        r"|crashing|seeing)\b|\bonly\s+(?:helped|lasted|for)\b|\bcame\s+back\s+(?:after|within|again)\b"
        r"|\btried\b|\btrying\b|\battempt\w*|\bmade\s+(?:it|things)\s+worse\b|\bnothing\s+changed\b"
        r"|\bunsuccessful\w*|\bfor\s+(?:ten|five|two|three|a\s+few|\d+)\s+minutes\s+only\b"
    ),
    re.IGNORECASE,
)
_CHATTER = re.compile(
    (
        r"\b(?:investigating|looking\s+into|look\s+into|checking|aware\s+of|(?:next|further|another|an"
        r"|more|keep\w*)\s+(?:\w+\s+){0,3}updates?\b|continu(?:e|ing)\s+to\s+(?:investigate|monitor|work"
        r"|see|experience)|stand\s?by|on\s+it\b|acknowledg\w*|paging|paged|escalat\w+|joined|zoom|bridge"
        r"|monitoring\s+(?:the\s+)?(?:recovery|situation)|will\s+(?:update|monitor|keep|share)|eta\b"
        r"|thanks|please|apologi[sz]e|regret|experiencing|more\s+detail\s+can|seeing\s+(?:recovery|issues"
        r"|reports|elevated))\b"
    ),
    re.IGNORECASE,
)
_PLANNED = re.compile(
    (
        r"\b(?:will|shall|going\s+to|should|ought|must|needs?\s+to|have\s+to|todo|to\s+do|action\s+items?"
        r"|follow-?ups?|next\s+steps?|plan(?:s|ned|ning)?\s+to|we\s+are\s+(?:also\s+)?(?:working|improving"
        r"|looking|planning)|working\s+(?:to|on|with)|long[\s-]term|in\s+(?:the\s+)?future|ticket|later"
        r"|tomorrow|next\s+(?:week|sprint|quarter)|want\s+to|would\s+have|consider\w*|proposal"
        r"|backlog\s+item|prevent\s+(?:this|it|such|future|similar|recurrence)|recurr\w+|likelihood)\b"
    ),
    re.IGNORECASE,
)
_IMPACT = re.compile(
    (
        r"\b(?:customers?|users?|visitors?|people|clients?|tenants?|passengers?|shoppers?"
        r"|drivers?)\s+(?:\w+\s+){0,3}(?:saw|see|seeing|could|can|cannot|can't|couldn't|report\w*"
        r"|experienc\w+|received|get|got|complain\w*|were|are|may|might|would)\b|\b(?:impact|affected"
        r"|approximately|peaked|error\s+rates?|on\s+average|up\s+to\s+\d|data\s+loss|between\s+\d)\b"
    ),
    re.IGNORECASE,
)
# What had been done before the incident is no remedy.
_EARLIER = re.compile(
    (
        r"\bhad\s+(?:\w+ly\s+|just\s+|also\s+)?(?:been\s+)?(?:\w+ed|\w+t|\w+n)\b|\b(?:the\s+(?:day|evening"
        r"|night|week)\s+before|yesterday(?:'s)?|last\s+(?:week|month|year|night|\w+day)|in\s+20[0-9]{2}"
        r"|earlier\s+(?:today|this\s+week)|years?\s+ago|months?\s+ago|weeks?\s+ago|days?\s+ago)\b"
    ),
    re.IGNORECASE,
)
# What was looked for, and what changed by itself, is no remedy: "no deploy in the window, but the flag changed".
_SOUGHT = re.compile(
    r"\bno\s+(?:\w+\s+)?(?:deploy\w*|releases?|roll-?outs?|changes?|commits?|merges?)\b"
    r"|\bonly\s+(?:\w+\s+){1,4}changed\b|\b(?:flag|config\w*|setting|version|schema)\s+(?:[\w.-]+\s+){0,2}changed\b",
    re.IGNORECASE,
)
# How long it took says neither.
_LASTED = re.compile(
    (
        r"\b(?:took|lasted|spent|delayed|within|after)\s+(?:us\s+|about\s+|only\s+|a\s+further\s+"
        r"|another\s+)?(?:\w+\s+)?(?:\d+\s*)?(?:h|hours?|min|minutes?|days?|longer|too\s+long)\b"
        r"|\b(?:recovery|restoring|restoration|rebuilding|repair|detection|fixing)\b.*\b(?:was\s+slow|took"
        r"|lasted|longer)\b"
    ),
    re.IGNORECASE,
)
# That the cause is known, and not what it is.
_UNTOLD = re.compile(
    (
        r"\b(?:cause|causes|reason|issue|problem|source|culprit)\b(?:\s+(?:of|for|behind)\s+(?:[\w'-]+\s+){1,6}?)?\s*"
        r"(?:is|are|was|were|has\s+been|have\s+been)\s+(?:now\s+|already\s+|also\s+)?(?:known|identified|found|understood"
        r"|mitigated|addressed|fixed|resolved|confirmed|isolated|located)\b(?!\s*(?::|[–—-]|as\b|to\s+be\b|in\b|by\b|with\b))"
        r"|\b(?:identified|found|know|isolated|located|understand|determined|mitigated|confirmed)\s+(?:the|a|its|that|what)\s+"
        r"(?:\w+\s+){0,3}?(?:cause|issue|problem|source|reason|culprit|caused\s+(?:this|it))\b(?!\s*(?::|[–—-]))"
        r"(?:\s+of\s+(?:[\w'-]+\s*){1,6}?)?(?=\s*(?:,|\.|;|and\b|but\b|$))"
    ),
    re.IGNORECASE,
)
_PENDING = re.compile(
    r"\b(?:mend|fix|remedy|solution|patch)\s+is\s+(?:on\s+its\s+way|being\s+\w+|in\s+progress|coming)\b", re.IGNORECASE
)
_ALERT = re.compile(
    r"^\W*(?:\[?(?:firing|alert|alarm|critical|warning|p[1-5])\b|\w+\s+(?:is\s+)?(?:above|below)\s+)", re.IGNORECASE
)


_PLAIN = 2.0
_OTHER = 1.0


def weight_of(text: str, aspect: Aspect) -> float:
    """How surely the sentence tells the cause or the fix: 0 for one that does not, below for one that denies it."""
    weight = _found(text, aspect)
    if aspect == "cause" and weight < _PLAIN and _found(text, "fix") >= _PLAIN:
        weight -= _OTHER  # what was done, rather than what was wrong
    return weight - _less(text, aspect)


def _found(text: str, aspect: Aspect) -> float:
    """The weight of the best cue, with some of those of the next two."""
    cues = CAUSE if aspect == "cause" else FIX
    found = sorted((cue.weight for cue in cues if cue.pattern.search(text)), reverse=True)
    return sum(value / (2 * rank + 1) for rank, value in enumerate(found[:3]))


def _less(text: str, aspect: Aspect) -> float:
    signs: tuple[tuple[re.Pattern[str], float], ...]
    if aspect == "cause":
        signs = (
            (_DENIED, 4.0),
            (_GUESSED, 1.8),
            (_UNTOLD, 4.0),
            (_PENDING, 1.0),
            (_CHATTER, 1.6),
            (_PLANNED, 1.4),
            (_IMPACT, 0.6),
            (_ALERT, 0.6),
            (_LASTED, 1.2),
        )
    else:
        signs = (
            (_FAILED, 4.0),
            (_GUESSED, 1.2),
            (_PENDING, 2.5),
            (_CHATTER, 1.6),
            (_PLANNED, 1.8),
            (_IMPACT, 0.6),
            (_ALERT, 1.0),
            (_EARLIER, 2.0),
            (_SOUGHT, 3.0),
            (_LASTED, 1.2),
        )
    return sum(weight for pattern, weight in signs if pattern.search(text))
