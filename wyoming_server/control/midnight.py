"""When a day began at home."""

import datetime as dt
from zoneinfo import ZoneInfo


def midnight(day: dt.date, now: dt.datetime) -> dt.datetime:
    """Return when a day began where `now` is told.

    A machine tells its own time with the offset of now alone; half a year ago it was another.
    """
    if not isinstance(now.tzinfo, ZoneInfo):
        here = dt.datetime.combine(day, dt.time()).astimezone()
        if now.replace(tzinfo=None).astimezone().utcoffset() == now.utcoffset():
            return here
    return dt.datetime.combine(day, dt.time(), now.tzinfo)
