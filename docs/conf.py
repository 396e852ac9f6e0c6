"""The site of the documentation: ``sphinx-build -W -c docs . build/site``.

The source folder is the root of the repository, so that every link between pages, notebooks,
tables and source files is the same on the site as in the repository.
"""

from __future__ import annotations

import sys
from pathlib import Path

from specsr.version import __version__

sys.path.insert(0, str(Path(__file__).parent / "site"))

project = "specsr"
author = "the authors of specsr"
copyright = "the authors of specsr, MIT licence"
release = version = __version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "pages",  # site/pages.py: contents, reference, gallery
]
root_doc = "docs/index"
include_patterns = [
    "docs/*.md",
    "docs/reference/*.md",
    "docs/gallery/*.py",
    "notebooks/*.ipynb",
    "benchmarks/results/*.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
]
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb", ".py": "myst-nb"}

myst_heading_anchors = 4
nb_execution_mode = "off"  # pages.py puts in the outputs of notebooks that ran
nb_merge_streams = True
default_role = "py:obj"  # `name` in a docstring: a link where the name has an entry
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
napoleon_use_rtype = False
napoleon_use_ivar = True
python_maximum_signature_line_length = 88
suppress_warnings = ["myst.header"]

html_theme = "furo"
html_title = f"specsr {version}"
html_copy_source = False
html_show_sourcelink = False
html_static_path = ["site/style.css"]
html_css_files = ["style.css"]
html_theme_options = {"top_of_page_buttons": []}
linkcheck_timeout = 10
