"""The editor's bundle is what its sources and its lock file make, byte for byte, and leans on nothing that is not named."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

EDITOR = Path(__file__).resolve().parent.parent.parent / "assets" / "editor"
PACKAGE = json.loads((EDITOR / "package.json").read_text(encoding="utf-8"))
LOCK = json.loads((EDITOR / "package-lock.json").read_text(encoding="utf-8"))
WAIT = 90  # seconds for npm to bring 47 small packages


def test_every_package_that_is_imported_is_named_and_pinned() -> None:
    used = set()
    for path in sorted((EDITOR / "src").glob("*.js")):
        names = re.findall(r'from "([^."][^"]*)"', path.read_text(encoding="utf-8"))
        used |= {"/".join(name.split("/")[: 2 if name.startswith("@") else 1]) for name in names}
    assert used == set(PACKAGE["dependencies"])
    every = PACKAGE["dependencies"] | PACKAGE["devDependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in every.values())
    assert len({version for name, version in every.items() if name.startswith("@tiptap/")}) == 1


def test_the_lock_file_belongs_to_the_package_file() -> None:
    root = LOCK["packages"][""]
    assert root["dependencies"] == PACKAGE["dependencies"]
    assert root["devDependencies"] == PACKAGE["devDependencies"]
    assert all("integrity" in entry for name, entry in LOCK["packages"].items() if name)


@pytest.mark.skipif(shutil.which("npm") is None, reason="no Node here: the committed bundle is used as it is")
def test_the_same_sources_make_the_same_bytes(tmp_path: Path) -> None:
    for name in ("package.json", "package-lock.json", "build.mjs"):
        shutil.copy(EDITOR / name, tmp_path / name)
    shutil.copytree(EDITOR / "src", tmp_path / "src")
    install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    try:
        brought = subprocess.run(install, cwd=tmp_path, capture_output=True, text=True, timeout=WAIT)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not bring the packages of the lock file within {WAIT} s")
    if brought.returncode:
        assert "EINTEGRITY" not in brought.stderr, brought.stderr
        assert "in sync" not in brought.stderr, brought.stderr
        pytest.skip(f"npm cannot bring the packages of the lock file: {brought.stderr.strip()[-200:]}")
    subprocess.run(["node", "build.mjs"], cwd=tmp_path, check=True, capture_output=True, timeout=WAIT)
    made, kept = (tmp_path / "dist" / "editor.js").read_bytes(), (EDITOR / "dist" / "editor.js").read_bytes()
    assert made == kept, "assets/editor/dist is not what the sources make: run npm ci --ignore-scripts && npm run build"
