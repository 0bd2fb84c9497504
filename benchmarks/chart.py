"""Charts as SVG, without any library."""
import html
import math

BARS, RIGHT, TOP, BAR, GAP, LEGEND = 530, 60, 64, 11, 9, 185
GLYPH = 7  # about how wide a letter is
COLOURS = ["#3b6fb6", "#d98032", "#8fb3de", "#f0bd8b"]
STYLE = ("text{font:12px system-ui,sans-serif;fill:#222}.small{font-size:10.5px}.grid{stroke:#ddd}.one{stroke:#222}"
         "@media(prefers-color-scheme:dark){text{fill:#ddd}.grid{stroke:#444}.one{stroke:#ddd}}")


def ticks_for(low, high):
    """Round numbers on a logarithmic axis."""
    return [t for t in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500) if low <= t <= high]


def ratio_chart(rows, peers):
    """A bar for each model, number of threads and peer: the peer's time over sinter's, on a logarithmic axis from 1."""
    series = [(threads, peer) for threads in sorted({row["threads"] for row in rows}) for peer in peers]
    models = list(dict.fromkeys(row["model"] for row in rows))
    value = {(row["model"], row["threads"], peer): row["ratios"][peer] for row in rows for peer in peers}
    low, high = min(0.5, *value.values()), max(2, *value.values())

    left = 24 + GLYPH * max(len(model) for model in models)
    width = max(left + BARS + RIGHT, 8 + LEGEND * len(series))

    def x_of(ratio):
        return left + BARS * math.log(ratio / low) / math.log(high / low)

    group = len(series) * BAR + GAP
    height = TOP + group * len(models) + 10
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
             f"<style>{STYLE}</style>"
             f'<text x="8" y="18">The peer\'s time over sinter\'s; right of 1, sinter is faster</text>']
    for i, (threads, peer) in enumerate(series):
        x = 8 + LEGEND * i
        parts.append(f'<rect x="{x}" y="28" width="10" height="10" fill="{COLOURS[i % len(COLOURS)]}"/>'
                     f'<text class="small" x="{x + 15}" y="37">{peer}, {threads} thread{"s" if threads > 1 else ""}</text>')
    for tick in ticks_for(low, high):
        x = x_of(tick)
        parts.append(f'<line class="{"one" if tick == 1 else "grid"}" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP - 4}" '
                     f'y2="{height - 6}"/><text class="small" text-anchor="middle" x="{x:.1f}" y="{TOP - 8}">{tick:g}</text>')
    for m, model in enumerate(models):
        y = TOP + m * group
        parts.append(f'<text text-anchor="end" x="{left - 8}" y="{y + group / 2 + 1}">{html.escape(model)}</text>')
        for i, (threads, peer) in enumerate(series):
            if (model, threads, peer) not in value:
                continue
            ratio = value[model, threads, peer]
            start, end = sorted((x_of(1), x_of(ratio)))
            parts.append(f'<rect x="{start:.1f}" y="{y + i * BAR}" width="{max(end - start, 1):.1f}" height="{BAR - 1}" '
                         f'fill="{COLOURS[i % len(COLOURS)]}"/>'
                         f'<text class="small" x="{max(end, x_of(1)) + 4:.1f}" y="{y + i * BAR + 9}">{ratio:.2f}</text>')
    return "\n".join(parts) + "\n</svg>\n"
