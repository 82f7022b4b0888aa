"""`help`: what can be asked, and what to try where something else was."""

from em_agent.slack import blocks
from em_agent.slack.answers.answer import Answer, plain_answer
from em_agent.slack.arguments import suggestions

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


def unknown_answer(command: str, word: str) -> Answer:
    """What to try instead of a sub-command that there is none of."""
    alike = suggestions(word, list(COMMANDS))
    guess = f" Did you mean {command} {alike[0]}?" if alike else ""
    return plain_answer(f"I do not know \u201c{word[:60]}\u201d.{guess} {command} help says what I do.")
