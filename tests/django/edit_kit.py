"""What the tests of adding and editing jobs share."""

from __future__ import annotations

import re
from html import unescape

from tests.django.admin_kit import PAGES

ADD = f"{PAGES}/scheduledjob/add/"
EVERYTHING = tuple(f"{verb}_scheduledjob" for verb in ("view", "add", "change", "delete", "run", "pause"))
HISTORY = ("view_joblogentry", "view_jobrun")
BERLIN = "Europe/Berlin"


def filled(response):
    """What a browser would post of the form as the page shows it."""
    form, choice = response.context["form"], response.context["choice"]
    values = {"type": choice.kind}
    for each in (form, *choice.forms.values()):
        for field in each:
            value = field.value()
            if field.field.widget.input_type == "checkbox" if hasattr(field.field.widget, "input_type") else False:
                if value:
                    values[field.html_name] = "on"
            elif value is not None:
                values[field.html_name] = str(value)
    if response.context["shown"]:
        values["shown"] = response.context["shown"]
    values.update(response.context["kept"])
    return values


def errors(response):
    """The errors that the page shows, by field; those of the trigger as they are called in the page."""
    found = dict(response.context["form"].errors)
    choice = response.context["choice"]
    if choice.form is not None and choice.form.is_bound:
        found |= {choice.form.add_prefix(name): messages for name, messages in choice.form.errors.items()}
    return {name: [str(message) for message in messages] for name, messages in found.items()}


def text_of(response):
    """What a person reads of a page, in one line."""
    body = re.sub(
        r"<(script|style|datalist|option)\b.*?</\1>|<option.*?>", " ", response.content.decode(), flags=re.DOTALL
    )
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())
