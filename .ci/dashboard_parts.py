"""The parts Grafana's dashboards are made of: queries, panels, variables, the grid.

A dashboard is a list of bands, a band a list of panels side by side on a grid of 24 columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

Json = dict[str, Any]

PROMETHEUS: Final = {"type": "prometheus", "uid": "prometheus"}
LOKI: Final = {"type": "loki", "uid": "loki"}

# What the two variables choose, as matchers; both languages write them alike.
CHOSEN: Final = 'service_name=~"$service", deployment_environment_name=~"$environment"'
LOGS: Final = f"{{{CHOSEN}}}"

WIDTH: Final = 24


def rate(metric: str, *matchers: str, by: str = "") -> str:
    """Write the events per second of a counter, summed over ``by``."""
    return _summed(f"rate({series(metric, *matchers)}[$__rate_interval])", by)


def total(metric: str, *matchers: str, by: str = "") -> str:
    """Write the events in the time shown, summed over ``by``."""
    return _summed(f"increase({series(metric, *matchers)}[$__range])", by)


def quantile(q: str, metric: str, *matchers: str, by: str, window: str) -> str:
    """Write a quantile of a histogram for each value of ``by``."""
    rates = _summed(f"rate({series(metric, *matchers)}[{window}])", by)
    return f"histogram_quantile({q}, {rates})"


def series(metric: str, *matchers: str) -> str:
    """Write the series of a metric that the variables choose."""
    return f"{metric}{{{', '.join([CHOSEN, *matchers])}}}"


def _summed(expression: str, by: str) -> str:
    return f"sum by ({by}) ({expression})" if by else f"sum({expression})"


def query(expr: str, legend: str = "", *, instant: bool = False, exemplar: bool = False) -> Json:
    """Make a PromQL target."""
    kind = {"instant": True, "range": False} if instant else {"instant": False, "range": True}
    extra = {"exemplar": True} if exemplar else {}
    return {"datasource": PROMETHEUS, "expr": expr, "legendFormat": legend, **kind, **extra}


def log_query(expr: str, legend: str = "", *, instant: bool = False) -> Json:
    """Make a LogQL target."""
    kind = "instant" if instant else "range"
    return {"datasource": LOKI, "expr": expr, "legendFormat": legend, "queryType": kind}


def panel(kind: str, title: str, about: str, targets: Sequence[Json], **more: Any) -> Json:
    """Make a panel without its place; ``more`` has its width, unit, options, field settings."""
    for letter, target in zip("ABCDEFGH", targets, strict=False):
        target["refId"] = letter
    defaults = {"unit": more.pop("unit", "short"), **more.pop("defaults", {})}
    return {
        "type": kind, "title": title, "description": about,
        "datasource": targets[0]["datasource"] if targets else PROMETHEUS,
        "targets": list(targets),
        "fieldConfig": {"defaults": defaults, "overrides": []},
        **more,
    }


def lines(title: str, about: str, *targets: Json, stacked: bool = False, **more: Any) -> Json:
    """Draw values over time."""
    custom: Json = {"lineWidth": 1, "fillOpacity": 10, "showPoints": "never"}
    if stacked:
        custom |= {"fillOpacity": 40, "stacking": {"mode": "normal", "group": "A"}}
    more["defaults"] = {"min": 0, "custom": custom, **more.pop("defaults", {})}
    options = {
        "legend": {"displayMode": "table", "placement": "right", "calcs": ["mean", "max"]},
        "tooltip": {"mode": "multi", "sort": "desc"},
    }
    return panel("timeseries", title, about, targets, options=options, **more)


def number(title: str, about: str, expr: str, *, warn: float | None = None, **more: Any) -> Json:
    """Show one number with its course; above ``warn`` it turns red."""
    steps: list[Json] = [{"color": "green", "value": None}]
    if warn is not None:
        steps.append({"color": "red", "value": warn})
    more["defaults"] = {"thresholds": {"mode": "absolute", "steps": steps}}
    options = {
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
        "colorMode": "value", "graphMode": "area",
    }
    return panel("stat", title, about, [query(expr)], options=options, width=4, height=4, **more)


def bars(title: str, about: str, target: Json, **more: Any) -> Json:
    """Show the largest values of a moment as bars."""
    options = {
        "orientation": "horizontal", "displayMode": "gradient",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    }
    return panel("bargauge", title, about, [target], options=options, **more)


def table(title: str, about: str, columns: dict[str, Json], **more: Any) -> Json:
    """Draw one row for each label and one column for each target, named as in ``columns``."""
    targets = [{**target, "format": "table"} for target in columns.values()]
    names = {f"Value #{letter}": name for letter, name in zip("ABCDEFGH", columns, strict=False)}
    if len(columns) == 1:
        names = {"Value": next(iter(columns))}
    return panel(
        "table", title, about, targets, options={"showHeader": True},
        transformations=[
            {"id": "merge", "options": {}},
            {"id": "organize",
             "options": {"excludeByName": {"Time": True}, "renameByName": names}},
        ], **more,
    )


def log_lines(title: str, about: str, expr: str, **more: Any) -> Json:
    """List records, newest first; their details hold the link to the trace."""
    options = {
        "showTime": True, "wrapLogMessage": True, "enableLogDetails": True,
        "sortOrder": "Descending", "dedupStrategy": "none",
    }
    return panel("logs", title, about, [log_query(expr)], options=options, **more)


def placed(bands: Sequence[tuple[str, Sequence[Json]]]) -> list[Json]:
    """Give every panel its id and its place; a band with a title starts with a row."""
    panels: list[Json] = []
    y = 0
    for title, band in bands:
        if title:
            panels.append({"type": "row", "title": title, "collapsed": False, "panels": [],
                           "gridPos": {"x": 0, "y": y, "w": WIDTH, "h": 1}})
            y += 1
        y = _place_band(panels, band, y)
    return [{"id": number_, **item} for number_, item in enumerate(panels, 1)]


def _place_band(panels: list[Json], band: Sequence[Json], y: int) -> int:
    x = height = 0
    for item in band:
        width = item.pop("width", WIDTH // len(band))
        if x + width > WIDTH:
            x, y, height = 0, y + height, 0
        tall = item.pop("height", 8)
        panels.append({**item, "gridPos": {"x": x, "y": y, "w": width, "h": tall}})
        x, height = x + width, max(height, tall)
    return y + height


def choice(name: str, label: str, metric: str, *, every: str) -> Json:
    """Make a variable that lists a label's values; ``every`` is what All means."""
    expression = f"label_values({metric}, {label})"
    return {
        "name": name, "type": "query", "label": name.capitalize(), "datasource": PROMETHEUS,
        "query": {"qryType": 1, "query": expression, "refId": name},
        "definition": expression, "refresh": 2,
        "sort": 1, "multi": True, "includeAll": True, "allValue": every,
        "current": {"text": ["All"], "value": ["$__all"]},
    }


def entry(name: str, label: str) -> Json:
    """Make a variable that is typed in; empty means any."""
    return {"name": name, "type": "textbox", "label": label, "query": "",
            "current": {"text": "", "value": ""}}


SERVICE: Final = choice("service", "service_name", "faultmaven_log_records_total", every=".+")
ENVIRONMENT: Final = choice(
    "environment", "deployment_environment_name", "faultmaven_log_records_total", every=".*",
)


def dashboard(uid: str, title: str, about: str, bands: Sequence[tuple[str, Sequence[Json]]],
              *variables: Json) -> Json:
    """Assemble a dashboard."""
    return {
        "uid": uid, "title": title, "description": about, "tags": ["faultmaven"],
        "schemaVersion": 41, "editable": False, "refresh": "30s", "timezone": "browser",
        "graphTooltip": 1, "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [SERVICE, ENVIRONMENT, *variables]},
        "annotations": {"list": []},
        "links": [{
            "title": "FaultMaven", "type": "dashboards", "tags": ["faultmaven"], "icon": "",
            "asDropdown": False, "includeVars": True, "keepTime": True, "targetBlank": False,
            "tooltip": "", "url": "",
        }],
        "panels": placed(bands),
    }


def link(title: str, to: str) -> Json:
    """Make a link on a value to another dashboard, for the same time."""
    return {"title": title, "url": f"/d/{to}&${{__url_time_range}}", "targetBlank": False}
