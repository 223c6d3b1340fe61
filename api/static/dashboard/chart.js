// Draws the charts of a page with uPlot: what it draws stands in the markup, in `data-chart`.
const drawn = new Map();
const UNITS = {
  usd: (value) => money(value),
  ms: (value) => duration(value),
  percent: (value) => `${round(value)} %`,
  count: (value) => short(value),
};

const round = (value) => Number(value.toPrecision(3)).toLocaleString("en-US");

function short(value) {
  for (const [size, unit] of [[1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (Math.abs(value) >= size) return `${round(value / size)}${unit}`;
  }
  return round(value);
}

function money(cents) {
  const usd = cents / 100;
  if (usd === 0) return "$0";
  if (usd >= 1000) return `$${short(usd)}`;
  return usd >= 0.01 ? `$${usd.toFixed(2)}` : `$${Number(usd.toPrecision(2))}`;
}

function duration(ms) {
  if (ms < 1000) return `${round(ms)} ms`;
  if (ms < 60000) return `${round(ms / 1000)} s`;
  return `${Math.trunc(ms / 60000)} m ${Math.round((ms % 60000) / 1000)} s`;
}

const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// Those that no line leads to or from.
const alone = (values) => [...values.keys()].filter((at) =>
  (values[at] ?? null) !== null && (values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null);

function lineOf(line, chart) {
  const colour = token(`--s${line.colour}`);
  const series = {
    label: line.name,
    stroke: colour,
    width: 1.5,
    spanGaps: false,
    points: { show: true, size: 5, fill: colour, filter: () => alone(line.values) },
  };
  if (line.isBefore) return { ...series, width: 1.25, dash: [4, 4], stroke: token("--s8") };
  if (chart.isStacked) return { ...series, fill: `${colour}66`, width: 1 };
  if (chart.lines.length === 1 || chart.lines[1]?.isBefore) series.fill = `${colour}1f`;
  return series;
}

// Of a stacked chart: where each line is drawn, upon those before it that are shown.
function heights(chart, shows = () => true) {
  const values = chart.lines.map((line) => line.values);
  if (!chart.isStacked) return values;
  const whole = chart.times.map(() => 0);
  return values.map((line, at) => line.map((value, place) => {
    if (value === null) return null;
    if (shows(at)) whole[place] += value;
    return whole[place];
  }));
}

// The bucket that still runs is not over: its line is covered by a veil.
function veil(chart) {
  return (plot) => {
    if (chart.unfinished === null) return;
    const from = plot.valToPos(chart.times[Math.max(0, chart.unfinished - 1)], "x", true);
    const { left, top, width, height } = plot.bbox;
    plot.ctx.save();
    plot.ctx.fillStyle = token("--surface");
    plot.ctx.globalAlpha = 0.6;
    plot.ctx.fillRect(from, top, left + width - from, height);
    plot.ctx.restore();
  };
}

// Thin lines where something changed, each with its name on hover and on focus; some lead to a page.
function marksFor(chart, page) {
  const lines = chart.marks.map((mark) => {
    const line = document.createElement(mark.page ? "a" : "span");
    line.className = "mark";
    if (mark.page) {
      line.href = page.replace("PAGE", mark.page);
    } else {
      line.tabIndex = 0;
      line.setAttribute("role", "img");
    }
    line.setAttribute("aria-label", mark.name);
    line.dataset.name = mark.name;
    return line;
  });
  return {
    hooks: {
      init: (plot) => plot.over.append(...lines),
      draw: (plot) => chart.marks.forEach((mark, place) => {
        const left = plot.valToPos(mark.at, "x");
        lines[place].style.left = `${left}px`;
        lines[place].classList.toggle("late", left > plot.over.clientWidth / 2);
        lines[place].hidden = left < 0 || left > plot.over.clientWidth;
      }),
    },
  };
}

function tipFor(chart, format) {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  const date = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short", timeZone: chart.zone });
  return {
    hooks: {
      init: (plot) => plot.over.append(tip),
      setCursor: (plot) => {
        const { idx, left, top } = plot.cursor;
        tip.hidden = idx === null || idx === undefined || left < 0;
        if (tip.hidden) return;
        const when = document.createElement("p");
        const unfinished = idx === chart.unfinished ? ", still running" : "";
        when.textContent = date.format(chart.times[idx] * 1000) + unfinished;
        const rows = chart.lines.flatMap((line, at) => {
          const value = line.values[idx];
          if (value === null || !plot.series[at + 1].show) return [];
          const row = document.createElement("p");
          const name = document.createElement("span");
          const figure = document.createElement("strong");
          name.textContent = line.name;
          figure.textContent = format(value);
          row.append(name, figure);
          return [row];
        });
        tip.replaceChildren(when, ...rows);
        const onLeft = left > plot.over.clientWidth / 2;
        tip.style.left = onLeft ? "auto" : `${left + 12}px`;
        tip.style.right = onLeft ? `${plot.over.clientWidth - left + 12}px` : "auto";
        tip.style.top = `${Math.max(0, Math.min(top, plot.over.clientHeight - 60))}px`;
      },
    },
  };
}

function zoomTo(figure, plot) {
  const { left, width } = plot.select;
  if (width < 5) return;
  const moment = (at) => String(Math.round(plot.posToVal(at, "x") * 1000));
  const target = new URL(figure.dataset.zoom, location.href);
  target.searchParams.set("from", moment(left));
  target.searchParams.set("to", moment(left + width));
  location.assign(target);
}

// Hours within a day, days beyond; midnight is said by its day.
function ticksOn(zone) {
  const day = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", timeZone: zone });
  const hour = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: zone });
  return (seconds, step) => {
    const at = new Date(seconds * 1000);
    const text = hour.format(at);
    return step >= 86400 || text === "00:00" ? day.format(at) : text;
  };
}

export function draw(figure) {
  if (typeof uPlot === "undefined") return;
  const chart = JSON.parse(figure.dataset.chart);
  const place = figure.querySelector(".plot");
  const format = UNITS[chart.unit];
  const clock = ticksOn(chart.zone);
  const axis = { stroke: token("--muted"), font: "11px system-ui, sans-serif", ticks: { show: false } };
  const grid = { stroke: token("--line"), width: 1 };
  const options = {
    width: place.clientWidth,
    height: Number(figure.dataset.height),
    padding: [8, 20, 0, 0],
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), chart.zone),
    legend: { show: false },
    cursor: { y: false, drag: { x: true, y: false, setScale: false }, points: { size: 6 } },
    scales: { x: { time: true }, y: { range: (_, low, high) => [Math.min(0, low * 1.08), high > 0 ? high * 1.08 : low < 0 ? 0 : 1] } },
    axes: [
      { ...axis, grid: { show: false }, size: 28, space: 72, values: (_, ticks, __, ___, step) => ticks.map((at) => clock(at, step)) },
      { ...axis, grid, size: 56, space: 36, values: (_, ticks) => ticks.map(format) },
    ],
    series: [{}, ...chart.lines.map((line) => lineOf(line, chart))],
    hooks: { draw: [veil(chart)], setSelect: [(plot) => zoomTo(figure, plot)] },
    plugins: [marksFor(chart, figure.dataset.page), tipFor(chart, format)],
    // Each is filled down to the one below it.
    bands: chart.isStacked ? chart.lines.slice(1).map((_, at) => ({ series: [at + 2, at + 1] })) : [],
  };
  const plot = new uPlot(options, [chart.times, ...heights(chart)], place);
  drawn.set(figure, plot);
  new ResizeObserver(() => {
    const current = drawn.get(figure);
    if (current && place.clientWidth) current.setSize({ width: place.clientWidth, height: options.height });
  }).observe(place);
  for (const button of figure.querySelectorAll("[data-series]")) {
    button.onclick = () => {
      const shows = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(shows));
      const current = drawn.get(figure);
      current.setSeries(Number(button.dataset.series) + 1, { show: shows });
      if (chart.isStacked) current.setData([chart.times, ...heights(chart, (at) => current.series[at + 1].show)]);
    };
  }
}

// One that leaves the page.
export function forget(figure) {
  drawn.get(figure)?.destroy();
  drawn.delete(figure);
}

// Draws those that are not drawn yet: of the page, and of a part that came after it.
export function drawNew() {
  for (const figure of document.querySelectorAll("[data-chart]")) if (!drawn.has(figure)) draw(figure);
}

// In the colours of another theme.
export function redraw() {
  for (const [figure, plot] of [...drawn]) {
    plot.destroy();
    draw(figure);
  }
}
