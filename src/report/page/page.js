// Hover values and toggles of series. The page says everything without it.
"use strict";
document.documentElement.classList.add("live");

const digits = (v) => {
  const size = Math.abs(v);
  if (size >= 999.5) return Math.round(v).toLocaleString("en-US");
  if (size === 0) return "0";
  return String(Number(v.toPrecision(3)));
};
const times = [[86400, "d", 864000], [3600, "h", 36000], [60, "min", 600], [1, "s", 0.9995],
  [1e-3, "ms", 0.9995e-3], [1e-6, "µs", 0.9995e-6], [1e-9, "ns", 0]];
const time = (v) => {
  if (v === 0) return "0";
  const [size, name] = times.find(([, , least]) => Math.abs(v) >= least);
  return digits(v / size) + " " + name;
};
const show = (axis, v) => {
  if (v === null || !Number.isFinite(v)) return "–";
  if (axis.spacing === "names") return axis.names[Math.round(v)] ?? "";
  if (axis.unit === "seconds") return time(v);
  if (axis.unit === "share") return digits(v * 100) + " %";
  if (axis.unit === "per-second") return digits(v) + " /s";
  if (axis.unit.money !== undefined) return digits(v) + " " + axis.unit.money;
  return digits(v);
};

// From a place between the ends of an axis, 0 to 1, to its value, and back.
const log = (scale) => scale.axis.spacing === "logarithmic";
const valueAt = (scale, share) => log(scale)
  ? Math.exp(Math.log(scale.from) + share * Math.log(scale.to / scale.from))
  : scale.from + share * (scale.to - scale.from);
const shareOf = (scale, v) => log(scale)
  ? Math.log(v / scale.from) / Math.log(scale.to / scale.from)
  : (v - scale.from) / (scale.to - scale.from);

const nearest = (rows, at, v, scale) => {
  let best = null, gap = Infinity;
  for (const row of rows) {
    const far = Math.abs(shareOf(scale, row[at]) - shareOf(scale, v));
    if (far < gap) [best, gap] = [row, far];
  }
  return best;
};

// What a series has to say at a place: words, or null.
const tell = (series, x, y, chart) => {
  const word = (v) => show(chart.y.axis, v), across = (v) => show(chart.x.axis, v);
  const rows = series.data;
  if (series.mark === "cells") {
    const cell = rows.find((c) => c[0] <= x && x < c[1] && c[2] <= y && y < c[3]);
    return cell ? digits(cell[4]) + " requests of " + word(cell[2]) + " – " + word(cell[3]) : null;
  }
  if (series.mark === "shades") {
    const cell = rows.cells.find((c) => c[0] <= x && x < c[1] && c[2] <= y && y < c[3]);
    return cell ? across(x) + ", " + word(y) + ": " + show({ unit: rows.unit }, cell[4]) : null;
  }
  if (series.mark === "bars") {
    const bar = rows.find((b) => b[0] <= x && x < b[1]);
    return bar ? word(bar[2]) : null;
  }
  if (series.mark === "whiskers") {
    const row = nearest(rows, 0, y, chart.y);
    return row ? word(row[0]) + ": " + across(row[2]) + " (" + across(row[1]) + " – " + across(row[3]) + ")" : null;
  }
  if (series.mark === "step") {
    const row = rows.findLast((r) => r[0] <= x) ?? rows[0];
    return row ? word(row[1]) : null;
  }
  const row = nearest(rows, 0, x, chart.x);
  if (!row) return null;
  if (series.mark === "band") return word(row[1]) + " – " + word(row[2]);
  if (series.mark === "intervals") return word(row[2]) + " (" + word(row[1]) + " – " + word(row[3]) + ")";
  return series.mark === "dots" ? across(row[0]) + ", " + word(row[1]) : word(row[1]);
};

for (const figure of document.querySelectorAll("figure.chart")) {
  const svg = figure.querySelector("svg");
  const chart = JSON.parse(figure.querySelector("script").textContent);
  const [left, top, right, bottom] = chart.plot;
  const off = new Set();
  const tip = document.createElement("div");
  tip.className = "tip"; tip.hidden = true; tip.setAttribute("role", "status");
  figure.append(tip);
  const cross = document.createElementNS(svg.namespaceURI, "line");
  cross.setAttribute("class", "cross"); cross.setAttribute("visibility", "hidden");
  svg.append(cross);
  // The drawing has tooltips of its own for readers without scripts; two would be one too many.
  svg.querySelectorAll("title").forEach((title) => title.remove());
  const groups = (kind, place) => svg.querySelector(`g.${kind}[data-series="${place}"]`);
  const width = svg.viewBox.baseVal.width;

  const hide = () => { tip.hidden = true; cross.setAttribute("visibility", "hidden"); };
  const point = (px, py) => {
    if (px < left || px > right || py < top || py > bottom) return hide();
    const x = valueAt(chart.x, (px - left) / (right - left));
    const y = valueAt(chart.y, (bottom - py) / (bottom - top));
    tip.replaceChildren();
    const line = (text, colour) => {
      const row = document.createElement("div");
      if (colour) {
        const dot = document.createElement("i");
        dot.style.background = colour; row.append(dot);
      }
      row.append(text); tip.append(row);
    };
    if (chart.y.axis.spacing !== "names") line(show(chart.x.axis, x));
    chart.series.forEach((series, place) => {
      const words = off.has(place) ? null : tell(series, x, y, chart);
      if (words === null) return;
      const group = groups("series", place);
      const shape = group?.querySelector("[stroke]:not([stroke=none])") ?? group?.querySelector("[fill]:not([fill=none])");
      const look = shape ? getComputedStyle(shape) : null;
      const colour = look ? (look.stroke !== "none" ? look.stroke : look.fill) : "";
      line(series.name ? series.name + ": " + words : words, colour);
    });
    for (const [name, v] of Object.entries({ x1: px, x2: px, y1: top, y2: bottom })) cross.setAttribute(name, v);
    cross.setAttribute("visibility", chart.y.axis.spacing === "names" ? "hidden" : "visible");
    tip.hidden = false;
    const zoom = svg.clientWidth / width;
    const room = figure.clientWidth - tip.offsetWidth - 4;
    const beside = px * zoom + 14;
    tip.style.left = Math.max(4, beside <= room ? beside : Math.min(room, px * zoom - tip.offsetWidth - 6)) + "px";
    tip.style.top = Math.min(py * zoom, svg.clientHeight - 20) + "px";
  };
  let at = (left + right) / 2;
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect(), zoom = width / box.width;
    at = (event.clientX - box.left) * zoom;
    point(at, (event.clientY - box.top) * zoom);
  });
  svg.addEventListener("pointerleave", hide);
  svg.addEventListener("blur", hide);
  svg.setAttribute("tabindex", "0");
  svg.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (event.key === "Escape") return hide();
    if (!step) return;
    event.preventDefault();
    at = Math.min(right, Math.max(left, at + step * (right - left) / 100));
    point(at, (top + bottom) / 2);
  });

  for (const key of svg.querySelectorAll("g.key[data-series]")) {
    const place = Number(key.dataset.series);
    key.setAttribute("role", "button");
    key.setAttribute("tabindex", "0");
    key.setAttribute("aria-pressed", "true");
    key.setAttribute("aria-label", "Show " + key.textContent.trim());
    const toggle = () => {
      const gone = !off.delete(place);
      if (gone) off.add(place);
      key.classList.toggle("off", gone);
      key.setAttribute("aria-pressed", String(!gone));
      groups("series", place)?.classList.toggle("off", gone);
    };
    key.addEventListener("click", toggle);
    key.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault(); event.stopPropagation(); toggle();
    });
  }
}
