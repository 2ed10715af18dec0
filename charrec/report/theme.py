"""The colours of the page and its figures, light and dark."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Theme:
    name: str
    paper: str
    panel: str
    ink: str
    muted: str
    rule: str
    accent: str  # this study's data, and errors
    reference: str
    tint: str  # behind overfitting epochs
    brackets: tuple[str, ...]  # as many as a search may have: 8 of 243 epochs by halves
    heat: tuple[str, ...]  # from few to many confusions

    @property
    def css(self) -> str:
        """The colours as CSS custom properties; those of the palettes are numbered, --bracket-0 and --heat-0 first."""
        names = ("paper", "panel", "ink", "muted", "rule", "accent", "reference", "tint")
        colours = {name: getattr(self, name) for name in names}
        colours |= {f"bracket-{k}": colour for k, colour in enumerate(self.brackets)}
        colours |= {f"heat-{k}": colour for k, colour in enumerate(self.heat)}
        return "".join(f"--{name}:{colour};" for name, colour in colours.items())


LIGHT = Theme(
    name="light",
    paper="#fcfbf8",
    panel="#f4f1ea",
    ink="#1f1c18",
    muted="#6b655b",
    rule="#dcd6ca",
    accent="#c02f14",
    reference="#22688f",
    tint="#f9e9e2",
    brackets=("#c02f14", "#22688f", "#8a6d00", "#5d7a2b", "#7a4b94", "#1f1c18", "#0f7f78", "#a8467c"),
    heat=("#f6d9c6", "#e58f66", "#c8401d", "#7d1a0b", "#330702"),
)
DARK = Theme(
    name="dark",
    paper="#171614",
    panel="#211f1c",
    ink="#ece6da",
    muted="#a59d8f",
    rule="#3b3731",
    accent="#ff8163",
    reference="#79bde3",
    tint="#2e1d18",
    brackets=("#ff8163", "#79bde3", "#dcb93f", "#a4c46c", "#c79ae0", "#ece6da", "#66cfc4", "#f29ac4"),
    heat=("#4a2318", "#96391f", "#e2653c", "#ffb083", "#fff3df"),
)
THEMES = (LIGHT, DARK)
