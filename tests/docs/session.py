"""A Python process that runs the snippets of one page in one namespace; started by `running.py`.

Requests come as lines of JSON on standard input, answers go back the same way on what was standard output.
"""

import doctest
import io
import json
import os
import sys
import traceback
from contextlib import redirect_stderr, redirect_stdout

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def run_code(text, name, line, namespace):
    """Run the code; return what went wrong."""
    try:
        exec(compile("\n" * (line - 1) + text, name, "exec"), namespace)
    except BaseException:
        return traceback.format_exc()
    return ""


def run_dialogue(text, name, line, namespace):
    """Run the examples of an interactive session; return how they differ from what the page shows."""
    test = doctest.DocTestParser().get_doctest(text, namespace, name, name, line - 1)
    if not test.examples:
        return "No example begins with '>>> '."
    said = io.StringIO()
    runner = doctest.DocTestRunner(optionflags=FLAGS)
    runner.run(test, out=said.write, clear_globs=False)
    namespace.update(test.globs)
    return said.getvalue()


def main():
    """Answer requests until there are none."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    namespace = {"__name__": "__main__"}
    sys.path.insert(0, os.getcwd())
    if os.environ.get("DJANGO_SETTINGS_MODULE"):
        import django

        django.setup()
    for request in map(json.loads, sys.stdin):
        run = run_dialogue if request["language"] == "pycon" else run_code
        printed = io.StringIO()
        with redirect_stdout(printed), redirect_stderr(printed):
            problem = run(request["text"], request["name"], request["line"], namespace)
        answers.write(json.dumps({"problem": problem and f"{problem}{printed.getvalue()}"}) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
