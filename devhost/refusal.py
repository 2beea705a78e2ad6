class Refused(Exception):
    """The app cannot start; the message is the one line that tells its author why."""
