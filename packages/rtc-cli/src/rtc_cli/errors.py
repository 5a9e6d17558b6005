"""What a command reports to a person."""


def reason(error: Exception) -> str:
    """Why, without the number and the path that Python puts around it."""
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


class CommandError(Exception):
    """It did not work; the message is the one sentence that says why and, where possible, what to do."""


class CheckFailedError(Exception):
    """It was told already, in full, that something does not work; what is left is the exit code."""
