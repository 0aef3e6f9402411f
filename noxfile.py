"""What is checked, and how: ``nox`` runs all of it, ``nox -s lint`` one part, ``nox -l`` lists."""

from __future__ import annotations

import glob
import os
import secrets
import shutil
import subprocess
import sys
from pathlib import Path

import nox

PYTHONS = ("3.11", "3.12", "3.13")
CURRENT = f"{sys.version_info.major}.{sys.version_info.minor}"
"""The Python that runs nox: it runs the whole suite, in the sessions coverage and servers."""
COVERAGE_OF_CORE = 95
ONCE = (
    "tests/benchmarks",
    "tests/conformance/test_postgresql.py",
    "tests/conformance/test_redis.py",
    "tests/conformance/test_model.py",
    "tests/costs",
    "tests/crash",
    "tests/docs/test_run_the_kit.py",
    "tests/docs/test_write_a_backend.py",
    "tests/examples",
    "tests/histories",
    "tests/kit",
    "tests/moving",
    "tests/packaging",
    "tests/postgresql",
    "tests/redis",
    "tests/simulation",
    "tests/test_servers",
)
"""What is about servers, the kit itself or the wheel, and not about the Python: it is run once."""
ONCE_TOO = "tests/scenarios/test_t1[34]_*.py"
"""The scenarios of PostgreSQL and Redis alone; the others run on them once, too."""
AT_ONCE = ("--numprocesses=auto", "--maxprocesses=4", "--dist=worksteal")
"""Each process of pytest starts servers of its own, so that more than some gain nothing."""

BACKENDS = ("memory", "sqlite", "postgresql", "redis")
"""Whose reports are committed."""

GROUPS = nox.project.load_toml("pyproject.toml")["dependency-groups"]
PACKAGE = ".[all,conformance]"

nox.needs_version = ">=2024.10"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = False
nox.options.download_python = "never"
nox.options.sessions = [
    "lint",
    "types",
    "imports",
    "build",
    "ratios",
    "coverage",
    "servers",
    *(f"tests-{version}" for version in PYTHONS if version != CURRENT),
]


def _find_pyenv_pythons() -> None:
    """Let nox see the versions that pyenv has and doesn't put on PATH."""
    root = os.environ.get("PYENV_ROOT") or str(Path.home() / ".pyenv")
    for version in PYTHONS:
        if not _runs(f"python{version}"):
            # glob passes over a folder that may not be read; Path.glob raises.
            folders = sorted(glob.glob(f"{root}/versions/{version}.*/bin"))  # noqa: PTH207 - above
            os.environ["PATH"] = os.pathsep.join([*folders, os.environ["PATH"]])


def _runs(python: str) -> bool:
    """Tell a Python from pyenv's shim for one that isn't switched on."""
    found = shutil.which(python)
    if found is None:
        return False
    return subprocess.run([found, "-V"], capture_output=True, check=False).returncode == 0


_find_pyenv_pythons()


def _install(session: nox.Session, *groups: str) -> None:
    """Install the project, editable, and the tools of some groups, in one go."""
    tools = [tool for group in groups for tool in GROUPS[group]]
    session.install("--editable", PACKAGE, *tools)


def _serverless() -> tuple[list[str], dict[str, str]]:
    """Give pytest's arguments and environment for all that depends on the Python."""
    ignored = [*(f"--ignore={path}" for path in ONCE), f"--ignore-glob={ONCE_TOO}"]
    return ignored, {"ADC_SCENARIO_BACKENDS": "memory sqlite"}


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """All that depends on the Python: the suite but for what the session servers runs."""
    _install(session, "test")
    ignored, serverless = _serverless()
    if session.python != PYTHONS[-1]:
        # They are run on the oldest and on the newest.
        ignored.append("--ignore=tests/scenarios")
    session.run("pytest", *AT_ONCE, *ignored, *session.posargs, env=serverless)


@nox.session
def coverage(session: nox.Session) -> None:
    """The same on this Python, with the branches of core that it reaches."""
    _install(session, "test")
    ignored, serverless = _serverless()
    session.run("coverage", "erase")
    arguments = [*AT_ONCE, *ignored, *session.posargs]
    session.run("coverage", "run", "-m", "pytest", *arguments, env=serverless)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report", f"--fail-under={COVERAGE_OF_CORE}")


@nox.session
def servers(session: nox.Session) -> None:
    """The rest of the suite, on this Python: servers, kills, mutants, the example, the wheel."""
    _install(session, "test")
    on_servers = {"ADC_SCENARIO_BACKENDS": "postgresql redis"}
    session.run("pytest", *AT_ONCE, *ONCE, "tests/scenarios", *session.posargs, env=on_servers)


@nox.session
def results(session: nox.Session) -> None:
    """Write the committed reports of our own backends anew, and the page that shows them."""
    _install(session, "test")
    reported = [f"tests/conformance/test_{name}.py" for name in BACKENDS]
    session.run("pytest", *AT_ONCE, *reported, "--adc-publish", "-k", "not Cluster")
    files = [f"conformance/results/{name}.json" for name in BACKENDS]
    arguments = ["python", "-m", "aide_de_camp_conformance.matrix", *files]
    with Path("docs/reference/backends.md").open("w") as page:
        session.run(*arguments, stdout=page)
    session.run("python", "-m", "tests.examples.publish")
    session.log("for README.md:")
    session.run(*arguments, "--short")


@nox.session
def hunt(session: nox.Session) -> None:
    """Not part of the usual run: model and histories for long, mutants against all there is."""
    _install(session, "test")
    longer = {
        "ADC_MODEL_EXAMPLES": os.environ.get("ADC_MODEL_EXAMPLES", "1000"),
        "ADC_HISTORY_SECONDS": os.environ.get("ADC_HISTORY_SECONDS", "60"),
        "ADC_HISTORY_SEED": os.environ.get("ADC_HISTORY_SEED", str(secrets.randbelow(2**31))),
        "ADC_MUTANTS_HEAVY": "1",
    }
    session.log(" ".join(f"{name}={value}" for name, value in longer.items()))
    paths = [
        "tests/conformance/test_model.py",
        "tests/histories/test_backends.py",
        "tests/kit/test_mutants.py",
    ]
    session.run("pytest", *AT_ONCE, *paths, *session.posargs, env=longer)


@nox.session
def lint(session: nox.Session) -> None:
    """Ruff's rules and its format."""
    session.install(*GROUPS["lint"])
    session.run("ruff", "check")
    session.run("ruff", "format", "--check")


@nox.session
def types(session: nox.Session) -> None:
    """Mypy over everything, pyright over what is shipped."""
    _install(session, "test", "types")
    session.run("mypy")
    session.run("pyright")


@nox.session
def imports(session: nox.Session) -> None:
    """The layers: who may import whom."""
    _install(session, "imports")
    session.run("lint-imports", "--no-cache")


@nox.session
def bench(session: nox.Session) -> None:
    """Measure the project and its peers side by side; --help after -- lists the options."""
    _install(session, "bench")
    session.run("python", "-m", "benchmarks.suite", *session.posargs)


@nox.session
def ratios(session: nox.Session) -> None:
    """A brief look at speed beside the raw drivers: printed, and never a reason to fail."""
    _install(session, "bench")
    folder = str(Path(session.create_tmp()).resolve())
    workloads = [f"--workload={name}" for name in ("one", "concurrent", "bulk", "drain")]
    arguments = ["--scale=brief", "--rounds=1", "--contestant=floor", *workloads]
    session.run("python", "-m", "benchmarks.suite", *arguments, f"--folder={folder}")


@nox.session
def build(session: nox.Session) -> None:
    """The wheel, made from the sdist, in an empty environment: without a driver, then with."""
    session.install("build", "virtualenv")
    folder = Path(session.create_tmp()).resolve()
    shutil.rmtree(folder / "dist", ignore_errors=True)
    session.run("python", "-m", "build", "--outdir", str(folder / "dist"), silent=True)
    (wheel,) = (folder / "dist").glob("*.whl")
    empty = folder / "empty"
    session.run("virtualenv", "--clear", "--quiet", str(empty))
    pip, adc = str(empty / "bin" / "pip"), str(empty / "bin" / "adc")
    session.run(pip, "install", "--quiet", str(wheel), external=True)
    session.chdir(folder)
    session.run(adc, "plugins", external=True)
    # The kit's extra isn't there: that is told, and is in no other command's way.
    session.run(adc, "conformance", "run", "memory://", external=True, success_codes=[1])
    session.run(pip, "install", "--quiet", f"{wheel}[all]", external=True)
    session.run(adc, "plugins", external=True)
    session.run(adc, "demo", str(Path(__file__).parent / "core"), external=True)
