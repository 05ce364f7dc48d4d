"""How the documentation is built: `python -m sphinx -W docs docs/_build/html`, without a network."""

import sys
from importlib.util import find_spec
from pathlib import Path

import django
from django.conf import settings

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE / "_ext")]

# The modules of the Django shell can only be imported, and described, inside a project.
if not settings.configured:
    settings.configure(
        DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "django_apscheduler_ng"],
        USE_TZ=True,
    )
    django.setup()

from django_apscheduler_ng import __version__  # noqa: E402

project = "django_apscheduler_ng"
author = "The django_apscheduler_ng contributors"
copyright = author
release = version = __version__

extensions = ["generated", "apireference", "themes", "myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]

html_theme = "furo"
html_title = "django_apscheduler_ng"
html_static_path = ["_static"]
html_css_files = ["pages.css"]
html_copy_source = False

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

# Quotes in messages are to be found by searching for them: they stay as they are.
smartquotes_action = "D"

# Docstrings are written with single backticks.
default_role = "code"
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
# What an optional part needs may be absent where the pages are built.
_OPTIONAL = ("gevent", "tornado", "twisted", "PySide6", "sqlalchemy", "pymongo", "bson", "redis")
autodoc_mock_imports = [name for name in _OPTIONAL if find_spec(name) is None]
python_maximum_signature_line_length = 80
python_use_unqualified_type_names = True
toc_object_entries_show_parents = "hide"
autoclass_content = "both"
napoleon_numpy_docstring = False


def _say_the_language(app, pagename, templatename, context, doctree):
    """Tell browsers and screen readers which language a page is in."""
    if pagename.startswith("zh-hans/"):
        context["language"] = "zh-Hans"


def setup(app):
    """Connect what is done for each page."""
    app.connect("html-page-context", _say_the_language)
