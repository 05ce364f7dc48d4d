"""The quick ways of cron against its thorough ones: how fields are read, and where times of day are looked up."""

from hypothesis import example, given
from hypothesis import strategies as st

from django_apscheduler_ng.exceptions import InvalidTriggerError
from django_apscheduler_ng.triggers.cron.fields import FIELDS, parse
from django_apscheduler_ng.triggers.cron.rule import Times, table

VALUES = st.one_of(
    st.integers(0, 70).map(str),
    st.integers(0, 9).map("{:02}".format),
    st.sampled_from(
        ["*", "mon", "SUN", "jan", "Dec", "1970", "9999", "last", "2nd tue", "007", "²", "٣", "+1", "x", ""]
    ),
)
RANGES = st.one_of(VALUES, st.builds("{}-{}".format, VALUES, VALUES))
ITEMS = st.one_of(RANGES, st.builds("{}/{}".format, RANGES, VALUES))
LISTS = st.lists(ITEMS, min_size=1, max_size=3).map(",".join)


def read(field, text):
    """Return what the text says, or None if it is refused."""
    try:
        return parse(field, text)
    except InvalidTriggerError:
        return None


@given(st.sampled_from(list(FIELDS.values())), LISTS)
@example(FIELDS["minute"], "*/7,50-59/3")
@example(FIELDS["year"], "1970-9999/400")
@example(FIELDS["day"], "5/10")
@example(FIELDS["hour"], "*/60")
def test_a_field_says_the_same_however_it_is_read(field, text):
    # A space keeps a text from being read the quick way.
    assert read(field, text) == read(field, f" {text}")


def masks(values):
    return st.sets(st.integers(0, values - 1), min_size=1).map(lambda found: sum(1 << value for value in found))


@given(st.builds(Times, masks(24), masks(60), masks(60)), st.data())
def test_a_time_of_day_is_the_same_with_and_without_a_table(times, data):
    known = table(times)
    wanted = data.draw(st.one_of(st.integers(0, known[-1]), st.sampled_from(known[:50])))

    found = times.at_or_after(wanted)

    assert (times.first, times.last) == (known[0], known[-1])
    assert found == next(time for time in known if time >= wanted)
