"""Who does something by a command, as the audit log keeps it."""

import argparse
import getpass

LONGEST_ACTOR = 100


def actor_argument(text: str) -> str:
    """As argparse takes it: one line of what can be read, and not too long."""
    if not text.strip() or len(text) > LONGEST_ACTOR or not text.isprintable():
        raise argparse.ArgumentTypeError(f"one line of 1 to {LONGEST_ACTOR} characters")
    return text


def current_user(otherwise: str) -> str:
    """Who is logged in; `otherwise` where nobody is, or by no name that can be read."""
    try:
        return actor_argument(getpass.getuser())
    except (KeyError, OSError, argparse.ArgumentTypeError):
        return otherwise
