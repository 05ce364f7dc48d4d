"""Callables of every kind."""

import functools
import json

NUMBER = 42


def report(year: int, month: int = 1, *, dry: bool = False) -> str:
    return f"{year}-{month}-{dry}"


def outer():
    def inner():
        pass

    return inner


class Shop:
    @classmethod
    def open(cls):
        return cls

    @staticmethod
    def close():
        return "closed"

    def sell(self):
        return "sold"

    def __call__(self):
        return "called"


class Kiosk(Shop):
    pass


shop = Shop()
nameless = lambda: None  # noqa: E731
january = functools.partial(report, month=1)


def _decorated():
    return "inner"


@functools.wraps(_decorated)
def wrapper():
    return "outer"


to_json = json.dumps


def by_position(one, two, /, three):
    return one, two, three


def anything(*args, **kwargs):
    return args, kwargs
