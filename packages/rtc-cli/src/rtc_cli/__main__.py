"""`python -m rtc_cli` is `rtc`."""

from .main import main

main(prog_name="rtc")
