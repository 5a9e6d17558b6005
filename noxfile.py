"""Every check of the project, for developers and continuous integration alike: `nox` runs them all, `nox -s NAME` one.

tests        everything on virtual time and the adapters on real sockets        specs      requirement index against code and tests
lint, types  ruff, layering, mypy                                               alone      each package installed and run by itself
interop      browsers and other implementations                                 simulate   whole peer connections from seeds, by the thousand
docs         Sphinx, warnings are errors                                        bench      ratios against other stacks (not run by default)
quick        the tests that take seconds, for every save (not by default)       fuzz       properties with many more examples (not by default)
coverage     branches by package (not by default)                               build      wheels and archives into dist/ (not by default)
guided       coverage-guided fuzzing of rtc_dtls by atheris (not by default)
"""

import os
import shutil
from pathlib import Path

import nox

nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_missing_interpreters = False
nox.options.sessions = ["lint", "types", "tests", "specs", "alone", "simulate", "interop", "docs"]

ROOT = Path(__file__).parent
PACKAGES = sorted(path.parent for path in ROOT.glob("packages/*/pyproject.toml"))
SETTINGS = nox.project.load_toml("pyproject.toml")
RESULTS = ROOT / "specs" / ".results.json"
OWN_ENVIRONMENTS = {"UV_PYTHON": None, "VIRTUAL_ENV": None}
"""For commands that make environments of their own, and would install into that of the session."""


def install(session: nox.Session, *groups: str) -> None:
    """Install every package of the workspace, editable, with the tools of some dependency groups."""
    requirements = nox.project.dependency_groups(SETTINGS, *groups)
    editable = [argument for package in PACKAGES for argument in ("-e", str(package.relative_to(ROOT)))]
    session.install(*editable, "google-crc32c", *requirements)


@nox.session
def lint(session: nox.Session) -> None:
    """Style, forbidden imports and the layers of DESIGN."""
    install(session, "lint")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports", "--no-cache")


@nox.session
def types(session: nox.Session) -> None:
    """Mypy, strict, over packages, tests and tools."""
    install(session, "lint", "test", "interop")
    sources = [str(package.relative_to(ROOT) / "src") for package in PACKAGES]
    session.run("mypy", *sources, "tests", "specs")


@nox.session
def tests(session: nox.Session) -> None:
    """All tests but those that need other people's programs."""
    install(session, "test")
    # A run of some tests proves only what they prove: its results are not those that `specs` looks for.
    record = [] if session.posargs else [f"--spec-results={RESULTS}"]
    session.run("pytest", *record, "--ignore=tests/interop", "--ignore=tests/bench", "--durations=5", *session.posargs)


@nox.session
def quick(session: nox.Session) -> None:
    """The tests of `tests` that take no more than a few seconds each; what a developer runs at every save."""
    install(session, "test")
    session.run("pytest", "-q", "-m", "not slow", "--ignore=tests/interop", "--ignore=tests/bench", *session.posargs)


@nox.session
def coverage(session: nox.Session) -> None:
    """Branch coverage by package."""
    install(session, "test")
    session.run(
        "coverage", "run", "-m", "pytest", "-q", "--ignore=tests/interop", "--ignore=tests/bench", *session.posargs
    )
    session.run("coverage", "report", "--skip-covered", "--sort=cover")


@nox.session
def specs(session: nox.Session) -> None:
    """The requirement index against code and tests; `-- --update` writes the snapshot."""
    install(session, "test")
    if not _results_are_fresh():
        session.run(
            "pytest", "-q", "-m", "spec", f"--spec-results={RESULTS}", "--ignore=tests/interop", "--ignore=tests/bench"
        )
    session.run("python", "specs/check.py", *session.posargs)


def _results_are_fresh() -> bool:
    if not RESULTS.exists():
        return False
    sources = [*ROOT.glob("packages/*/src/**/*.py"), *ROOT.glob("tests/**/*.py")]
    return all(path.stat().st_mtime < RESULTS.stat().st_mtime for path in sources)


@nox.session
def build(session: nox.Session) -> None:
    """Wheels and source archives of every package, into dist/."""
    session.install(*nox.project.dependency_groups(SETTINGS, "release"))
    shutil.rmtree(ROOT / "dist", ignore_errors=True)
    for package in PACKAGES:
        with session.chdir(package):
            session.run("hatch", "build", "--clean", str(ROOT / "dist"), silent=True, env=OWN_ENVIRONMENTS)


@nox.session
def alone(session: nox.Session) -> None:
    """Each package, built, installed with nothing but what it declares, runs the example of its README."""
    session.install("uv", *nox.project.dependency_groups(SETTINGS, "release"))
    session.run("python", "tests/meta/alone.py", *session.posargs, env=OWN_ENVIRONMENTS)


@nox.session
def simulate(session: nox.Session) -> None:
    """Whole peer connections over a bad network, `-- --count N`, or one of them again, `-- --seed S`."""
    install(session, "test")
    session.run("python", "-m", "tests.simulation", *(session.posargs or ["--count", "10000"]))


@nox.session
def interop(session: nox.Session) -> None:
    """Real browsers and other implementations; absent ones are skipped unless RTC_REQUIRE_PEERS=1."""
    install(session, "test", "interop")
    session.run("pytest", "tests/interop", "--durations=10", *session.posargs, env={"PYTHONDEVMODE": "0"})


@nox.session
def fuzz(session: nox.Session) -> None:
    """The properties of the tests, each with twenty times as many examples; `-- tests/stun` for those of one package."""
    install(session, "test")
    session.run(
        "pytest",
        "-q",
        "-m",
        "hypothesis",
        "--ignore=tests/interop",
        "--ignore=tests/bench",
        "--durations=10",
        *session.posargs,
        env={"HYPOTHESIS_PROFILE": "thorough"},
    )


@nox.session
def guided(session: nox.Session) -> None:
    """Coverage-guided fuzzing of rtc_dtls; `-- peer --seconds 600` for one target and another time."""
    install(session, "test", "fuzz")
    session.run("python", "-m", "tests.fuzz", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Ratios against aiortc and others, in turns in one run, by CPU time."""
    install(session, "test", "interop")
    session.run("python", "-m", "tests.bench", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build the documentation; a warning is an error."""
    install(session, "docs")
    output = ROOT / "docs" / "_build"
    session.run(
        "sphinx-build",
        "-W",
        "--keep-going",
        "-q",
        "-b",
        "html",
        "docs",
        str(output),
        env={"PYTHONHASHSEED": "0"} | dict(os.environ),
    )
