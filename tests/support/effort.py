"""How many examples a property gets: few while somebody waits, twenty times as many under `nox -s fuzz`."""

from typing import Final

from hypothesis import HealthCheck, settings

EXAMPLES: Final = 100
"""Examples of a property that does not say how many it wants."""
THOROUGH: Final = 20


def load_profile(name: str) -> None:
    """Make ``default`` or ``thorough`` what properties run with; before any of them is imported."""
    quick = settings(deadline=None, max_examples=EXAMPLES, suppress_health_check=[HealthCheck.too_slow])
    settings.register_profile("default", quick)
    settings.register_profile("thorough", quick, max_examples=EXAMPLES * THOROUGH)
    settings.load_profile(name)


def examples(count: int) -> settings:
    """Decorate a property whose examples are dear, or cheap: `count` of them where others get `EXAMPLES`."""
    return settings(max_examples=count * settings().max_examples // EXAMPLES)
