"""Templates and files of pages travel in the wheel."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import ctibutler

ROOT = Path(__file__).parents[2]
SCRIPT = """
import sys
sys.path.insert(0, sys.argv[1])
import ctibutler
assert ctibutler.__file__.startswith(sys.argv[1]), ctibutler.__file__
from ctibutler.catalog.opening import open_catalogue
from ctibutler.knowledge_bases import HOSTED
from ctibutler.pages.static_files import files
from tests.server.serving import running
with running(open_catalogue(f"sqlite:///{sys.argv[2]}", HOSTED)) as server:
    answer = server.get("/", accept="text/html")
    assert (answer.status_code, "Look anything up" in answer.text) == (200, True), answer.text
    for name in files():
        assert server.client.get(f"/static/x/{name}", follow_redirects=True).status_code == 200
    print(len(files()), "files served")
"""


def test_an_installed_wheel_serves_pages(tmp_path: Path) -> None:
    """Built as pip builds it, unpacked as pip installs pure wheels, and run from another folder."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    [wheel] = tmp_path.glob("*.whl")
    installed = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(installed)
    for folder in ("pages/templates", "pages/static"):
        here = {
            path.relative_to(Path(ctibutler.__file__).parent)
            for path in (Path(ctibutler.__file__).parent / folder).rglob("*.*")
        }
        assert {
            path.relative_to(installed / "ctibutler") for path in (installed / "ctibutler" / folder).rglob("*.*")
        } == here
    answered = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(installed), str(tmp_path / "c.sqlite")],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    assert answered.returncode == 0, answered.stderr
    assert "files served" in answered.stdout
