"""`python -m em_agent` is the `em-agent` command."""

from em_agent.cli import main

main()
