"""Sets itself up, then runs the demo or the tests: ``python3 run.py demo`` or ``... test``.

Everything is installed into ``.venv-run`` beside this file, never into the system's Python, so
no root is needed. Where CI runs it as root on a Debian, servers that no wheel brings are unpacked
there too. This file is plain enough for an old Python to read, since it may first have to
look for a newer one.
"""

import glob
import hashlib
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.abspath(__file__))
VENV = os.path.join(ROOT, ".venv-run")
PYTHON = os.path.join(VENV, "bin", "python")
DEBIAN = os.path.join(VENV, "debian")
SERVERS = ("mariadbd", "mariadb-install-db", "pgbouncer")
PACKAGES = ["mariadb-server-core", "mariadb-client-core", "pgbouncer"]
OLDEST = (3, 11)

COMMANDS = {
    "demo": (["--editable", ROOT + "[all]"], ["adc", "demo"]),
    "test": (["nox>=2024.10"], ["nox", "--noxfile", os.path.join(ROOT, "noxfile.py")]),
}


def main() -> None:
    """Set up what the command needs, and become that command."""
    if not sys.argv[1:] or sys.argv[1] not in COMMANDS:
        sys.exit("usage: python3 run.py demo [FOLDER]   or   python3 run.py test [nox's options]")
    requirements, command = COMMANDS[sys.argv[1]]
    # A user's settings for the system's Python must not leak into the private environment.
    for name in ("PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV"):
        os.environ.pop(name, None)
    os.environ.update(
        PIP_USER="0", PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_ROOT_USER_ACTION="ignore"
    )
    os.environ.pop("PIP_REQUIRE_VIRTUALENV", None)
    if not succeeds([PYTHON, "-c", "import pip, sys; sys.exit(sys.version_info < %r)" % (OLDEST,)]):
        make_environment()
    install(sys.argv[1], requirements)
    if sys.argv[1] == "test":
        unpack_servers()
    program = os.path.join(VENV, "bin", command[0])
    os.execv(program, [program] + command[1:] + sys.argv[2:])


def make_environment() -> None:
    """Make the private environment with the first Python and the first way that work."""
    say("making a private environment in " + VENV)
    tried = []
    for python in pythons():
        for way in ways(python):
            shutil.rmtree(VENV, ignore_errors=True)
            if all(succeeds(step) for step in way):
                return
        tried.append(python)
    oldest = ".".join(map(str, OLDEST))
    if not tried:
        sys.exit("Python %s or newer is needed, and none was found on PATH or in pyenv." % oldest)
    sys.exit(
        "No environment can be made with %s: it has neither venv with ensurepip, nor pip, "
        "virtualenv or uv. Install one of them (on Debian and Ubuntu the package python3-venv) "
        "and try again. Is %s writable?" % (" or ".join(tried), ROOT)
    )


def pythons() -> "list[str]":
    """Name the interpreters that are new enough: this one first, then PATH's, then pyenv's."""
    names = [sys.executable] + [
        shutil.which(name) for name in ("python3.13", "python3.12", "python3.11", "python3")
    ]
    pyenv = os.environ.get("PYENV_ROOT") or os.path.join(os.path.expanduser("~"), ".pyenv")
    names += sorted(glob.glob(os.path.join(pyenv, "versions", "3.*", "bin", "python3")))
    found = []  # type: list[str]
    for name in names:
        check = "import sys; sys.exit(sys.version_info < %r)" % (OLDEST,)
        if name and name not in found and succeeds([name, "-c", check]):
            found.append(name)
    return found


def ways(python: str) -> "list[list[list[str]]]":
    """List the ways to make the environment, each as steps; the usual one first.

    Debian ships venv without ensurepip: pip can then be put in by a pip from outside.
    """
    bare = [python, "-m", "venv", "--without-pip", VENV]
    return [
        [[python, "-m", "venv", VENV]],
        [bare, [python, "-m", "pip", "--python", PYTHON, "install", "--quiet", "pip"]],
        [[python, "-m", "virtualenv", "--quiet", VENV]],
        [["virtualenv", "--quiet", "--python", python, VENV]],
        [["uv", "venv", "--quiet", "--seed", "--python", python, VENV]],
    ]


def install(name: str, requirements: "list[str]") -> None:
    """Install what a command needs, unless that was done since pyproject.toml last changed."""
    stamp = os.path.join(VENV, "installed-for-" + name)
    with open(os.path.join(ROOT, "pyproject.toml"), "rb") as file:
        wanted = hashlib.sha256(file.read()).hexdigest()
    if os.path.exists(stamp):
        with open(stamp) as file:
            if file.read() == wanted:
                return
    say("installing what '%s' needs" % name)
    code = subprocess.call([PYTHON, "-m", "pip", "install", "--quiet"] + requirements)
    if code:
        sys.exit("pip couldn't install it; its own words are above. Is the network there?")
    with open(stamp, "w") as file:
        file.write(wanted)


def unpack_servers() -> None:
    """In CI, and there alone, get the servers that no wheel brings; tests/servers finds them.

    Debian's packages are unpacked beside the environment, not installed: so no service starts,
    nothing of the system changes, and half-configured packages there don't matter.
    """
    if os.environ.get("CI") != "true" or os.geteuid() != 0:
        return
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        return
    roots = ("/usr", os.path.join(DEBIAN, "usr"))
    places = os.pathsep.join(root + folder for root in roots for folder in ("/sbin", "/bin"))
    if all(shutil.which(name) or shutil.which(name, path=places) for name in SERVERS):
        return
    say("getting MariaDB and PgBouncer from Debian, for the tests")
    archives = os.path.join(DEBIAN, "archives")
    os.makedirs(os.path.join(archives, "partial"), exist_ok=True)
    patient = ["-qq", "-o", "Acquire::Retries=2", "-o", "Acquire::http::Timeout=30"]
    folder = ["-o", "Dir::Cache::archives=" + archives, "-o", "APT::Sandbox::User=root"]
    get = ["install", "--yes", "--no-install-recommends", "--download-only"]
    # A package that is installed already isn't downloaded, nor need it be.
    done = succeeds(["apt-get"] + patient + ["update"], 300) and succeeds(
        ["apt-get"] + patient + folder + get + PACKAGES, 300
    )
    for archive in sorted(glob.glob(os.path.join(archives, "*.deb"))):
        done = succeeds(["dpkg-deb", "--extract", archive, DEBIAN], 120) and done
    shutil.rmtree(archives, ignore_errors=True)
    if not done:
        say("they can't be had: the tests that need them say so, and are skipped")


def succeeds(command: "list[str]", limit: "float | None" = None) -> bool:
    """Run a command in silence, for at most some seconds."""
    try:
        void = subprocess.DEVNULL
        return subprocess.call(command, stdin=void, stdout=void, stderr=void, timeout=limit) == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def say(text: str) -> None:
    """Tell the user what takes a while."""
    sys.stderr.write("run.py: %s ...\n" % text)
    sys.stderr.flush()


if __name__ == "__main__":
    main()
