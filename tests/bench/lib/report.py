"""What a measurement hands back, and how it is said."""
import statistics
import sys


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def median(values):
    return statistics.median(values)


class Figure:
    """GOAL is a text, HOLDS a function of this figure that says whether it is reached; None: there is none."""

    def __init__(self, name, value, unit, yardstick, yardstick_value, goal="", holds=None):
        self.name, self.value, self.unit = name, value, unit
        self.yardstick, self.yardstick_value = yardstick, yardstick_value
        self.goal, self.holds = goal, holds

    @property
    def ratio(self):
        return self.value / self.yardstick_value if self.yardstick_value else 0.0

    def missed(self):
        return bool(self.holds) and not self.holds(self)

    def verdict(self):
        if not self.holds:
            return "-"
        return f"{self.goal}: {'MISSED' if self.missed() else 'reached'}"

    @staticmethod
    def shown(value):
        return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"

    def as_json(self):
        return {"figure": self.name, "value": round(self.value, 4), "unit": self.unit, "yardstick": self.yardstick,
                "yardstick_value": round(self.yardstick_value, 4), "ratio": round(self.ratio, 4)}
