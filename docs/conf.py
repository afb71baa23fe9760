"""How Sphinx builds the documentation: `make docs`."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "extensions"), str(HERE.parent)]

project = "scepter_opt"
author = "the authors of scepter_opt"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "option_pages", "public_names"]
exclude_patterns = ["pictures/*.py", "extensions"]
html_theme = "furo"
html_title = "scepter_opt"
html_copy_source = False

myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
# a docstring's single backticks are code, as in Markdown
default_role = "code"
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
# fragments that pages make by script, and a site that refuses programs
linkcheck_ignore = [r"https://arxiv\.org/.*"]
linkcheck_anchors = False
nitpicky = False
