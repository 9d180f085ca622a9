"""One wheel from PyPI, one package from Debian or npm, one file by https: the bytes, and nothing of what is in them.

Each package comes by its registry's ordinary client, alone and without what it depends on, into a folder of its own.
"""

import importlib.util
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from retrieval.errors import SetupError

Seen = Callable[[int], None]
"""Called with the bytes that have arrived so far."""
USER_AGENT = "Interleave/0.1 (illustrated articles)"
TRIES = 4
TIMEOUT_S = (10, 60)  # to connect, and between two pieces
PIECE = 1 << 15  # bytes; what of a piece has arrived when the connection breaks is lost
LOOK_S = 0.2  # between two looks at how much has arrived
PASSING = (408, 429, 500, 502, 503, 504)  # answers that another try may change


def nothing(arrived: int) -> None:
    """Tells nobody."""


def wheel(package: str, version: str, folder: Path, seen: Seen = nothing) -> Path:
    """The wheel of a package from PyPI, brought by this Python's own pip. Raises SetupError with pip's reason."""
    if importlib.util.find_spec("pip") is None:
        raise SetupError(f"pip is missing, so {package} cannot be brought. Run: python -m ensurepip")
    options = [
        "--no-deps",
        "--only-binary=:all:",
        "--no-cache-dir",
        "--disable-pip-version-check",
        "--progress-bar=off",
    ]
    command = [sys.executable, "-m", "pip", "download", *options, "--dest", ".", f"{package}=={version}"]
    return _brought(command, folder, "*.whl", f"PyPI package {package} {version}", seen)


def deb(package: str, folder: Path, seen: Seen = nothing) -> Path:
    """A Debian package file; needs no root. Raises SetupError where the tools or the package are missing."""
    for tool in ("apt-get", "dpkg-deb"):
        if shutil.which(tool) is None:
            raise SetupError(f"{package} is a Debian package, and {tool} is not on this system.")
    command = [
        "apt-get",
        "-q",
        "-o",
        "APT::Sandbox::User=root",
        "download",
        package,
    ]  # apt's own user may not write here
    return _brought(command, folder, "*.deb", f"Debian package {package}", seen)


def npm(package: str, version: str, folder: Path, seen: Seen = nothing) -> Path:
    """The archive of an npm package. Raises SetupError where npm is missing."""
    if shutil.which("npm") is None:
        raise SetupError(f"{package} is an npm package, and npm is not on this system.")
    command = ["npm", "pack", "--silent", "--ignore-scripts", f"{package}@{version}"]
    return _brought(command, folder, "*.tgz", f"npm package {package} {version}", seen)


def url(address: str, path: Path, seen: Seen = nothing) -> None:
    """Bring a file by https into `path`, going on behind what is there. Raises SetupError after four tries."""
    parts = urlsplit(address)
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost"):
        raise SetupError(f"{address} is not an https address, so it is not used.")
    reason = "it broke off"
    for attempt in range(TRIES):
        time.sleep(0.1 * 4**attempt if attempt else 0)
        try:
            if _try(address, path, seen):
                return
        except OSError as error:  # requests' errors are of this kind
            reason = str(error)[:300]
    raise SetupError(f"{address} cannot be read: {reason}")


def _try(address: str, path: Path, seen: Seen) -> bool:
    """Whether all of it is there now. Raises SetupError for an answer that no other try will change."""
    import requests

    have = path.stat().st_size if path.is_file() else 0
    headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(address, headers=headers, stream=True, timeout=TIMEOUT_S) as reply:
        if reply.status_code == 416:  # what is there is already the whole, or of another file: begin again
            path.unlink(missing_ok=True)
            return False
        if reply.status_code in PASSING:
            raise OSError(f"the server answered {reply.status_code}")
        if reply.status_code not in (200, 206):
            raise SetupError(f"{address} answered {reply.status_code}.")
        done = have if reply.status_code == 206 else 0
        whole = done + int(reply.headers.get("Content-Length", 0))
        with path.open("ab" if done else "wb") as out:
            for piece in reply.iter_content(PIECE):
                out.write(piece)
                done += len(piece)
                seen(done)
        return done >= whole


def _brought(command: Sequence[str], folder: Path, pattern: str, what: str, seen: Seen) -> Path:
    """The file a registry's client leaves in a new folder below `folder`. Raises SetupError with the client's reason."""
    place = folder / f".get-{what.split()[2]}-{os.getpid()}"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    try:
        said = _run(command, place, seen)
        found = sorted(place.glob(pattern))
        if not found:
            raise SetupError(f"{what}: {_reason(said)}")
        target = folder / found[0].name
        found[0].replace(target)
        return target
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _run(command: Sequence[str], place: Path, seen: Seen) -> str:
    """Run it and return what it said; meanwhile tell how much lies in `place`, where its drafts go, too."""
    environment = os.environ | {"TMPDIR": str(place), "LC_ALL": "C.UTF-8"}
    log = place / "said.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=place, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
        )
        try:
            while process.poll() is None:
                seen(bytes_in(place))
                with suppress(subprocess.TimeoutExpired):
                    process.wait(LOOK_S)
        except BaseException:
            process.kill()
            process.wait()
            raise
    return log.read_text("utf-8", "replace")


def bytes_in(folder: Path) -> int:
    """The sizes of all files below, while another process makes and removes them: what is gone does not count."""
    total = 0
    for place, _, names in os.walk(folder):  # unlike a glob, this passes over a folder that is removed meanwhile
        for name in names:
            with suppress(OSError):
                total += os.stat(os.path.join(place, name)).st_size
    return total


def _reason(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if line.lower().startswith(("error", "e:", "npm err"))]
    return (errors or lines or ["it could not be downloaded, and no reason was given"])[-1][:300]
