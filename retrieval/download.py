"""One wheel from PyPI, one package from Debian, one file by https: the bytes, and nothing about what is in them."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

from retrieval.errors import SetupError

Progress = Callable[[int, int], None]
"""Called with the bytes done and the bytes in all, 0 where that is not known."""
USER_AGENT = "Interleave/0.1 (illustrated articles)"
TRIES = 4
TIMEOUT_S = (10, 60)  # to connect, between two pieces


def download_wheel(requirement: str, folder: Path, progress: Progress = lambda done, total: None) -> Path:
    """A wheel, alone in a new folder below `folder`, brought by pip without its dependencies. Raises SetupError."""
    if importlib.util.find_spec("pip") is None:
        raise SetupError(f"pip is missing, so {requirement} cannot be brought. Run: python -m ensurepip")
    place = Path(tempfile.mkdtemp(prefix=".wheel-", dir=folder))
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-cache-dir"]
    command += ["--disable-pip-version-check", "--progress-bar", "off", "--dest", str(place), requirement]
    try:
        said = _run(command, place, progress)
        wheels = list(place.glob("*.whl"))
        if not wheels:
            raise SetupError(f"pip could not download {requirement} from PyPI: {_last_error(said)}")
        return wheels[0]
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise


def download_deb(package: str, folder: Path, progress: Progress = lambda done, total: None) -> Path:
    """A Debian package file, alone in a new folder below `folder`; needs no root. Raises SetupError."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise SetupError(f"{package} is a Debian package, and this system has no apt-get and dpkg-deb.")
    place = Path(tempfile.mkdtemp(prefix=".deb-", dir=folder))
    place.chmod(0o755)
    try:
        # Without root apt cannot change to its own user for the download; as root it would be refused the folder.
        said = _run(["apt-get", "-o", "APT::Sandbox::User=root", "download", package], place, progress)
        found = list(place.glob("*.deb"))
        if not found:
            raise SetupError(f"apt-get could not download {package}: {_last_error(said)} (try: sudo apt-get update)")
        return found[0]
    except BaseException:
        shutil.rmtree(place, ignore_errors=True)
        raise


def download_url(url: str, path: Path, progress: Progress = lambda done, total: None) -> None:
    """Bring a file by https into `path`, going on from what is there. Raises SetupError after four tries."""
    parts = urlsplit(url)
    if parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost"):
        raise SetupError(f"{url} is not an https address, so it is not used.")
    reason = ""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(0.2 * 4**attempt)
        try:
            again = _one_try(url, path, progress)
        except (OSError, SetupError) as error:  # requests' errors are OSErrors
            reason, again = _short(error), not isinstance(error, SetupError)
        else:
            if not again:
                return
            reason = "it broke off"
        if not again:
            break
    raise SetupError(f"{url} cannot be read: {reason}")


def _one_try(url: str, path: Path, progress: Progress) -> bool:
    """Whether another try is needed. Raises SetupError for an answer that no other try will change."""
    import requests

    have = path.stat().st_size if path.is_file() else 0
    headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
    with requests.get(url, headers=headers, stream=True, timeout=TIMEOUT_S) as reply:
        if reply.status_code == 416:  # what is there is all there is, or of another file: begin again
            path.unlink(missing_ok=True)
            return True
        if reply.status_code in (429, 500, 502, 503, 504):
            return True
        if reply.status_code not in (200, 206):
            raise SetupError(f"the server answered {reply.status_code}.")
        have = have if reply.status_code == 206 else 0
        left = int(reply.headers.get("Content-Length", 0))
        done = have
        with path.open("ab" if have else "wb") as out:
            for piece in reply.iter_content(1 << 18):
                out.write(piece)
                done += len(piece)
                progress(done, max(done, have + left))
        return bool(left) and done < have + left


def _run(command: list[str], place: Path, growth: Progress) -> str:
    """Run it and return what it said; meanwhile tell how many bytes lie in `place`, where it also keeps its drafts."""
    environment = os.environ | {"TMPDIR": str(place), "LC_ALL": "C.UTF-8"}
    log = place / ".log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, cwd=place, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, env=environment
        )
        try:
            while process.poll() is None:
                growth(_bytes_in(place), 0)
                time.sleep(0.1)
        except BaseException:
            process.kill()
            process.wait()
            raise
    return log.read_text("utf-8", "replace")


def _bytes_in(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):  # it may be gone already
            total += path.stat().st_size
    return total


def _last_error(said: str) -> str:
    lines = [line for line in said.splitlines() if line.lower().startswith(("error", "e:"))] or said.splitlines()
    return (lines[-1] if lines else "it said nothing")[:300]


def _short(error: Exception) -> str:
    text = str(error)
    return text if len(text) < 300 else f"{type(error).__name__}: {text[:300]}"
