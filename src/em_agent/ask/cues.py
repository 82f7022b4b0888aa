"""The words by which people say what broke, and those by which they say what they did about it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Aspect = Literal["cause", "fix"]


@dataclass(frozen=True, slots=True)
class Cue:
    """A pattern and what finding it is worth."""

    weight: float
    pattern: re.Pattern[str]


def _cues(*pairs: tuple[float, str]) -> tuple[Cue, ...]:
    return tuple(Cue(weight, re.compile(pattern, re.IGNORECASE)) for weight, pattern in pairs)


_CAUSE = _cues(
    # It says that it names the cause.
    (4.0, r"\broot[\s-]cause\b(?!\s+(?:analysis|is\s+(?:still\s+)?(?:unknown|unclear|not)|unknown|unclear|investigation|will))"),
    (4.0, r"\b(?:was|were|is|are|been|being)\s+(?:\w+\s+)?caused\s+by\b|\bcaused\s+by\b|\bcauses?\s*:|\b(?:the|our|real|actual|true)\s+cause\s+(?:was|is|of)\b"),
    (3.6, r"\bdue\s+to\b|\bbecause\b|\bowing\s+to\b|\bon\s+account\s+of\b|\b(?:as\s+)?(?:a|the)\s+(?:direct\s+)?(?:result|consequence)\s+of\b"),
    (3.6, r"\btriggered\s+(?:by|when|after)\b|\bculprits?\b|\b(?:traced|tracked|narrowed|pinned|boils?|boiled|comes?|came|goes|went)\s+(?:\w+\s+){0,2}(?:back\s+|down\s+)(?:to|from|on)\b|\btraced\s+(?:\w+\s+)?to\b"),
    (3.4, r"\bturn(?:s|ed)\s+out\b|\bresulted\s+from\b|\bstem(?:s|med)\s+from\b|\battribut(?:ed|able)\s+to\b|\bbrought\s+(?:on|about)\s+by\b|\boriginat\w+\s+(?:from|in)\b"),
    (3.0, r"\bled\s+to\b|\bleading\s+to\b|\bresult(?:ed|ing)\s+in\b|\bthe\s+reason\b|\breason\s*(?::|was|is|for)|\bthat(?:'s|\s+is|\s+was)\s+why\b|\bwhich\s+is\s+why\b|\bexplains\b|\bhence\b|\bto\s+blame\b"),
    (3.0, r"\b(?:exposed|hit|triggered|introduced|contained|had)\s+(?:a|an|the)\s+(?:\w+\s+){0,3}(?:bug|regression|defect|race|flaw|leak|deadlock)\b|\b(?:bug|regression|defect|typo|race\s+condition|memory\s+leak|misconfigur\w+)\b"),
    (2.6, r"\b(?:the|this|that|which|it|change|deploy\w*|upgrade|migration|bug|job|query|script|rule|config\w*|update|\w+s)\s+(?:had\s+|has\s+)?caused\b|\bcaus(?:ed|ing)\b"),
    (2.6, r"\b(?:therefore|consequently|thereby|thus|meaning\s+that|(?:which|this|that|it)\s+means?t?|meant\s+that|in\s+turn|made\s+(?:it|the|every|all|our|them)\b|so\s+(?:the|it|they|every|all|each|nothing|no)\b)|,\s+(?:as|since|for)\s+(?:they|it|we|the|there|its|this|our|no|that|each|every|\w+'s)\b|:\s+(?:the|a|an|it|its|our)\s+\w+"),
    (2.4, r"\b(?:problem|issue|fault|error|trouble|catch|trick|snag|mistake)\s+(?:was|is|lay|lies)\b|\bfound\s+(?:it|out|the|that|a|an)\b|\bfound\s*:|\bidentified\s+(?:that|the|a|an)\b|\bdiscovered\b|\brealised\b|\brealized\b"),
    (2.0, r"\b(?:prevent|block|starv|exhaust|overload|overwhelm|saturat|crash|break|broke|kill|fill|lock|corrupt|expos)(?:s|ed|ing)?\b(?=\s+(?:the|all|every|our|a|an|its|\w+s)\b)"),
    # It tells what was wrong.
    (1.8, r"\b(?:expired|lapsed|ran\s+out|run\s+out|running\s+out|exhausted|used\s+up|filled\s+up|is\s+full|was\s+full|at\s+100\s?%|maxed\s+out|overloaded|saturated|out\s+of\s+(?:memory|disk|space|sync|date|connections|handles|file))\b"),
    (1.8, r"\b(?:accident(?:al|ally)?|mistaken(?:ly)?|by\s+mistake|inadvertent(?:ly)?|unintention\w+|unexpected(?:ly)?|incorrect(?:ly)?|wrong(?:ly)?|forgot(?:ten)?|overlooked|misread|mis\w+ed)\b"),
    (1.6, r"\b(?:missing|deleted|dropped|removed|renamed|revoked|disabled|moved|gone|lost|empty|stale|outdated|old|duplicate|corrupt(?:ed)?|broken|invalid|malformed|unindexed|stuck)\b"),
    (1.4, r"\b(?:since|after)\s+(?:the|this|that|yesterday|last|today|a|an|monday|tuesday|wednesday|thursday|friday|\d)"),
    (1.4, r"\b(?:deploy(?:ed|ment)?|release[ds]?|upgrade[ds]?|migrat(?:ed|ion)|rollout|rolled\s+out|merged|shipped|config(?:uration)?\s+change|changed|rotated|rotation|switched|commit|pull\s+request|cron\s*job|feature\s+flag)\b"),
    (1.4, r"\btoo\s+(?:many|much|small|low|large|big|long|short|slow|few|high|old|late|early)\b|\b(?:limit|quota|capacity|pool)\b|\bnever\b|\bno\s+longer\b|\bwithout\b|\binstead\s+of\b|\b(?:did\s+not|didn't|does\s+not|doesn't|do\s+not|don't|was\s+not|wasn't|had\s+not|hadn't|has\s+no|had\s+no|have\s+no|could\s+not|couldn't)\b"),
    (1.2, r"\bwhile\b|\bat\s+the\s+same\s+time\b|\bwhenever\b|\bevery\s+time\b|\beach\b|\bso\s+(?:that\s+)?(?:\w+\s+)?(?:every|all|the|each|our|it|they|no|nothing|\w+s)\b|\bstill\s+(?:had|has|points?|pointed|used|uses|thought|ran)\b|\bpoint(?:s|ed|ing)\s+(?:to|at)\b|\bset\s+to\b"),
    (1.0, r"\b(?:leak|deadlock|loop|cycle|race|spike|surge|flood|storm|backlog|contention|lock(?:s|ed)?|throttl\w+|timeout|outage\s+at|certificate|dns|disk|memory|cpu|index|query|replica\w*|cable|power|cooling|switch|firmware)\b"),
)  # fmt: skip

_FIX = _cues(
    (4.0, r"\b(?:resolved|fixed|mitigated|solved|remedied|cured|repaired|addressed|worked\s+around|cleared|restored)\s+(?:it\s+|this\s+|that\s+|the\s+\w+\s+)?(?:by|with|through|via|after|when|once|using|thanks)\b|\b(?:fix|resolution|mitigation|remedy|workaround|solution|cure)\s*(?:was|is|were|:)|\bfix\s+(?:for|to|by)\b"),
    (3.8, r"\broll(?:ed|ing)\s+(?:\w+\s+){0,4}back\b|\brollback\b|\brevert(?:ed|ing)?\b|\bfail(?:ed|ing)\s+over\b|\bfailover\s+(?:done|complete|to)\b|\bback\s+out\b|\bbacked\s+out\b"),
    (3.6, r"\b(?:restart|reboot|redeploy|recreat|rebuil|re-?ran|re-?run|rerun|reinstall|reload|reset|re-?index|re-?seed|re-?sync|re-?issu|re-?new|restor|replay|re-?queu|re-?process|re-?enabl|re-?rout|repoint|re-?start)(?:ed|t|e|ing|d|s)?\b"),
    (3.4, r"\b(?:scaled|increased|raised|bumped|doubled|tripled|enlarged|extended|grew|lowered|reduced|decreased|halved|capped|limited|throttled|widened|resized)\b"),
    (3.2, r"\b(?:disabled|enabled|turned\s+(?:\w+\s+){0,3}(?:off|on)|switched\s+(?:\w+\s+){0,4}(?:off|on|to|over|back)|shut\s+(?:\w+\s+)?(?:down|off)|paused|stopped|suspended|resumed|unpaused|unblocked|blocked|banned|blacklisted|allow-?listed|drained|cordoned|isolated|detached|evicted|failed\s+out)\b"),
    (3.0, r"\b(?:killed|terminated|cancelled|canceled|cleared|purged|flushed|emptied|deleted|dropped|removed|truncated|vacuumed|compacted|pruned|freed|skipped|evicted|unlocked|released|dismissed|archived|cleaned)\b"),
    (3.0, r"\b(?:patched|hot-?fix(?:ed)?|deployed|shipped|pushed|merged|applied|released|rolled\s+out|installed|upgraded|downgraded|pinned|corrected|adjusted|tuned|tweaked|edited|rewrote|rewritten|replaced|swapped|exchanged|renewed|rotated|issued|uploaded|imported)\b"),
    (2.6, r"\b(?:added|created|put|set|moved|changed|wrote|ran|pointed|routed|shifted|redirected|copied|connected|plugged|provisioned|failed|split|spread|promoted|demoted|opened|closed|registered|granted|fenced|backfilled|refunded|converted|recalculated|warmed|bypassed|bound|mapped|ordered|excluded|forced|implemented|introduced|configured|improved)\b"),
    (2.2, r"\b(?:restart|reboot|rollback|roll\s+back|failover|hotfix|workaround|work-?around|fix|patch|mitigation)\b"),
    (2.4, r"\b(?:from\s+now\s+on|no\s+longer|(?:we|it|they|is|are|do|does)\s+now|now\s+(?:\w+s|\w+ed|has|have|is|are|in|on|with)\b|as\s+a\s+remedy|what\s+helped|(?:have|has)\s+(?:gone|been\s+\w+ed)|(?:of|with)\s+(?:its|their)\s+own|since\s+then|for\s+good|helped)\b"),
    (1.4, r"\bby\s+(?:hand|\w+ing)\b|\bmanually\b|\btemporar\w+\b|\bas\s+a\s+(?:stop-?gap|quick\s+fix|workaround|precaution)\b|\buntil\s+(?:then|we)\b"),
    (1.2, r"\b(?:gave|took|made|sent|asked|called|told|got|let)\b"),
    (1.2, r"\b(?:recover(?:ed|ing|s)|back\s+(?:to\s+normal|up|online|again|in)|healthy|normal(?:ised|ized)?|came\s+back|went\s+(?:away|down)|gone|green|all\s+clear|drained|caught\s+up|catching\s+up|works\s+again|working\s+again|stable|subsided|ok\s+now|fine\s+(?:now|again|since)|resolved|fixed|mitigated|solved)\b"),
)  # fmt: skip

# What makes a sentence say less than its words, or the contrary.
_DENIED = re.compile(
    r"\bnot\s+(?:\w+\s+)?(?:caused|due|because|related|the\s+(?:root\s+)?(?:cause|culprit|reason|problem|issue)|from|it\b|responsible|a\s+\w+\s+(?:problem|issue))|\b(?:isn't|wasn't|aren't|weren't)\s+(?:\w+\s+){0,2}(?:caused|due|because|related|the\s+(?:cause|culprit|reason|problem|issue)|it\b)"
    r"|\brul(?:ed|ing)\s+(?:\w+\s+){0,3}out\b|\bexcluded\s+as\b|\bunrelated\b|\bred\s+herring\b|\bno\s+(?:evidence|sign|indication|correlation)\b|\bnothing\s+(?:wrong|suspicious|unusual|new|odd|strange|to\s+see|in\s+the)\b|\bfalse\s+(?:lead|trail|alarm)\b|\binnocent\b|\blooks?\s+(?:fine|ok|okay|normal|healthy|good|clean)\b|\bexonerat\w+|\bcoinciden\w+",
    re.IGNORECASE,
)
_GUESSED = re.compile(
    r"\b(?:suspect\w*|suspicion|maybe|perhaps|might|may\s+(?:be|have)|could\s+(?:be|have\s+been)|possibly|presumably|guess(?:ing)?|not\s+sure|unsure|unclear|unknown|hypothes\w+|theory|wonder\w*|i\s+think|we\s+think|we\s+believe|seems?\s+(?:to|like)|looks?\s+like|smells?\s+like|first\s+thought|at\s+first|initially|supposedly|assum\w+|potential(?:ly)?)\b|\?\s*$",
    re.IGNORECASE,
)
_FAILED = re.compile(
    r"\b(?:did|does|do|has|have|was|were|had|is)(?:\s+not|n't)\s+(?:\w+\s+)?(?:help|work|change|fix|solve|resolve|effective|enough|improve|do\s+(?:anything|it)|make|change|stick|last)\w*|\bno\s+(?:effect|change|luck|difference|improvement|help|joy|avail)\b|\bwithout\s+(?:success|effect|luck|any\s+effect)\b|\bhelped\s+nothing\b|\bto\s+no\s+avail\b|\bin\s+vain\b|\bstill\s+(?:failing|down|broken|slow|erroring|the\s+same|there|happening|high|red|stuck|timing|crashing|seeing)\b|\bonly\s+(?:helped|lasted|for)\b|\bcame\s+back\s+(?:after|within|again)\b|\btried\b|\btrying\b|\battempt\w*|\bmade\s+(?:it|things)\s+worse\b|\bnothing\s+changed\b|\bunsuccessful\w*|\bfor\s+(?:ten|five|two|three|a\s+few|\d+)\s+minutes\s+only\b",
    re.IGNORECASE,
)
_CHATTER = re.compile(
    r"\b(?:investigating|looking\s+into|look\s+into|checking|aware\s+of|(?:next|further|another|an|more|keep\w*)\s+(?:\w+\s+){0,3}updates?\b|continu(?:e|ing)\s+to\s+(?:investigate|monitor|work|see|experience)|stand\s?by|on\s+it\b|acknowledg\w*|paging|paged|escalat\w+|joined|zoom|bridge|monitoring\s+(?:the\s+)?(?:recovery|situation)|will\s+(?:update|monitor|keep|share)|eta\b|thanks|please|apologi[sz]e|regret|experiencing|more\s+detail\s+can|seeing\s+(?:recovery|issues|reports|elevated))\b",
    re.IGNORECASE,
)
_PLANNED = re.compile(
    r"\b(?:will|shall|going\s+to|should|ought|must|needs?\s+to|have\s+to|todo|to\s+do|action\s+items?|follow-?ups?|next\s+steps?|plan(?:s|ned|ning)?\s+to|we\s+are\s+(?:also\s+)?(?:working|improving|looking|planning)|working\s+(?:to|on|with)|long[\s-]term|in\s+(?:the\s+)?future|ticket|later|tomorrow|next\s+(?:week|sprint|quarter)|want\s+to|would\s+have|consider\w*|proposal|backlog\s+item|prevent\s+(?:this|it|such|future|similar|recurrence)|recurr\w+|likelihood)\b",
    re.IGNORECASE,
)
_IMPACT = re.compile(
    r"\b(?:customers?|users?|visitors?|people|clients?|tenants?|passengers?|shoppers?|drivers?)\s+(?:\w+\s+){0,3}(?:saw|see|seeing|could|can|cannot|can't|couldn't|report\w*|experienc\w+|received|get|got|complain\w*|were|are|may|might|would)\b|\b(?:impact|affected|approximately|peaked|error\s+rates?|on\s+average|up\s+to\s+\d|data\s+loss|between\s+\d)\b",
    re.IGNORECASE,
)
# What had been done before the incident is no remedy.
_EARLIER = re.compile(
    r"\bhad\s+(?:\w+ly\s+|just\s+|also\s+)?(?:been\s+)?(?:\w+ed|\w+t|\w+n)\b|\b(?:the\s+(?:day|evening|night|week)\s+before|yesterday(?:'s)?|last\s+(?:week|month|year|night|\w+day)|in\s+20[0-9]{2}|earlier\s+(?:today|this\s+week)|years?\s+ago|months?\s+ago|weeks?\s+ago|days?\s+ago)\b",
    re.IGNORECASE,
)
# How long it took says neither.
_LASTED = re.compile(
    r"\b(?:took|lasted|spent|delayed|within|after)\s+(?:us\s+|about\s+|only\s+|a\s+further\s+|another\s+)?(?:\w+\s+)?(?:\d+\s*)?(?:h|hours?|min|minutes?|days?|longer|too\s+long)\b|\b(?:recovery|restoring|restoration|rebuilding|repair|detection|fixing)\b.*\b(?:was\s+slow|took|lasted|longer)\b",
    re.IGNORECASE,
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
    cues = _CAUSE if aspect == "cause" else _FIX
    found = sorted((cue.weight for cue in cues if cue.pattern.search(text)), reverse=True)
    return sum(value / (2 * rank + 1) for rank, value in enumerate(found[:3]))


def _less(text: str, aspect: Aspect) -> float:
    signs: tuple[tuple[re.Pattern[str], float], ...]
    if aspect == "cause":
        signs = (
            (_DENIED, 4.0),
            (_GUESSED, 1.8),
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
            (_CHATTER, 1.6),
            (_PLANNED, 1.8),
            (_IMPACT, 0.6),
            (_ALERT, 1.0),
            (_EARLIER, 2.0),
            (_LASTED, 1.2),
        )
    return sum(weight for pattern, weight in signs if pattern.search(text))


def says(text: str, aspect: Aspect, least: float = 2.0) -> bool:
    """Whether the sentence by its words tells the cause or the fix."""
    return weight_of(text, aspect) >= least


def denied(text: str, aspect: Aspect) -> bool:
    """Whether it says what the cause was not, or what did not help."""
    return (_DENIED if aspect == "cause" else _FAILED).search(text) is not None


def any_says(texts: Iterable[str], aspect: Aspect) -> bool:
    """Whether one of the sentences does."""
    return any(says(text, aspect) for text in texts)
