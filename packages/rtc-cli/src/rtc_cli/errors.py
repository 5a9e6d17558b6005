"""What a command reports to a person."""


class CommandError(Exception):
    """It did not work; the message is the one sentence that says why and, where possible, what to do."""
