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
    "onnxruntime",
}
TORCH_ROOMS = (
    "composer/xcomposer2/",
    "composer/starter_diffusion/",
    "retrieval/training/",
)  # code that is torch through and through; imported by nobody's top
ROOMS = ("composer.xcomposer2", "composer.starter_diffusion", "retrieval.training")
KNOW_BACKENDS = ("composer/engines.py", "composer/backends/", "composer/xcomposer2/")
LONGEST_FILE, LONGEST_FUNCTION = 300, 40
HOSTS = re.compile(
    r"(pypi\.o"
    r"rg|pypi\.pytho"
    r"n|pythonhoste"
    r"d\.org|npmj"
    r"s\.(org|com)|yarnpk"
    r"g\.com|(deb|ftp|security)\.debia"
    r"n\.org|anacond"
    r"a\.org|proxy\.golan"
    r"g\.org)"
)
PATHS = re.compile(r"(?<![\w.])/(work|farm|root|tmp/w|home/\w+)/")


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
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
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


def faults(name: str, tree: ast.Module) -> list[str]:
    """What a file imports and may not."""
    every, top = imports(tree, top_only=False), imports(tree, top_only=True)
    roots, heavy = {module.split(".")[0] for module in every}, {module.split(".")[0] for module in top} & HEAVY
    page = name == "app.py" or name.startswith("composer/ui/")
    servers = page or name.startswith("composer/xcomposer2/")
    rules = {
        "only the start file stands above": "app" in roots,
        "retrieval knows nothing of articles": name.startswith("retrieval/") and "composer" in roots,
        "only the page knows Gradio": "gradio" in roots and not page,
        "only the page and the model's own server serve": bool(roots & {"fastapi", "uvicorn"}) and not servers,
        "heavy imports are made when used": bool(heavy) and not name.startswith(TORCH_ROOMS),
        "torch rooms are entered when used": within(top, *ROOMS) and not name.startswith(TORCH_ROOMS),
        "only the page knows the page": within(every, "composer.ui") and not page,
        "engines are chosen in one place": within(every, "composer.backends") and not name.startswith(KNOW_BACKENDS),
        "nothing is imported by its place": any(isinstance(n, ast.ImportFrom) and n.level for n in ast.walk(tree)),
    }
    return [rule for rule, broken in rules.items() if broken]


def within(modules: set[str], *packages: str) -> bool:
    return any(module == p or module.startswith(f"{p}.") for module in modules for p in packages)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_imports_point_one_way(path: Path) -> None:
    assert faults(name_of(path), parse(path)) == []


@pytest.mark.parametrize(
    ("name", "source", "fault"),
    [
        ("retrieval/x.py", "from composer.article import Article", "retrieval knows nothing"),
        ("composer/x.py", "def f():\n    import gradio", "only the page knows Gradio"),
        ("composer/xcomposer2/serve.py", "import gradio", "only the page knows Gradio"),
        ("composer/x.py", "import torch.nn", "heavy imports"),
        ("composer/x.py", "try:\n    import torch\nexcept ImportError:\n    pass", "heavy imports"),
        ("composer/x.py", "class A:\n    from diffusers import B", "heavy imports"),
        ("composer/backends/x.py", "from composer import xcomposer2", "torch rooms"),
        ("composer/x.py", "def f():\n    from composer.backends import load", "engines are chosen"),
        ("composer/export/x.py", "from composer.ui import page", "only the page knows the page"),
        ("composer/x.py", "from . import article", "by its place"),
    ],
)
def test_the_walls_hold(name: str, source: str, fault: str) -> None:
    assert any(found.startswith(fault) or fault in found for found in faults(name, ast.parse(source)))


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("composer/backends/x.py", "def f():\n    import torch"),
        ("composer/backends/x.py", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch"),
        ("composer/xcomposer2/x.py", "import torch"),
        ("composer/ui/x.py", "import gradio"),
        ("composer/x.py", "from retrieval.picture import Picture"),
    ],
)
def test_doors_are_open_where_they_should_be(name: str, source: str) -> None:
    assert faults(name, ast.parse(source)) == []


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
