"""How time grows with the number of users, and where it goes."""

from collections.abc import Mapping

import numpy as np
from matplotlib.ticker import LogLocator

from metarec.plots.curves import COLOURS, STROKES, name_ends
from metarec.style import BLUE, GREY, Chart, style

Seconds = Mapping[int, float]


def time_growth(times: Mapping[str, Seconds]) -> Chart:
    """For each method the seconds that so many users take, both axes logarithmic.

    times: seconds by users, by name. ValueError for no method or more than five, or for a time that is not above 0.
    """
    if not 1 <= len(times) <= len(COLOURS):
        raise ValueError(f"from 1 to {len(COLOURS)} methods can be told apart, not {len(times)}")
    for name, seconds in times.items():
        if not seconds or min(seconds.values()) <= 0:
            raise ValueError(f"{name}: times above 0 are needed, not {dict(seconds)}")
    told, ends = [], []
    with style():
        figure = Chart(figsize=(7.5, 4), layout="constrained")
        axes = figure.subplots()
        axes.set_xscale("log", base=2)
        axes.set_yscale("log")
        for (name, seconds), colour, stroke in zip(times.items(), COLOURS, STROKES, strict=False):
            users = sorted(seconds)
            axes.plot(users, [seconds[n] for n in users], marker="o", markersize=4, color=colour, linestyle=stroke)
            ends.append((name, seconds[users[-1]], colour))
            told.append(f"{name} from {_time(seconds[users[0]])} at {users[0]:,} to {_time(seconds[users[-1]])} at")
            told[-1] += f" {users[-1]:,} users"
        low, high = axes.get_ylim()
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 100 * low else (1,)))
        axes.yaxis.set_major_formatter(lambda value, _: _time(value))
        every = sorted({n for seconds in times.values() for n in seconds})
        axes.set_xticks(every, [f"{n:,}" for n in every])
        axes.minorticks_off()
        axes.set_xlabel("users")
        axes.set_ylabel("time")
        name_ends(axes, ends, _time)
    figure.alt = f"Time by users, both axes logarithmic: {'; '.join(told)}."
    return figure


def time_bars(shares: Mapping[str, float], *, unit: str = "milliseconds", most: int = 8) -> Chart:
    """Where time goes: a bar for each operation, the longest first; what is beyond `most` is one bar, "others".

    shares: an amount by name, none negative. ValueError for none, or where all are 0.
    """
    found = dict(sorted(shares.items(), key=lambda pair: -pair[1]))
    if not found or min(found.values()) < 0 or max(found.values()) == 0:
        raise ValueError(f"amounts that are not negative, and not all 0, are needed: {dict(shares)}")
    shown = dict(list(found.items())[:most])
    rest = sum(found.values()) - sum(shown.values())
    if rest > 0:
        shown["others"] = rest
    names, amounts, total = list(shown), list(shown.values()), sum(found.values())
    with style():
        figure = Chart(figsize=(7.5, 0.6 + 0.34 * len(shown)), layout="constrained")
        axes = figure.subplots()
        places = np.arange(len(shown))[::-1]
        axes.barh(places, amounts, color=[GREY if name == "others" else BLUE for name in names])
        axes.set_yticks(places, names)
        for place, amount in zip(places, amounts, strict=True):
            axes.annotate(
                f"{amount:.2g} ({amount / total:.0%})",
                (amount, place),
                xytext=(5, 0),
                textcoords="offset points",
                va="center",
                color=GREY,
            )
        axes.set_xlim(0, 1.25 * max(amounts))
        axes.set_xlabel(unit)
    figure.alt = f"Where {total:.2g} {unit} go: " + ", ".join(
        f"{name} {amount:.2g} ({amount / total:.0%})" for name, amount in shown.items()
    )
    return figure


def _time(seconds: float) -> str:
    for size, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if seconds >= size or unit == "µs":
            return f"{seconds / size:.3g} {unit}"
    raise AssertionError
