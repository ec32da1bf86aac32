"""All scenarios of ``make bench-discovery``."""

from published import published
from unpublished import guessed, hanging, hostile

SCENARIOS = (*published(), *guessed(), *hanging(), *hostile())
