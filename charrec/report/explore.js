// Without this script the page shows the same numbers and drawings; with it they answer to a pointer and to keys.
const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const drawn = (name, attributes, parent) => {
  const element = document.createElementNS(parent.namespaceURI, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  parent.append(element);
  return element;
};
const built = (name, text, attributes = {}) => {
  const element = document.createElement(name);
  if (text) element.textContent = text;
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};

// Tables: a click on a column's heading sorts.
for (const head of all("table.sortable thead th")) {
  const button = built("button", "", { type: "button" });
  button.append(...head.childNodes);
  head.append(button);
  button.addEventListener("click", () => {
    const up = head.getAttribute("aria-sort") === "descending", column = head.cellIndex, body = head.closest("table").tBodies[0];
    const key = row => row.cells[column].dataset.sort ?? row.cells[column].textContent;
    const order = (a, b) => (isNaN(a) || isNaN(b) || a === "" || b === "" ? (a < b ? -1 : a > b ? 1 : 0) : a - b);
    body.append(...[...body.rows].sort((a, b) => (up ? 1 : -1) * order(key(a), key(b))));
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
  });
}

// The search: the same configuration stands out in lines, curves and table; ranges on the axes keep a part of the trials.
function search(section) {
  const plot = document.getElementById("parallel"), list = plot.querySelector(".lines"), said = document.getElementById("kept");
  const lines = all("path", list), rows = all("tr[data-t]", section), curves = all("#learning [data-c]", section), bars = all("#timeline [data-c]", section);
  const members = [...lines, ...curves, ...bars, ...rows];
  let pinned = null;
  const light = configuration => {
    const shown = configuration ?? pinned;
    section.classList.toggle("lit", shown !== null);
    for (const one of members) one.classList.toggle("on", one.dataset.c === shown);
  };
  const follow = (element, configuration) => {
    element.addEventListener("pointerenter", () => light(configuration));
    element.addEventListener("pointerleave", () => light(null));
    element.addEventListener("click", () => { pinned = pinned === configuration ? null : configuration; light(null); });
  };
  const hits = lines.map(line => {
    const hit = line.cloneNode(true);  // wider than the line, so that a pointer finds it
    hit.setAttribute("class", "hit");
    hit.setAttribute("aria-hidden", "true");
    follow(hit, line.dataset.c);
    return hit;
  });
  list.after(...hits);
  for (const one of [...curves, ...bars, ...rows]) follow(one, one.dataset.c);

  list.setAttribute("role", "listbox");
  list.setAttribute("tabindex", "0");
  list.setAttribute("aria-label", say("Trials, the best first"));
  for (const line of lines) {
    line.id = `trial-${line.dataset.t}`;
    line.setAttribute("role", "option");
    line.setAttribute("aria-selected", "false");
    line.setAttribute("aria-label", line.querySelector("title").textContent);
  }
  const kept = () => lines.filter(line => !line.classList.contains("out")).reverse();
  let place = 0;
  const point = () => {
    const shown = kept();
    if (!shown.length) return;
    place = Math.min(Math.max(place, 0), shown.length - 1);
    for (const line of lines) line.setAttribute("aria-selected", String(line === shown[place]));
    list.setAttribute("aria-activedescendant", shown[place].id);
    said.textContent = shown[place].querySelector("title").textContent;
    light(shown[place].dataset.c);
  };
  list.addEventListener("focus", point);
  list.addEventListener("blur", () => { light(null); tell(); });
  list.addEventListener("keydown", event => {
    const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key];
    if (event.key === "Home" || event.key === "End") place = event.key === "Home" ? 0 : lines.length;
    else if (step) place += step;
    else return;
    event.preventDefault();
    point();
  });

  const TOP = 44, BOTTOM = 374, reset = document.getElementById("all-trials");
  const axes = all(".axis", plot), ranges = axes.map((axis, k) => range(axis, k));
  function range(axis, k) {
    const x = Number(axis.querySelector("line").getAttribute("x1")), name = axis.dataset.axis;
    const ticks = all("text", all(".ticks", plot)[k]).map(text => [Number(text.getAttribute("y")) - 4, text.textContent]).sort((a, b) => a[0] - b[0]);
    const stops = [TOP, ...ticks.slice(1).map((tick, i) => (tick[0] + ticks[i][0]) / 2), BOTTOM];
    // Every axis but that of the accuracy has a tick for each value, and between two of them one place for an end.
    const accuracy = k === axes.length - 1, near = y => (accuracy ? y : stops.reduce((a, b) => (Math.abs(b - y) < Math.abs(a - y) ? b : a)));
    const before = y => (accuracy ? y : stops.findLast(one => one < y) ?? TOP), after = y => (accuracy ? y : stops.find(one => one > y) ?? BOTTOM);
    const layer = drawn("g", { class: "brush" }, plot);
    const area = drawn("rect", { class: "area", x: x - 16, y: TOP - 8, width: 32, height: BOTTOM - TOP + 16 }, layer);
    const within = drawn("rect", { class: "within", x: x - 6, width: 12 }, layer);
    const own = { name, low: TOP, high: BOTTOM, get open() { return this.low <= TOP && this.high >= BOTTOM; }, get said() { const low = value(this.high, -1), high = value(this.low, 1); return low === high ? `${name} ${low}` : say("{name} from {low} to {high}", { name, low, high }); } };
    const value = (y, side) => {
      if (!accuracy) return (side > 0 ? ticks.find(tick => tick[0] >= y) ?? ticks.at(-1) : ticks.findLast(tick => tick[0] <= y) ?? ticks[0])[1];
      const next = ticks.findIndex(tick => tick[0] >= y);
      if (next < 1) return ticks.at(next)[1];
      // The scale is one of the logarithm of what is left to 100 %: plots.Errors.
      const [[from, most], [to, least]] = ticks.slice(next - 1, next + 1), share = (y - from) / (to - from);
      const left = label => Math.max(100 - parseFloat(label.replace(",", ".")), 0.05);
      return percent(100 - left(most) ** (1 - share) * left(least) ** share, 1);
    };
    const handles = ["high", "low"].map(end => {
      const tip = end === "low" ? -8 : 8;
      const handle = drawn("path", { class: "handle", role: "slider", tabindex: "0", "aria-orientation": "vertical", "aria-label": end === "low" ? say("{name}, upper end", { name }) : say("{name}, lower end", { name }), "aria-valuemin": "0", "aria-valuemax": "100", d: `M${x - 7} ${tip}h14l-7 ${-tip}z` }, layer);
      handle.addEventListener("pointerdown", event => drag(event, y => { own[end] = end === "low" ? Math.min(near(y), before(own.high)) : Math.max(near(y), after(own.low)); }));
      handle.addEventListener("keydown", event => {
        const up = { ArrowUp: true, ArrowRight: true, ArrowDown: false, ArrowLeft: false }[event.key];
        if (up === undefined) return;
        event.preventDefault();
        const next = up ? stops.findLast(stop => stop < own[end] - 0.5) : stops.find(stop => stop > own[end] + 0.5);
        if (next !== undefined && (end === "low" ? next < own.high : next > own.low)) own[end] = next;
        apply();
      });
      return [handle, end];
    });
    const at = event => {
      const box = plot.getBoundingClientRect();
      return Math.min(Math.max((event.clientY - box.top) / box.height * 400, TOP), BOTTOM);
    };
    const drag = (event, move) => {
      event.preventDefault();
      const go = moved => { move(at(moved)); apply(); }, stop = () => { removeEventListener("pointermove", go); removeEventListener("pointerup", stop); removeEventListener("pointercancel", stop); };
      addEventListener("pointermove", go);
      addEventListener("pointerup", stop);
      addEventListener("pointercancel", stop);
    };
    let from = TOP;
    area.addEventListener("pointerdown", event => {
      from = at(event);
      drag(event, y => { own.low = Math.min(near(Math.min(from, y)), before(Math.max(from, y))); own.high = Math.max(near(Math.max(from, y)), after(own.low)); });
    });
    area.addEventListener("click", event => { if (Math.abs(at(event) - from) < 4) { own.low = TOP; own.high = BOTTOM; apply(); } });
    own.draw = () => {
      within.setAttribute("y", own.low);
      within.setAttribute("height", Math.max(own.high - own.low, 0));
      layer.classList.toggle("open", own.open);
      for (const [handle, end] of handles) {
        handle.setAttribute("transform", `translate(0 ${own[end]})`);
        handle.setAttribute("aria-valuenow", Math.round(100 * (BOTTOM - own[end]) / (BOTTOM - TOP)));
        handle.setAttribute("aria-valuetext", value(own[end], end === "low" ? 1 : -1));
      }
    };
    own.draw();
    return own;
  }
  function apply() {
    const trials = new Set(), configurations = new Set();
    for (const [k, line] of lines.entries()) {
      const heights = line.dataset.y.split(" ").map(Number);
      const inside = ranges.every((one, axis) => one.open || (heights[axis] >= one.low && heights[axis] <= one.high));
      line.classList.toggle("out", !inside);
      hits[k].classList.toggle("out", !inside);
      if (inside) { trials.add(line.dataset.t); configurations.add(line.dataset.c); }
    }
    const chosen = ranges.filter(one => !one.open);
    for (const one of ranges) one.draw();
    for (const curve of curves) curve.classList.toggle("out", chosen.length > 0 && !configurations.has(curve.dataset.c));
    for (const bar of bars) bar.classList.toggle("out", chosen.length > 0 && !trials.has(bar.dataset.t));
    for (const row of rows) row.hidden = chosen.length > 0 && !trials.has(row.dataset.t);
    if (!configurations.has(pinned)) pinned = null;
    light(null);
    tell();
  }
  function tell() {
    const chosen = ranges.filter(one => !one.open), values = { n: kept().length, all: lines.length, ranges: chosen.map(one => one.said).join(", ") };
    said.textContent = !chosen.length ? "" : lines.length === 1 ? say("{n} of 1 trial: {ranges}", values) : say("{n} of {all} trials: {ranges}", values);
  }
  reset.addEventListener("click", () => {
    for (const one of ranges) { one.low = TOP; one.high = BOTTOM; }
    pinned = null;
    apply();
    said.textContent = say("All trials are shown.");
  });
}
const section = document.getElementById("search");
if (document.getElementById("parallel")) search(section);

// The confusions: four views of the matrix; a square, or a class, shows its images.
function confusions(views) {
  const seen = document.getElementById("seen"), said = document.getElementById("matrix-said"), picture = document.getElementById("misread");
  const known = JSON.parse(document.getElementById("misread-data").textContent);
  const MOST = 120, folded = character => character.toUpperCase();
  const digit = c => c >= "0" && c <= "9";
  let classes = "62", order = "alphabet", last = "";
  const name = (c, one = classes === "36") => {
    if (digit(c)) return say("digit {c}", { c });
    if (one) return say("letter {c}", { c });
    return c === c.toUpperCase() ? say("capital {c}", { c }) : say("small {c}", { c });
  };
  if (picture) {
    const side = 44, style = built("style", `#seen .g{width:${side}px;height:${side}px;background-image:url(${picture.src});background-size:${side * known.columns}px auto}`);
    document.head.append(style);
    seen.dataset.side = side;
  }
  const show = (title, more, wanted, count) => {
    const found = known.images.flatMap((image, k) => (wanted(image) ? [k] : []));
    const list = built("ul", "", { class: "crops", "aria-live": "off" });  // the title and its sentence are announced
    for (const k of found.slice(0, MOST)) {
      const [truth, read, sure] = known.images[k], item = built("li");
      const crop = built("span", "", { class: "g", role: "img", "aria-label": say("{truth} read as {read}, {sure}", { truth: name(truth, false), read: name(read, false), sure: percent(sure, 1) }) });
      const side = Number(seen.dataset.side);
      crop.style.backgroundPosition = `${-side * (k % known.columns)}px ${-side * Math.floor(k / known.columns)}px`;
      item.append(crop, built("span", `${read} ${percent(sure, 0)}`, { class: "note" }));
      list.append(item);
    }
    const lacking = known.images.length && found.length < count;
    const kept = !lacking ? "" : " " + (count === 1 ? say("The page lacks its only misread image: it keeps the most confident of all.") : say("Of its {n} misread images the page has {kept}: it keeps the most confident of all.", { n: decimal(count, 0), kept: decimal(found.length, 0) }));
    const rest = found.length === 1 ? " " + say("Below it is the answer with its probability.") : found.length > MOST ? " " + say("The {n} most confident are shown.", { n: MOST }) : found.length ? " " + say("The most confident are first; below each is the answer with its probability.") : "";
    for (const one of all(".squares .chosen")) one.classList.remove("chosen");
    seen.replaceChildren(built("h3", title, { tabindex: "-1" }), built("p", more + kept + rest), list);
  };
  const mistakes = c => all(".squares path", views[0]).reduce((sum, { dataset }) => sum + (dataset.p.startsWith(c) ? Number(dataset.n) : 0), 0);
  const pair = square => {
    last = square.dataset.p;
    const [truth, read] = last, fold = classes === "36" ? folded : c => c, n = Number(square.dataset.n);
    const total = Object.entries(known.classes).reduce((sum, [c, [count]]) => sum + (fold(c) === truth ? count : 0), 0);
    const share = percent(100 * n / total, 1);
    show(say("{truth} read as {read}", { truth: name(truth), read: name(read) }), total === 1 ? say("Its only image.") : say("{n} of its {all} images, {share}.", { n: decimal(n, 0), all: decimal(total, 0), share }), ([t, r]) => t !== r && fold(t) === truth && fold(r) === read, n);
    square.classList.add("chosen");
  };
  const rover = view => {
    const squares = all(".squares path", view), one = view.dataset.view.startsWith("36");
    const where = square => square.getAttribute("d").match(/^M(\d+) (\d+)/).slice(1).map(Number);
    const only = square => { for (const one of squares) one.setAttribute("tabindex", one === square ? "0" : "-1"); };
    for (const square of squares) {
      square.setAttribute("role", "button");
      const [truth, read] = square.dataset.p;
      const said = say("{truth} read as {read}: {images}", { truth: name(truth, one), read: name(read, one), images: square.dataset.n });
      square.setAttribute("aria-label", said);
      if (!square.firstElementChild) square.append(Object.assign(document.createElementNS(square.namespaceURI, "title"), { textContent: said }));
      square.addEventListener("click", () => { only(square); pair(square); });
    }
    view.addEventListener("keydown", event => {
      const [dx, dy] = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] }[event.key] ?? [0, 0];
      const now = event.target.closest(".squares path");
      if (!now) return;
      if (event.key === "Enter" || event.key === " ") { event.preventDefault(); pair(now); return; }
      if (!dx && !dy) return;
      event.preventDefault();
      const [x, y] = where(now);
      let best = null, least = Infinity;
      for (const square of squares) {
        const [u, v] = where(square), along = dx * (u - x) + dy * (v - y), aside = Math.abs(dx ? v - y : u - x);
        if (along > 0 && along + 3 * aside < least) { best = square; least = along + 3 * aside; }
      }
      if (best) { only(best); best.focus(); pair(best); }
    });
    const first = squares.reduce((a, b) => (Number(b.dataset.n) > Number(a?.dataset.n ?? 0) ? b : a), null);
    if (first) only(first);
    return wanted => {
      const square = squares.find(({ dataset }) => dataset.p === wanted) ?? first;
      if (square) { only(square); pair(square); }
    };
  };
  const choose = new Map(views.map(view => [view.dataset.view, rover(view)]));
  const turn = () => {
    for (const view of views) view.toggleAttribute("hidden", view.dataset.view !== `${classes} ${order}`);
    for (const button of all(".choice button")) button.setAttribute("aria-pressed", String(button.dataset.classes === classes || button.dataset.order === order));
    choose.get(`${classes} ${order}`)(classes === "36" ? folded(last) : last);
  };
  const count = () => {
    const n = all(".squares path", views.find(view => !view.hasAttribute("hidden"))).reduce((sum, square) => sum + Number(square.dataset.n), 0);
    said.textContent = n > 1 ? say("{n} mistakes", { n: decimal(n, 0) }) : n ? say("1 mistake") : say("no mistakes");
  };
  for (const button of all(".choice button")) button.addEventListener("click", () => {
    classes = button.dataset.classes ?? classes;
    order = button.dataset.order ?? order;
    turn();
    count();
  });
  const go = () => { seen.querySelector("h3").focus({ preventScroll: true }); seen.scrollIntoView({ block: "center" }); };
  for (const row of all("#classes tr[data-k]")) {
    const c = row.dataset.k, cell = row.cells[0], button = built("button", c, { type: "button", title: cell.title, "aria-label": say("{c}: its misread images", { c: cell.title }) });
    cell.replaceChildren(button);
    button.addEventListener("click", () => {
      classes = "62";
      turn();
      count();
      const [n, recall] = known.classes[c];
      const some = n === 1 ? (recall ? say("Its only image was read correctly.") : say("Its only image was misread.")) : say("{share} of its {n} images were read correctly.", { share: percent(recall, 1), n: decimal(n, 0) });
      const read = n ? some : say("No validation image shows it.");
      show(say("{c}, misread", { c: name(c) }), read, ([t, r]) => t === c && r !== c, mistakes(c));
      go();
    });
  }
  turn();
}
const views = all("svg.confusion");
if (views.length) confusions(views);
