"""A calendar month, as the home's clock counts."""

import datetime as dt
from dataclasses import dataclass
from typing import Self

NAMES = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """One month; the earlier is the smaller."""

    year: int
    number: int
    """1 to 12."""

    @classmethod
    def of(cls, day: dt.date) -> Self:
        """Return the month of a day."""
        return cls(day.year, day.month)

    @classmethod
    def read(cls, text: str) -> Self:
        """Return what YYYY-MM says. Raises ValueError."""
        return cls.of(dt.date.fromisoformat(f"{text}-01"))

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"

    @property
    def name(self) -> str:
        """Its name for people."""
        return f"{NAMES[self.number - 1]} {self.year}"

    @property
    def first(self) -> dt.date:
        """Its first day."""
        return dt.date(self.year, self.number, 1)

    @property
    def last(self) -> dt.date:
        """Its last day."""
        return self.next.first - dt.timedelta(days=1)

    @property
    def next(self) -> Month:
        """The month after."""
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    @property
    def before(self) -> Month:
        """The month before."""
        return Month.of(self.first - dt.timedelta(days=1))
