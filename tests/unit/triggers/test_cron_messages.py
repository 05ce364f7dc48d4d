"""What cron refuses, and in which words."""

import pytest

from django_apscheduler_ng.exceptions import InvalidTriggerError
from django_apscheduler_ng.triggers.cron import CronTrigger

NUMBERS = "as '*', 'a', 'a-b', 'a-b/c' or a list of these"
WEEKDAYS = "must be within 0-6 (0 is Monday) or mon-sun"
CRONTAB_WEEKDAYS = "must be within 0-7 (0 and 7 are Sunday) or sun-sat"
IMPOSSIBLE = "Choose values that one date can have."


def case(message, **arguments):
    return pytest.param(arguments, message, id=", ".join(f"{name}={value!r}" for name, value in arguments.items()))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        case("Cron field 'minute' must be within 0-59, got '60'.", minute=60),
        case("Cron field 'minute' must be within 0-59, got '75' in '1,75'.", minute="1,75"),
        case("Cron field 'second' must be within 0-59, got '50-60'.", second="50-60"),
        case("Cron field 'hour' must be within 0-23, got '24'.", hour=24),
        case("Cron field 'hour' must be within 0-23, got 'noon'.", hour="noon"),
        case(f"Cron field 'hour' must be within 0-23, {NUMBERS}, got '-1'.", hour=-1),
        case(f"Cron field 'hour' must be within 0-23, {NUMBERS}, got ''.", hour=""),
        case(f"Cron field 'hour' must be within 0-23, {NUMBERS}, got '' in '1,'.", hour="1,"),
        case(f"Cron field 'hour' must be within 0-23, {NUMBERS}, got '*-5'.", hour="*-5"),
        case(f"Cron field 'hour' must be within 0-23, {NUMBERS}, got '3-4-5'.", hour="3-4-5"),
        case("Cron field 'hour' must be a whole number or text, got 1.5. Write several values as '1,2,3'.", hour=1.5),
        case("Cron field 'hour' must be a whole number or text, got True. Write several values as '1,2,3'.", hour=True),
        case(
            "Cron field 'hour' must be a whole number or text, got [1, 2]. Write several values as '1,2,3'.",
            hour=[1, 2],
        ),
        case("Cron field 'minute' must have a step within 1-60, got '*/0'.", minute="*/0"),
        case("Cron field 'minute' must have a step within 1-60, got '*/75'.", minute="*/75"),
        case("Cron field 'hour' must have ranges that go up, got '20-4'. Write '20-23,0-4'.", hour="20-4"),
        case("Cron field 'year' must be within 1970-9999, got '1969'.", year=1969),
        case("Cron field 'month' must be within 1-12 or jan-dec, got '13'.", month=13),
        case("Cron field 'month' must be within 1-12 or jan-dec, got 'Janu'. Did you mean 'jan'?", month="Janu"),
        case("Cron field 'week' must be within 1-53, got '0'.", week=0),
        case(f"Cron field 'day_of_week' {WEEKDAYS}, got '7'.", day_of_week=7),
        case(f"Cron field 'day_of_week' {WEEKDAYS}, got 'monday'. Did you mean 'mon'?", day_of_week="monday"),
        case(
            "Cron field 'day_of_week' must have ranges that go up, got 'fri-mon'. Write 'fri-sun,mon'.",
            day_of_week="fri-mon",
        ),
        case(
            "Cron field 'day' must be within 1-31, 'last', or a weekday's position such as '2nd tue' or 'last fri', "
            "got '32'.",
            day=32,
        ),
        case("Cron field 'day' must have a weekday within 0-6 (0 is Monday) or mon-sun, got '2nd foo'.", day="2nd foo"),
        case(
            "Cron field 'day' must have a position among 1st, 2nd, 3rd, 4th, 5th and last, got '2dn tue' "
            "in '2dn tue, 15'. Did you mean '2nd'?",
            day="2dn tue, 15",
        ),
        case(f"Cron fields must match some date, got month=2, day='30,31'. {IMPOSSIBLE}", month=2, day="30,31"),
        case(
            f"Cron fields must match some date, got year=2025, month=2, day=29. {IMPOSSIBLE}",
            year=2025,
            month=2,
            day=29,
        ),
        case(
            f"Cron fields must match some date, got year=2025, month=1, day=1, day_of_week='mon'. {IMPOSSIBLE}",
            year=2025,
            month=1,
            day=1,
            day_of_week="mon",
        ),
        case(f"Cron fields must match some date, got month=6, week=53. {IMPOSSIBLE}", month=6, week=53),
        case(
            f"Cron fields must match some date, got year='2023-2026', month='feb', day='5th 0'. {IMPOSSIBLE}",
            year="2023-2026",
            month="feb",
            day="5th 0",
        ),
        case(
            "Argument 'jitter' of trigger 'cron' must be a number of at least 0, got -1. "
            "Pass a number such as 5 or 0.5.",
            hour=3,
            jitter=-1,
        ),
        case(
            "Argument 'on_gap' of trigger 'cron' must be 'shift' or 'skip', got 'shft'. Did you mean 'shift'?",
            on_gap="shft",
        ),
        case(
            "Argument 'on_overlap' of trigger 'cron' must be 'first' or 'both', got 2. Pass one of them.", on_overlap=2
        ),
        case(
            "Argument 'end_date' of trigger 'cron' must not lie before its 'start_date', "
            "got '2025-01-01 00:00:00+00:00' and '2025-01-02 00:00:00+00:00'. Correct one of them, or leave it out.",
            start_date="2025-01-02",
            end_date="2025-01-01",
            timezone="UTC",
        ),
        case(
            "Time zone must be an IANA name, got 'Europe/Berln'. Did you mean 'Europe/Berlin'?", timezone="Europe/Berln"
        ),
    ],
)
def test_a_trigger_that_cannot_work_is_refused(arguments, message):
    with pytest.raises(InvalidTriggerError) as caught:
        CronTrigger(**arguments)

    assert str(caught.value) == message


FIVE = "Crontab expression must have 5 fields (minute, hour, day, month, day of week)"
NICKNAMES = "@yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly"


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("75 * * * *", "Cron field 'minute' must be within 0-59, got '75' in '75 * * * *'."),
        ("*/0 * * * *", "Cron field 'minute' must have a step within 1-60, got '*/0' in '*/0 * * * *'."),
        ("0 0 L * *", "Cron field 'day' must be within 1-31, got 'L' in '0 0 L * *'."),
        ("0 0 last * *", "Cron field 'day' must be within 1-31, got 'last' in '0 0 last * *'."),
        ("0 0 ? * *", f"Cron field 'day' must be within 1-31, {NUMBERS}, got '?' in '0 0 ? * *'."),
        ("0 0 * * 8", f"Cron field 'day_of_week' {CRONTAB_WEEKDAYS}, got '8' in '0 0 * * 8'."),
        (
            "0 0 * * mun",
            f"Cron field 'day_of_week' {CRONTAB_WEEKDAYS}, got 'mun' in '0 0 * * mun'. Did you mean 'sun'?",
        ),
        (
            "0 0 * * 5-2",
            "Cron field 'day_of_week' must have ranges that go up, got '5-2' in '0 0 * * 5-2'. Write '5-7,0-2'.",
        ),
        (
            "0 0 * * FRI-MON",
            "Cron field 'day_of_week' must have ranges that go up, got 'FRI-MON' in '0 0 * * FRI-MON'. "
            "Write 'fri-sat,sun-mon'.",
        ),
        ("* * * *", f"{FIVE}, got 4 in '* * * *'."),
        ("0 * * * * *", f"{FIVE}, got 6 in '0 * * * * *'. Seconds need the argument 'second' of CronTrigger."),
        ("", f"{FIVE}, got 0 in ''."),
        (None, "Crontab expression must be text, got None. Write five fields such as '30 3 * * *'."),
        (
            "@reboot",
            "Crontab expression must be one with fire times, got '@reboot'. "
            "Call the function where the process starts instead.",
        ),
        ("@dayly", "Crontab nickname must be a known one, got '@dayly'. Did you mean '@daily'?"),
        ("@", f"Crontab nickname must be a known one, got '@'. Choose among {NICKNAMES}."),
        ("0 0 30 2 *", f"Cron fields must match some date, got '0 0 30 2 *'. {IMPOSSIBLE}"),
    ],
)
def test_a_crontab_expression_that_says_nothing_is_refused(expression, message):
    with pytest.raises(InvalidTriggerError) as caught:
        CronTrigger.from_crontab(expression)

    assert str(caught.value) == message
