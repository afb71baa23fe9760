// Tables that can be searched and sorted; a page of rows is in the document at a time.

const ROWS_OF_A_PAGE = 100;
// characters that stand in one line
const LONG = 70;
const inOrder = new Intl.Collator("en", { numeric: true });

// An element with properties and children; text is never read as markup.
function make(tag, properties = {}, ...children) {
  const { dataset, aria, ...plain } = properties;
  const element = Object.assign(document.createElement(tag), plain);
  for (const [name, value] of Object.entries(aria ?? {})) element.setAttribute(`aria-${name}`, value);
  Object.assign(element.dataset, dataset ?? {});
  element.append(...children);
  return element;
}

// A number for people: six digits, commas in whole ones, and an exponent where zeros would have to be counted.
function shown(value) {
  if (value === null || value === undefined) return "";
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return value.toLocaleString("en-US");
  const rounded = Number(value.toPrecision(6));
  return Math.abs(rounded) < 1e-3 ? rounded.toExponential() : String(rounded);
}

// The values of a column, however they were written down.
function valuesOf(column) {
  if (column.numbers) return column.numbers;
  if (column.of) return column.at.map((number) => column.of[number]);
  const values = [];
  let name = "";
  for (let i = 0; i < column.front.length; i += 2) {
    name = name.slice(0, column.front[i]) + column.front[i + 1];
    values.push(name);
  }
  return values;
}

// Positions sorted by a column; what is empty comes last either way.
function sorted(positions, values, isNumber, descending) {
  const sign = descending ? -1 : 1;
  const isEmpty = (value) => value === null || value === "";
  return [...positions].sort((a, b) => {
    const one = values[a], other = values[b];
    if (isEmpty(one) || isEmpty(other)) return isEmpty(one) - isEmpty(other) || a - b;
    return sign * (isNumber ? one - other : inOrder.compare(one, other)) || a - b;
  });
}

function drawTable(description, parent) {
  const columns = description.columns.map((column) => ({ ...column, values: valuesOf(column) }));
  const count = columns[0].values.length;
  const all = Array.from({ length: count }, (_, i) => i);
  const state = { order: all, found: all, page: 0, sort: -1, descending: false, words: [] };
  let haystack = null;

  const status = make("span", { role: "status", className: "note-line" });
  const body = make("tbody");
  const heads = columns.map((column, number) => {
    const button = make("button", { type: "button", textContent: column.label });
    button.addEventListener("click", () => sortBy(number));
    return make("th", { scope: "col", className: column.numbers ? "number" : "" }, button);
  });
  const previous = make("button", { type: "button", textContent: "Previous" });
  const next = make("button", { type: "button", textContent: "Next" });
  const where = make("span");
  const pages = make("nav", { className: "pages", aria: { label: `Pages of ${description.title}` } }, previous, where, next);
  const box = make(
    "div", { className: "box", tabIndex: 0, role: "region", aria: { label: description.title } },
    make("table", {}, make("thead", {}, make("tr", {}, ...heads)), body),
  );
  const top = make(
    "div", { className: "top" },
    make("h2", { textContent: description.title + " " }, make("span", { className: "count", textContent: shown(count) })),
  );
  if (description.search && count > 1) {
    const input = make("input", { type: "search", placeholder: description.search, autocomplete: "off", spellcheck: false });
    input.addEventListener("input", () => search(input.value));
    top.append(make("div", { className: "bar" }, status, make("label", {}, "Search ", input)));
  }
  const section = make("section", { className: "table" }, top);
  if (description.note) top.after(make("p", { className: "note-line", textContent: description.note }));
  section.append(box, pages);
  parent.append(section);

  function search(text) {
    haystack ??= all.map((i) => columns.map((column) => column.values[i] ?? "").join("\n").toLowerCase());
    state.words = text.toLowerCase().split(/\s+/).filter(Boolean);
    state.page = 0;
    draw();
  }

  function sortBy(number) {
    // a third click brings back the order in which they came
    if (state.sort === number && state.descending) state.sort = -1;
    else [state.sort, state.descending] = [number, state.sort === number];
    heads.forEach((head, i) => {
      if (i === state.sort) head.setAttribute("aria-sort", state.descending ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    const column = columns[state.sort];
    state.order = column ? sorted(all, column.values, Boolean(column.numbers), state.descending) : all;
    state.page = 0;
    draw();
  }

  function draw() {
    state.found = state.words.length
      ? state.order.filter((i) => state.words.every((word) => haystack[i].includes(word)))
      : state.order;
    turn(0);
  }

  function turn(by) {
    const last = Math.max(0, Math.ceil(state.found.length / ROWS_OF_A_PAGE) - 1);
    state.page = Math.min(last, Math.max(0, state.page + by));
    const begin = state.page * ROWS_OF_A_PAGE;
    const rows = state.found.slice(begin, begin + ROWS_OF_A_PAGE);
    body.replaceChildren(...rows.map(row));
    if (!rows.length) {
      body.append(make("tr", {}, make("td", { className: "none", colSpan: columns.length, textContent: "Nothing is found." })));
    }
    status.textContent = state.words.length ? `${shown(state.found.length)} of ${shown(count)}` : "";
    where.textContent = `${shown(begin + 1)} to ${shown(begin + rows.length)} of ${shown(state.found.length)}`;
    pages.hidden = last === 0;
    previous.disabled = state.page === 0;
    next.disabled = state.page === last;
    box.scrollTop = 0;
  }

  function row(i) {
    return make("tr", {}, ...columns.map((column, number) => {
      const text = column.numbers ? shown(column.values[i]) : column.values[i];
      const kind = column.numbers ? "number" : number === 0 ? "first" : text.length > LONG ? "long" : "";
      return make("td", { className: kind, textContent: text });
    }));
  }

  previous.addEventListener("click", () => turn(-1));
  next.addEventListener("click", () => turn(1));
  draw();
}
