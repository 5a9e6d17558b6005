"""The process that libFuzzer runs in: `python -m tests.fuzz.engine TARGET PROGRAM OPTIONS`."""

import sys

import atheris


def main() -> None:
    """Fuzz with the options of the command line, as libFuzzer has them; does not return."""
    with atheris.instrument_imports(include=["rtc_dtls"]):
        from tests.fuzz.targets import TARGETS
    _, target, *arguments = sys.argv
    atheris.Setup(arguments, TARGETS[target])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
