"""`help`: what can be asked, and what to try where something else was."""

from em_agent.slack import blocks
from em_agent.slack.answers.answer import Answer, plain_answer
from em_agent.slack.arguments import suggestions

_FEWEST_WORDS = 3  # of what may be a question

COMMANDS = {
    "ask": ("ask <question>", "What caused, and what mended, past incidents; with sources."),
    "incidents": (
        "incidents [service] [open|week|last month]",
        "The newest, or those of a service, state or time.",
    ),
    "incident": ("incident <number>", "One incident: state, times, notes."),
    "mttr": ("mttr [service] [period]", "How fast incidents are acknowledged and resolved."),
    "similar": ("similar <number>", "Past incidents like this one, and what mended them."),
    "help": ("help", "This."),
}


def help_answer(command: str) -> Answer:
    """What can be asked of `command`."""
    lines = [
        blocks.section(blocks.words(f"{command} {usage}", "code"), blocks.words(f"  {meaning}"))
        for usage, meaning in COMMANDS.values()
    ]
    shown = blocks.rich(
        blocks.section(blocks.words("EM Agent knows your incidents. Ask it:", "bold")),
        blocks.bullets(*lines),
        blocks.section(blocks.words("Only you see the answer, until you share it. Or mention me, or write to me.")),
    )
    names = ", ".join(COMMANDS)
    return Answer(f"EM Agent understands: {names}.", ((shown,),), can_share=False)


def unknown_answer(command: str, said: str) -> Answer:
    """What to try instead of words that begin with no sub-command."""
    word = said.split(maxsplit=1)[0]
    guess = _guess(word, said)
    hint = f" Did you mean {command} {guess}?" if guess else ""
    return plain_answer(f"I do not know \u201c{word[:60]}\u201d.{hint} {command} help says what I do.")


def _guess(word: str, said: str) -> str | None:
    if word.removeprefix("#").isdigit():
        return f"incident {word[:20]}"
    alike = suggestions(word, list(COMMANDS))
    if alike:
        return alike[0]
    return f"ask {said[:100]}" if len(said.split()) >= _FEWEST_WORDS else None
