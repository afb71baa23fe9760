// Curves with a legend of buttons: Plotly draws them, and says what lies below the pointer.

const BUTTONS = [["zoomIn2d", "zoomOut2d", "resetScale2d", "toImage"]];

const four = (value) => (typeof value === "number" ? shown(Number(value.toPrecision(4))) : "");

function drawCurves(description, parent) {
  const state = { panel: 0, log: false };
  const made = new Map();
  const lines = () => {
    if (!made.has(state.panel)) made.set(state.panel, linesOf(panel(), description));
    return made.get(state.panel);
  };
  const panel = () => description.panels[state.panel];

  const plot = make("div", { className: "plot", role: "img" });
  const legend = make("ul", { className: "legend", aria: { label: "Lines" } });
  const drawing = make("div", { className: "drawing" }, plot, legend);
  const bar = make("div", { className: "bar" });
  const tabs = make("div", { className: "tabs", role: "group", aria: { label: "What is drawn" } });
  const note = make("p", { className: "note-line", role: "status" });
  const filter = make("input", { type: "search", placeholder: "a group", className: "filter", aria: { label: "Search the lines" } });
  const all = make("button", { type: "button", textContent: "Show all" });
  const none = make("button", { type: "button", textContent: "Hide all" });
  const log = make("input", { type: "checkbox" });
  bar.append(tabs, make("label", {}, log, "logarithmic"), all, none, filter);
  parent.append(make(
    "section", { className: "curves" }, make("div", { className: "top" }, make("h2", { textContent: description.title }), bar), drawing, note,
  ));

  description.panels.forEach((each, number) => {
    const tab = make("button", { type: "button", textContent: each.tab });
    tab.addEventListener("click", () => { state.panel = number; filter.value = ""; draw(); });
    tabs.append(tab);
  });
  log.addEventListener("change", () => { state.log = log.checked; draw(); });
  all.addEventListener("click", () => show(() => true));
  none.addEventListener("click", () => show(() => false));
  filter.addEventListener("input", drawLegend);

  const fits = (line) => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const text = [line.label, ...(line.groups ?? [])].join("\n").toLowerCase();
    return words.every((word) => text.includes(word));
  };

  // All lines that the search finds, as the function says; others stay.
  function show(decide) {
    lines().forEach((line) => { if (fits(line)) line.visible = decide(line); });
    restyle();
  }

  function restyle() {
    Plotly.restyle(plot, { visible: lines().map((line) => line.visible) });
    drawLegend();
  }

  function drawLegend() {
    const dark = isDark();
    const place = legend.scrollTop;
    const focused = legend.contains(document.activeElement) ? Number(document.activeElement.dataset.line) : -1;
    legend.replaceChildren(...lines().flatMap((line, number) => (fits(line) ? [entry(line, number, dark)] : [])));
    legend.scrollTop = place;
    // the button that was pressed was made anew, and keeps the keyboard
    if (focused >= 0) legend.querySelector(`[data-line="${focused}"]`)?.focus({ preventScroll: true });
    const visible = lines().filter((line) => line.visible).length;
    const held = panel().rates > lines().length ? `The page holds ${shown(lines().length)} of ${shown(panel().rates)} lines. ` : "";
    note.textContent = held + (visible < lines().length ? `${shown(visible)} of ${shown(lines().length)} lines are shown.` : "");
  }

  function entry(line, number, dark) {
    const dash = dashOf(number, lines().length, description.dense);
    const gaps = { solid: "", dash: "7 4", dot: "2 3", dashdot: "7 3 2 3" }[dash];
    const swatch = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    swatch.setAttribute("viewBox", "0 0 26 8");
    swatch.setAttribute("aria-hidden", "true");
    const stroke = document.createElementNS("http://www.w3.org/2000/svg", "line");
    Object.entries({ x1: 0, x2: 26, y1: 4, y2: 4, "stroke-width": 2.5, "stroke-dasharray": gaps, stroke: colorOf(number, lines().length, dark) })
      .forEach(([name, value]) => stroke.setAttribute(name, value));
    swatch.append(stroke);
    const names = (line.groups ?? [line.label]).join(", ");
    const more = line.count > (line.groups ?? []).length ? ` and ${shown(line.count - line.groups.length)} more` : "";
    const button = make(
      "button", { type: "button", title: names + more, dataset: { line: number }, aria: { pressed: String(line.visible) } }, swatch,
      make("span", { className: "label", textContent: line.label }),
      make("span", { className: "mark", title: description.dense ? "the greatest value" : "the last value", textContent: four(line.mark) }),
    );
    button.addEventListener("click", () => { line.visible = !line.visible; restyle(); });
    return make("li", {}, button);
  }

  function draw() {
    const alone = lines().length === 1;
    [...tabs.children].forEach((tab, number) => tab.setAttribute("aria-pressed", String(number === state.panel)));
    tabs.hidden = description.panels.length === 1;
    legend.hidden = alone;
    drawing.classList.toggle("beside", !alone);
    all.hidden = none.hidden = lines().length < 4;
    filter.hidden = lines().length <= 12;
    plot.setAttribute("aria-label", `${panel().label} by ${panel().x ?? description.unit}`);
    drawLegend();
    Plotly.react(
      plot, traces(panel(), lines(), description, isDark()), layoutOf(panel(), lines(), description, state, plot),
      { displaylogo: false, modeBarButtons: BUTTONS, displayModeBar: plot.clientWidth < NARROW ? false : "hover" },
    );
  }

  // the names of phases have place or not, so all is drawn anew
  let width = 0;
  new ResizeObserver(([{ contentRect }]) => {
    if (width && contentRect.width && contentRect.width !== width) requestAnimationFrame(draw);
    width = contentRect.width;
  }).observe(plot);
  return { draw };
}
