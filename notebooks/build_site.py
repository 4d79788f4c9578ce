"""Builds the documentation: `python notebooks/build_site.py site`.

Pages of the texts (README, how it is made, the gallery, benchmarks, how to contribute),
of the notebooks with what they showed, and of every public name, by pdoc. A link that
leads nowhere is an error.
"""

import argparse
import html
import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import nbformat
from markdown_it import MarkdownIt
from nbconvert import HTMLExporter
from pygments.formatters import HtmlFormatter

ROOT = Path(__file__).parents[1]
PAGES = {
    "README.md": ("index.html", "keras_aug_layers"),
    "keras_aug_layers/README.md": ("how_it_is_made.html", "How it is made, gallery"),
    "keras_aug_layers/kernels/README.md": ("kernels.html", "Kinds and passes"),
    "benchmarks/README.md": ("benchmarks.html", "Benchmarks"),
    "CONTRIBUTING.md": ("contributing.html", "Contributing"),
    "CHANGELOG.md": ("changelog.html", "Changelog"),
}
"""Texts, the pages that they become, and what the links to them say."""
REFERENCE = (
    "keras_aug_layers",
    # For layers of one's own, what `draw` gets and what a function may be:
    "keras_aug_layers.plan.frame",
    "keras_aug_layers.plan.random_numbers",
    "keras_aug_layers.kernels.program",
)
"""Modules of the reference."""
STYLE = """
body { font: 16px/1.6 system-ui, sans-serif; max-width: 54rem; margin: 0 auto;
       padding: 0 1rem 4rem; color: #1d1d1f; overflow-wrap: break-word; }
nav { display: flex; flex-wrap: wrap; gap: .2rem 1rem; padding: .8rem 0;
      border-bottom: 1px solid #d2d2d7; font-size: .9rem; }
img { max-width: 100%; }
pre, .table { overflow-x: auto; }
.prompt, .anchor-link { display: none; }
pre { background: #f5f5f7; padding: .8rem; border-radius: 6px; font-size: .85rem; }
code { font-size: .9em; }
td code { overflow-wrap: anywhere; }
table { border-collapse: collapse; font-size: .9rem; }
td, th { border-bottom: 1px solid #e5e5ea; padding: .3rem .6rem .3rem 0;
         text-align: left; vertical-align: top; }
a { color: #0066cc; }
"""


def build(site: Path) -> None:
    """Writes all pages into a folder; of an earlier site, all are written anew."""
    if site.exists() and any(site.iterdir()) and not (site / "guides").exists():
        raise SystemExit(f"{site} holds something else. Name an empty folder.")
    shutil.rmtree(site, ignore_errors=True)
    (site / "guides").mkdir(parents=True)
    shutil.copytree(ROOT / "benchmarks" / "pictures", site / "pictures")
    guides = sorted(
        (ROOT / "notebooks").glob("*.ipynb"),
        key=lambda path: (path.stem != "quickstart", path.stem),
    )
    for path in guides:
        book = nbformat.read(path, as_version=4)
        body, _ = HTMLExporter(template_name="basic").from_notebook_node(book)
        page = shell(title_of(path), body, guides, depth=1)
        (site / "guides" / f"{path.stem}.html").write_text(page, encoding="utf-8")
    for text in PAGES:
        (site / PAGES[text][0]).write_text(page_of(text, guides), encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pdoc",
        "-d",
        "google",
        "--no-show-source",
        "-o",
        site / "reference",
    ]
    quiet = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    subprocess.run([*command, *REFERENCE], cwd=ROOT, check=True, env=quiet)
    for path in (site / "reference").rglob("*.html"):
        depth = len(path.relative_to(site).parents) - 1
        page = without_lost_anchors(path.read_text(encoding="utf-8"))
        path.write_text(with_way_back(page, depth), encoding="utf-8")
    lost = broken(site)
    if lost:
        raise SystemExit("Links that lead nowhere:\n" + "\n".join(lost))
    print(f"open {site / 'index.html'}")


def page_of(text: str, guides: list[Path]) -> str:
    """A text of the repository as a page."""
    markdown = MarkdownIt("commonmark", {"html": True}).enable("table")
    body = markdown.render((ROOT / text).read_text(encoding="utf-8"))
    body = re.sub(r"<h([1-6])>(.*?)</h\1>", titled, body)
    body = body.replace("<table>", '<div class="table"><table>')
    body = body.replace("</table>", "</table></div>")
    folder = (ROOT / text).parent
    for pattern in (r'<(img src)="([^"]+)"()', r'<(a href)="([^"]+)">(.*?</a>)'):
        body = re.sub(pattern, lambda match: linked(match, folder), body, flags=re.S)
    return shell(PAGES[text][1], body, guides, depth=0)


def title_of(guide: Path) -> str:
    """The first heading of a notebook, up to what it goes on to say."""
    heading = nbformat.read(guide, as_version=4).cells[0].source.splitlines()[0]
    return re.split("[;:]", heading.removeprefix("# ").replace("`", ""))[0]


def shell(title: str, body: str, guides: list[Path], depth: int) -> str:
    """A page with the menu above it.

    Args:
        title: of the page.
        body: what is below the menu.
        guides: the notebooks, for the menu.
        depth: how many folders deep the page lies.
    """
    first, *others = PAGES.values()
    books = [(f"guides/{x.stem}.html", title_of(x)) for x in guides]
    links = [first, *books, ("reference/keras_aug_layers.html", "Reference"), *others]
    up = "../" * depth
    menu = "\n".join(f'<a href="{up}{to}">{html.escape(x)}</a>' for to, x in links)
    colors = HtmlFormatter().get_style_defs(".highlight")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}{colors}</style></head>\n"
        f"<body><nav>{menu}</nav>\n{body}</body></html>\n"
    )


def with_way_back(page: str, depth: int) -> str:
    """A page that another tool made, with a link to the first one.

    Args:
        page: what it made.
        depth: how many folders deep it lies.
    """
    link = f'<p><a href="{"../" * depth}index.html">keras_aug_layers</a></p>'
    return re.sub(r"<main[^>]*>", lambda match: match[0] + link, page, count=1)


def without_lost_anchors(page: str) -> str:
    """A page without the links by which pdoc means attributes that it does not show."""
    known = Links()
    known.feed(page)

    def kept(match: re.Match[str]) -> str:
        return match[0] if match[1] in known.names else match[2]

    return re.sub(r'<a href="#([^"]*)">(.*?)</a>', kept, page, flags=re.S)


def titled(match: re.Match[str]) -> str:
    """A heading that can be linked to, by the name that GitHub gives it."""
    words = re.sub(r"<[^>]+>|[^\w\s-]", "", html.unescape(match[2]).lower())
    slug = words.strip().replace(" ", "-")
    return f'<h{match[1]} id="{slug}">{match[2]}</h{match[1]}>'


def linked(match: re.Match[str], folder: Path) -> str:
    """A link or a picture of a text, on its page; sources are named, not linked."""
    tag, target, rest = match.groups()
    path, mark, anchor = target.partition("#")
    if not path or "://" in path:
        return match[0]
    place = (folder / path).resolve().relative_to(ROOT).as_posix()
    if place in PAGES:
        place = PAGES[place][0] + mark + anchor
    elif place.startswith("benchmarks/pictures/"):
        place = place.removeprefix("benchmarks/")
    elif place.endswith(".ipynb"):
        place = f"guides/{Path(place).stem}.html"
    elif (ROOT / place).exists():
        return f"{rest.removesuffix('</a>')} (<code>{place}</code>)"
    return f'<{tag}="{place}"' + (f">{rest}" if rest else "")


class Links(HTMLParser):
    """The links and the names of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.names: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.names |= {found.get("id") or "", found.get("name") or ""}
        self.links += [x for key in ("href", "src") if (x := found.get(key))]


def broken(site: Path) -> list[str]:
    """The links within the site that lead nowhere."""
    pages = {}
    for path in site.rglob("*.html"):
        pages[path] = Links()
        pages[path].feed(path.read_text(encoding="utf-8"))
    lost = []
    for path, page in pages.items():
        for link in page.links:
            to, _, anchor = link.partition("#")
            if ":" in to or link.startswith("//"):
                continue  # to elsewhere
            target = (path.parent / to).resolve() if to else path
            known = pages[target].names if target in pages else set()
            if not target.exists() or (
                anchor and target in pages and anchor not in known
            ):
                lost.append(f"{path.relative_to(site)}: {link}")
    return lost


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("site", type=Path, help="the folder that it is written into")
    build(parser.parse_args().site.resolve())
