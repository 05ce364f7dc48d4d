"""What the guide schedules."""


def myfunc():
    return "done"


def crash():
    raise ValueError("crashed")
