"""Draws a bar chart as SVG."""

import html
import math

WIDTH, LEFT, RIGHT, TOP = 760, 236, 72, 74
BAR, GAP, BETWEEN = 16, 3, 14
# One colour for each series; both can be read on white and on black.
COLOURS = ("#4c8dd6", "#d9822b")
STYLE = """<style>
  text { font: 13px system-ui, sans-serif; fill: #24292f }
  .title { font-size: 15px; font-weight: 600 }
  .axis { font-size: 11px; fill: #6e7781 }
  line { stroke: #8c959f; stroke-opacity: .35 }
  .ground { fill: #ffffff }
  @media (prefers-color-scheme: dark) { text { fill: #e6edf3 } .axis { fill: #9198a1 } .ground { fill: #0d1117 } }
</style>"""


def milliseconds(value):
    """A time as one reads it: three digits, in ms, s or min."""
    if value >= 100_000:
        return f"{value / 60_000:.1f} min"
    if value >= 1000:
        return f"{value / 1000:.3g} s"
    return f"{value:.3g} ms"


def grouped_bars(title, series):
    """Bars on a log scale of milliseconds: `series` has a name for each colour, and in it a value for each group."""
    groups = list(next(iter(series.values())))
    values = [value for of_one in series.values() for value in of_one.values()]
    low, high = math.floor(math.log10(min(values) * 0.999)), math.ceil(math.log10(max(values)))
    height_of_group = len(series) * (BAR + GAP) + BETWEEN
    bottom = TOP + len(groups) * height_of_group

    def across(value):
        return LEFT + (math.log10(value) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {bottom + 34}" role="img">',
             f"<title>{html.escape(title)}</title>", STYLE, '<rect class="ground" width="100%" height="100%"/>',
             f'<text class="title" x="16" y="26">{html.escape(title)}</text>']
    place = 16
    for colour, name in zip(COLOURS, series):
        parts += [f'<rect x="{place}" y="40" width="12" height="12" rx="2" fill="{colour}"/>',
                  f'<text x="{place + 18}" y="51">{html.escape(name)}</text>']
        place += 50 + 7 * len(name)
    for power in range(low, high + 1):
        x = across(10**power)
        parts += [f'<line x1="{x:.1f}" y1="{TOP - 8}" x2="{x:.1f}" y2="{bottom}"/>',
                  f'<text class="axis" x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{milliseconds(10**power)}</text>']
    for number, group in enumerate(groups):
        y = TOP + number * height_of_group
        middle = y + len(series) * (BAR + GAP) / 2 + 3
        label = html.escape(group.replace("`", ""))
        parts.append(f'<text x="{LEFT - 12}" y="{middle:.1f}" text-anchor="end">{label}</text>')
        for colour, of_one in zip(COLOURS, series.values()):
            end = across(of_one[group])
            parts += [f'<rect x="{LEFT}" y="{y}" width="{end - LEFT:.1f}" height="{BAR}" rx="2" fill="{colour}"/>',
                      f'<text x="{end + 6:.1f}" y="{y + BAR - 3.5}">{milliseconds(of_one[group])}</text>']
            y += BAR + GAP
    return "\n".join([*parts, "</svg>"]) + "\n"
