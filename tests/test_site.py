"""The documentation is built, and its links lead somewhere."""

import subprocess
import sys
from pathlib import Path

import pytest

import keras_aug_layers as kal

ROOT = Path(__file__).parents[1]


@pytest.mark.slow
def test_the_documentation_is_built(tmp_path):
    """It fails by itself where a link is broken."""
    site = tmp_path / "site"
    command = [sys.executable, "notebooks/build_site.py", str(site)]
    made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    guides = {path.stem for path in (ROOT / "notebooks").glob("*.ipynb")}
    assert {path.stem for path in (site / "guides").glob("*.html")} == guides
    folder = site / "reference" / "keras_aug_layers"
    reference = folder.with_suffix(".html").read_text()
    modules = {path.stem for path in folder.glob("*.html")}
    named = [x for x in kal.__all__ if f'id="{x}"' in reference]
    assert modules | {*named} >= {*kal.__all__}


@pytest.mark.thorough
def test_a_link_that_leads_nowhere_is_found(tmp_path):
    sys.path.insert(0, str(ROOT / "notebooks"))
    try:
        from build_site import broken
    finally:
        sys.path.pop(0)
    (tmp_path / "a.html").write_text(
        '<h1 id="here">…</h1><a href="#here"></a><a href="a.html#there"></a>'
        '<img src="lost.png"><a href="https://example.org/x"></a>'
    )
    assert broken(tmp_path) == ["a.html: a.html#there", "a.html: lost.png"]
