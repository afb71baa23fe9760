// Lines as Plotly takes them: their points, colours, phases, and the axes.

const FEW = 10;
// where Plotly's own buttons would take place from the lines; a double click resets the zoom there too
const NARROW = 480;
const SHOWN_AT_FIRST = 40;
const POINTS_OF_ALL_LINES = 60000;
const DASHES = ["solid", "dash", "dot", "dashdot"];
// told apart by people who see few colours too, and with enough contrast to either ground
const COLORS = {
  light: ["#1f5fd0", "#c2410c", "#1f7a3a", "#9333b0", "#b4235f", "#0b7285", "#7c5e00", "#5b3cc4", "#4a5563", "#9b2c2c"],
  dark: ["#7fb0ff", "#ff9f70", "#6fdc8c", "#db93f2", "#ff92b8", "#55d3e3", "#f0cc58", "#b9a2ff", "#cfd6df", "#ffabab"],
};

// Plotly reads markup in names
const plain = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const short = (text) => (text.length > 40 ? `${text.slice(0, 39)}…` : text);

function colorOf(number, count, dark) {
  if (count <= FEW) return COLORS[dark ? "dark" : "light"][number];
  // many groups are mostly layers in order: neighbours look alike
  const share = number / (count - 1);
  return `hsl(${Math.round(225 + 150 * share)}, ${dark ? 75 : 68}%, ${dark ? 68 : 42}%)`;
}

// Equal lines lie on each other for a while, and dashes let the lower one through; noise has none.
const dashOf = (number, count, dense) => (dense && count <= FEW ? DASHES[number % DASHES.length] : "solid");

// What the style sheet makes of a variable in the theme that is shown.
function themed(name) {
  const probe = make("span");
  probe.style.color = `var(${name})`;
  document.body.append(probe);
  const color = getComputedStyle(probe).color;
  probe.remove();
  return color;
}

// The ticks at which a panel has points: those that its shapes need, and between them enough to point at.
function gridOf(shapes, each) {
  const last = Math.max(...shapes.map((shape) => shape.x.at(-1)));
  const ticks = new Set();
  for (const shape of shapes) if (shape.x.length <= 3 * each) shape.x.forEach((tick) => ticks.add(tick));
  for (let tick = 0; tick <= last; tick += Math.max(1, Math.ceil(last / each))) ticks.add(tick);
  return [...ticks].sort((a, b) => a - b);
}

// A shape at given ticks, on straight lines between its own points, which are never left out.
function at(shape, ticks) {
  const x = [], y = [];
  const needed = shape.x.length > ticks.length ? [...new Set([...ticks, ...shape.x])].sort((a, b) => a - b) : ticks;
  let i = 0;
  for (const tick of needed) {
    if (tick > shape.x.at(-1)) break;
    while (i + 1 < shape.x.length && shape.x[i + 1] <= tick) i += 1;
    const run = shape.x[i] === tick ? 0 : (tick - shape.x[i]) / (shape.x[i + 1] - shape.x[i]);
    x.push(tick);
    y.push(run ? shape.y[i] + run * (shape.y[i + 1] - shape.y[i]) : shape.y[i]);
  }
  return { x, y };
}

// The phase that each tick lies in; of a group with several schedules all of them.
function phasesAt(schedules, ticks) {
  const names = schedules.map((spans) => {
    let i = 0;
    return ticks.map((tick) => {
      while (i + 1 < spans.length && spans[i + 1][1] <= tick) i += 1;
      return spans.length ? spans[i][0] : "";
    });
  });
  return ticks.map((_, i) => plain([...new Set(names.map((each) => each[i]).filter(Boolean))].join(" × ")));
}

function linesOf(panel, description) {
  const shapes = panel.lines.filter((line) => !line.points).map((line) => description.shapes[line.shape]);
  const each = Math.max(200, Math.min(1000, Math.floor(POINTS_OF_ALL_LINES / Math.max(1, shapes.length))));
  const grid = description.dense && shapes.length ? gridOf([...new Set(shapes)], each) : null;
  return panel.lines.map((line, number) => {
    const shape = line.points ? null : description.shapes[line.shape];
    const points = line.points ?? (grid ? at(shape, grid) : shape);
    const y = line.points ? points.y : points.y.map((value) => line.base * value);
    return {
      ...line, x: points.x, y,
      // of a schedule what it reaches, of a metric where it ended
      mark: description.dense ? Math.max(...shape.y.map((value) => line.base * value)) : y.at(-1),
      phase: line.phases === undefined ? [] : phasesAt(description.phases[line.phases], points.x),
      visible: panel.lines.length <= SHOWN_AT_FIRST || isAmong(number, panel.lines.length, SHOWN_AT_FIRST),
    };
  });
}

// Whether a line is one of some that are chosen evenly, the first and the last with them.
function isAmong(number, count, some) {
  const place = Math.round((number * (some - 1)) / (count - 1));
  return Math.round((place * (count - 1)) / (some - 1)) === number;
}

function traces(panel, lines, description, dark) {
  const crowded = lines.length > FEW;
  const points = panel.lines.some((line) => line.points);
  return lines.map((line, number) => {
    const color = colorOf(number, lines.length, dark);
    const phase = line.phase.some(Boolean) ? " · %{customdata}" : "";
    // in a label of its own a line says all; where all lines share one, Plotly puts the name and the step there
    const unit = plain(panel.x ?? description.unit);
    const alone = `${line.label && !points ? `${plain(short(line.label))}<br>` : ""}${unit} %{x${points ? "" : ":,"}}<br>`;
    return {
      type: "scatter", mode: points ? "markers" : "lines", name: plain(line.label), x: line.x, y: line.y,
      customdata: line.phase, visible: line.visible, showlegend: false,
      line: { color, width: crowded ? 1.5 : 2.2, dash: dashOf(number, lines.length, description.dense), simplify: lines.length > SHOWN_AT_FIRST },
      marker: { color, size: 9 },
      hovertemplate: `${crowded || points ? alone : ""}%{y:.4~g}${phase}<extra>${crowded || points ? "" : plain(line.label)}</extra>`,
    };
  });
}

// The phases that all lines share, as marks on the horizontal axis.
function phaseMarks(panel, description, width) {
  const own = panel.lines.map((line) => (line.phases === undefined ? null : JSON.stringify(description.phases[line.phases][0])));
  if (!own[0] || own.some((each) => each !== own[0])) return { shapes: [], annotations: [] };
  const spans = JSON.parse(own[0]);
  if (spans.length > 16) return { shapes: [], annotations: [] };
  const total = spans.at(-1)[2];
  const shapes = spans.slice(1).map(([, begin]) => ({
    type: "line", x0: begin, x1: begin, y0: 0, y1: 1, yref: "paper", line: { color: themed("--quiet"), width: 1, dash: "dot" },
  }));
  const annotations = spans
    .filter(([name, begin, end]) => ((end - begin) / total) * width > 7 * name.length + 6)
    .map(([name, begin, end]) => ({
      x: (begin + end) / 2, y: 1, yref: "paper", yanchor: "bottom", text: plain(name), showarrow: false,
      font: { size: 12, color: themed("--quiet") },
    }));
  return { shapes, annotations };
}

// From where a logarithmic axis goes: below a ten-thousandth of a line's greatest value there is rounding to see.
function logRange(lines) {
  const reached = lines.map((line) => Math.max(...line.y.filter((value) => value > 0))).filter(Number.isFinite);
  if (!reached.length) return undefined;
  const least = lines.reduce((low, line) => line.y.reduce((a, b) => (b > 0 && b < a ? b : a), low), Infinity);
  const low = Math.log10(Math.max(least, Math.min(...reached) / 1e4)), high = Math.log10(Math.max(...reached));
  return [low - 0.05 * (high - low) - 0.01, high + 0.05 * (high - low) + 0.01];
}

function layoutOf(panel, lines, description, state, element) {
  const axis = { gridcolor: themed("--edge"), linecolor: themed("--edge"), zeroline: false, automargin: true, fixedrange: false };
  const texts = lines.some((line) => line.x.some((value) => typeof value === "string"));
  const points = panel.lines.some((line) => line.points);
  const unit = panel.x ?? description.unit;
  return {
    ...phaseMarks(panel, description, element.clientWidth - 106),
    autosize: true, showlegend: false, dragmode: "zoom", hoverdistance: 40,
    hovermode: points || lines.length > FEW ? "closest" : "x unified",
    margin: { l: 58, r: element.clientWidth < NARROW ? 14 : 36, t: 30, b: 44 },
    modebar: { bgcolor: "rgba(0,0,0,0)", color: themed("--quiet"), activecolor: themed("--accent"), orientation: "v" },
    paper_bgcolor: themed("--card"), plot_bgcolor: themed("--card"),
    font: { family: "system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif", size: 13, color: themed("--text") },
    hoverlabel: { bgcolor: themed("--card"), bordercolor: themed("--edge"), font: { color: themed("--text"), size: 13 }, align: "left", namelength: 48 },
    xaxis: {
      ...axis, title: { text: plain(unit), standoff: 8 }, hoverformat: ",", tickformat: texts || panel.log_x ? "" : ",~",
      type: texts ? "category" : panel.log_x ? "log" : "linear", spikethickness: 1, spikedash: "dot", spikecolor: themed("--quiet"),
      unifiedhovertitle: { text: `${plain(unit)} %{x:,}` },
    },
    yaxis: {
      ...axis, title: { text: plain(panel.label), standoff: 6 }, type: state.log ? "log" : "linear", range: state.log ? logRange(lines) : undefined,
      rangemode: points ? "normal" : "tozero", exponentformat: "e", tickformat: state.log ? "~e" : "~g", minexponent: 4,
    },
    uirevision: `${state.panel} ${state.log}`,
  };
}
