"""The house's walls: which way imports point, what is heavy, how long things are, what must not be named."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FILES = [ROOT / "app.py", *sorted(p for folder in ("composer", "retrieval") for p in (ROOT / folder).rglob("*.py"))]
HEAVY = {
    "torch",
    "torchvision",
    "transformers",
    "diffusers",
    "open_clip",
    "xllamacpp",
    "accelerate",
    "resvg_py",
    "pillow_heif",
}
TORCH_ROOMS = (
    "composer/xcomposer2/",
    "retrieval/training/",
)  # code that is torch through and through; imported by nobody's top
LONGEST_FILE, LONGEST_FUNCTION = 300, 40
HOSTS = re.compile(r"(pypi\.o" r"rg|pythonhoste" r"d\.org|npmj" r"s\.(org|com)|deb\.debia" r"n\.org)")
PATHS = re.compile(r"(?<![\w.])/(work|farm|root)/")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(tree: ast.AST, *, top_only: bool) -> set[str]:
    """Modules that a file imports; with `top_only` those imported when it is."""
    found: set[str] = set()
    nodes = top_level(tree) if top_only else list(ast.walk(tree))
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def top_level(tree: ast.AST) -> list[ast.AST]:
    found: list[ast.AST] = []
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            continue
        found += [node, *top_level(node)]
    return found


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_point_one_way(path: Path) -> None:
    name, tree = name_of(path), parse(path)
    every, top = imports(tree, top_only=False), imports(tree, top_only=True)
    roots = {module.split(".")[0] for module in every}
    if name.startswith("retrieval/"):
        assert "composer" not in roots
    assert "app" not in roots
    if name != "app.py" and not name.startswith("composer/ui/"):
        assert not roots & {"gradio", "fastapi", "uvicorn"} or name.startswith("composer/xcomposer2/")
    if not name.startswith(TORCH_ROOMS):
        assert not {module.split(".")[0] for module in top} & HEAVY
        assert not {module for module in top if module.startswith(("composer.xcomposer2", "retrieval.training"))}
    if name.startswith("composer/") and "/" not in name.removeprefix("composer/") and path.stem not in ("engines",):
        assert not any(module.startswith(("composer.backends", "composer.ui")) for module in every)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_files_and_functions_are_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            inner = [
                n for n in ast.walk(node) if n is not node and isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
            ]
            own = node.end_lineno - node.lineno + 1 - sum((n.end_lineno or 0) - n.lineno + 1 for n in inner)
            assert own <= LONGEST_FUNCTION, node.name


def test_nothing_names_a_registry_or_a_machine() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    found = []
    for name in filter(None, listed):
        path = ROOT / name
        if path.suffix in (".png", ".webp", ".jpg", ".safetensors", ".ico") or not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="ignore")
        found += [name for pattern in (HOSTS, PATHS) if pattern.search(text)]
    assert not found
