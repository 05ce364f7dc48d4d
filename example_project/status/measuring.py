"""Fetching a page, and the arithmetic about how that went."""

import random
import statistics
import time
from collections.abc import Iterator, Sequence
from http.client import HTTPException
from urllib.error import HTTPError
from urllib.parse import urljoin
from urllib.request import urlopen

from django.conf import settings
from django.utils import timezone

from .models import Measurement, Monitor

#: Milliseconds: an answer that is fast in any case, and how long is waited for one.
FAST, TIMEOUT = 20, 10_000
#: Of a sparkline: how many bars it has, from one bar to the next, and how high the highest is.
BARS, STEP, HEIGHT = 60, 8, 40


def fetch(url: str) -> str:
    """Return the answer, like "200 OK", of a URL or of a path on this site; raises an error if it is not a good one."""
    with urlopen(urljoin(settings.SITE_URL, url), timeout=TIMEOUT / 1000) as response:
        response.read()
        return f"{response.status} {response.reason}"


def measure(monitor: Monitor) -> Measurement:
    """Fetch the monitor's page and return what was found, not yet saved. Whatever goes wrong is a finding too."""
    at, start, up = timezone.now(), time.perf_counter(), False
    try:
        answer, up = fetch(monitor.url), True
    except HTTPError as error:
        answer = f"{error.code} {error.reason}"
    except (OSError, HTTPException, ValueError) as error:
        answer = str(error)
    milliseconds = 1000 * (time.perf_counter() - start)
    return Measurement(monitor=monitor, at=at, up=up, milliseconds=milliseconds, answer=answer[:200])


def likely_slowest(times: Sequence[float], rounds: int = 300) -> float:
    """Return the 95th percentile as the mean over random resamples (a bootstrap): work for a CPU."""
    samples = (random.choices(times, k=len(times)) for _ in range(rounds))
    return statistics.fmean(statistics.quantiles(sample, n=20)[-1] for sample in samples)


def sparkline(latest: Sequence[Measurement]) -> Iterator[dict[str, object]]:
    """Yield the bars of measurements given newest first, the newest on the right; the template draws them as SVG."""
    longest = max([FAST, *(measurement.milliseconds for measurement in latest if measurement.up)])
    for index, measurement in enumerate(latest[:BARS]):
        height = max(4, round(HEIGHT * measurement.milliseconds / longest)) if measurement.up else HEIGHT
        x = (BARS - 1 - index) * STEP
        yield {"x": x, "y": HEIGHT - height, "height": height, "measurement": measurement}
