"""The page about the admin names the policies that are tested."""

from tests.docs.pages import CHECKOUT
from tests.policy import POLICY, UNFOLD_POLICY


def test_the_policies_are_those_that_browsers_are_sent() -> None:
    text = (CHECKOUT / "docs" / "how-to" / "admin.md").read_text()

    for policy in (POLICY, UNFOLD_POLICY):
        assert policy.partition("; frame-ancestors")[0] + "\n" in text


def test_the_classes_of_the_theme_are_combined_as_in_the_tests() -> None:
    text = (CHECKOUT / "docs" / "how-to" / "admin.md").read_text()
    source = (CHECKOUT / "tests" / "served" / "unfold_classes" / "admin.py").read_text()

    combined = "@admin.register(ScheduledJob)\nclass UnfoldJobAdmin(JobAdmin, ModelAdmin):\n    pass\n"
    assert combined in text
    assert combined in source
