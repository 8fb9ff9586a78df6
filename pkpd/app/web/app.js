"use strict";
// The page: controls make a link, the link is asked of the server, answers are drawn. One request
// of a kind is under way at a time; when it ends, the newest wish follows.
const $ = (id) => document.getElementById(id);
let study = null, pinned = null, shown = {};
const changed = new Map();

function query() {
  const found = new URLSearchParams({ model: $("model").value, n: $("n").value, seed: $("seed").value });
  if (Number($("every").value) !== study.usual_every) found.set("every", $("every").value);
  for (const [name, value] of changed) found.set(`set.${name}`, value);
  return found.toString();
}

async function ask(path, words) {
  const answer = await fetch(`${path}?${words}`);
  const data = await answer.json();
  if (!answer.ok) throw new Error(data.error);
  return data;
}

class Asker {
  constructor(path, draw) { Object.assign(this, { path, draw, busy: false, wish: null }); }
  async want(words) {
    this.wish = words;
    if (this.busy) return;
    this.busy = true;
    try {
      while (this.wish !== null) {
        const words = this.wish;
        this.wish = null;
        try {
          this.draw(await ask(this.path, words), words);
          $("error").hidden = true;
        } catch (error) { complain(error.message); }
      }
    } finally { this.busy = false; }
  }
}

function complain(text) {
  working(false);
  $("error").textContent = text;
  $("error").hidden = false;
}

const askers = {
  typical: new Asker("/api/typical", (data) => {
    shown.typical = data;
    drawDay(data);
    drawFan();
    askers.quick.want(query());
  }),
  quick: new Asker("/api/quick", (data, words) => {
    if (shown.exact === words) return;
    keep(data);
  }),
  people: new Asker("/api/people", (data, words) => {
    shown.exact = words;
    keep(data);
    if (words === query()) working(false);
  }),
  again: new Asker("/api/again", (data) => {
    $("command").textContent = data.command;
    $("python").textContent = data.python;
  }),
};

function working(busy) {
  $("panels").setAttribute("aria-busy", String(busy));
  $("working").textContent = busy ? `Computing ${$("n").value} patients ...` : "";
}

function keep(data) {
  shown.people = data;
  drawFan();
  drawMeds(data);
}

let later = 0;
function moved(settled) {
  const words = query();
  history.replaceState(null, "", `/?${words}`);
  $("csv").href = `/meds.csv?${words}`;
  shown.exact = null;
  askers.typical.want(words);
  clearTimeout(later);
  working(true);
  later = setTimeout(() => {
    askers.people.want(words);
    askers.again.want(words);
  }, settled ? 0 : 250);
}

function drawDay(data) {
  const panels = data.day.map((item, place) => {
    const all = item.values.flat().filter((v) => v !== null);
    const before = pinned && pinned.typical.day[place];
    const most = Math.max(...all, ...(before ? before.values.flat() : []));
    const least = Math.min(...all, ...(before ? before.values.flat() : []));
    const low = least > 0.5 * most ? least - 0.2 * (most - least || 1) : Math.min(0, least);
    const unit = item.unit === "1" ? "" : ` (${item.unit})`;
    const plot = new Plot(
      { low: 0, high: data.times[data.times.length - 1], label: `time after the dose (${data.time})` },
      { low, high: low + (most - low || 1) * 1.35, label: `${item.name.replaceAll("_", " ")}${unit}` },
      `${item.name} of the typical patient`, 360, 240);
    if (before) before.values.forEach((ys) => plot.line(pinned.typical.times, ys, "pinned"));
    item.values.forEach((ys, k) => plot.line(data.times, ys, `c${k}`, place ? "" : `${data.day_doses[k]} ${data.unit}`));
    return plot.svg;
  });
  $("day").replaceChildren(...panels);
}

// Narrow where there is little room, so that letters can be read.
function wide() {
  return $("fan").clientWidth < 480 ? 400 : WIDE;
}

function drawFan() {
  const data = shown.people, one = shown.typical;
  if (!data || !one) return;
  const all = [...data.bands.flat(), ...one.gain, 0].filter((v) => v !== null);
  const low = Math.min(...all), high = Math.max(...all), room = high - low || 1;
  const plot = new Plot(
    { low: data.lowest, high: data.highest, log: true, label: `dose (${data.unit})` },
    { low: low - 0.1 * room, high: high + 0.35 * room, label: `${data.change}${data.outcome_unit === "1" ? "" : ` (${data.outcome_unit})`}` },
    "Benefit by dose", wide());
  plot.patients(data.doses, data.curves);
  if (data.bands.length) {
    plot.band(data.doses, data.bands[0], data.bands[2]);
    plot.line(data.doses, data.bands[1], "c0", `median of ${data.patients} patients, band 5 to 95 %`);
  }
  plot.line(one.doses, one.gain, "c1", "typical patient");
  Object.entries(one.parts).forEach(([name, ys], k) => plot.line(one.doses, ys, `c${k + 2} dashed`, `typical patient, ${name}`));
  if (pinned) {
    plot.line(pinned.people.doses, pinned.people.bands[1] || [], "pinned", "pinned: median");
    plot.line(pinned.typical.doses, pinned.typical.gain, "pinned");
  }
  plot.line([data.lowest, data.highest], [0, 0], "axis");
  $("fan").replaceChildren(plot.svg);
}

function drawMeds(data) {
  const share = (found) => found.counts.map((count) => (100 * count) / found.patients);
  const heights = share(data), before = pinned && share(pinned.people);
  const most = Math.max(...heights, ...(before || []), 1);
  const plot = new Plot(
    { low: data.lowest, high: data.highest, log: true, label: `maximally effective dose (${data.unit})` },
    { low: 0, high: most * 1.3, label: "patients (% of all)" },
    "Distribution of maximally effective doses", wide());
  if (data.published) plot.span(...data.published);
  plot.bars(data.edges, heights);
  if (before) plot.steps(pinned.people.edges, before, "pinned", "pinned");
  if (data.median !== null) plot.upright(data.median, "c0", `median ${shortly(data.median)} ${data.unit} of ${data.patients} patients`);
  $("meds").replaceChildren(plot.svg);
  const shaded = data.published ? [`shaded: ${data.published_words}`] : [];
  $("found").replaceChildren(...[...data.sentences, ...shaded].map((text) => node("li", text)));
}

function node(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function slider(item) {
  const room = node("div", undefined, "slider"), label = node("label"), out = node("output");
  label.append(node("span", `${item.label || item.name}`), out);
  const input = node("input");
  input.id = `set-${item.name}`;
  label.htmlFor = input.id;
  const log = item.scale === "log";
  const to = (v) => (log ? Math.log(v) : v), from = (v) => (log ? Math.exp(v) : v);
  if (item.scale === "switch") {
    input.type = "checkbox";
  } else {
    input.type = "range";
    Object.assign(input, { min: to(item.low), max: to(item.high), step: (to(item.high) - to(item.low)) / 200 });
  }
  const show = () => {
    const value = changed.has(item.name) ? changed.get(item.name) : item.value;
    if (item.scale === "switch") input.checked = value !== 0; else input.value = to(value);
    out.textContent = item.scale === "switch" ? (value ? "on" : "off") : `${shortly(value)} ${item.unit}`;
    room.classList.toggle("changed", changed.has(item.name));
  };
  const take = (settled) => {
    const value = item.scale === "switch" ? Number(input.checked) : Number(from(Number(input.value)).toPrecision(4));
    if (value === item.value) changed.delete(item.name); else changed.set(item.name, value);
    show();
    moved(settled);
  };
  input.addEventListener("input", () => take(false));
  input.addEventListener("change", () => { if (input.type === "range") moved(true); });
  const grade = node("span", item.evidence, `grade ${item.evidence}`);
  const small = node("small");
  small.append(`${item.name} `, grade, ` between patients: ${item.between}`);
  small.title = item.source;
  room.append(label, input, small);
  room.show = show;
  show();
  return room;
}

async function open(words) {
  study = await ask("/api/study", words);
  changed.clear();
  for (const [name, value] of Object.entries(study.changed)) changed.set(name, value);
  document.title = `${study.title} - pkpd`;
  $("title").textContent = study.title;
  $("advice").textContent = study.advice;
  $("model").replaceChildren(...study.models.map((name) => new Option(name, name, false, name === study.model)));
  Object.assign($("n"), { value: study.n });
  Object.assign($("seed"), { value: study.seed });
  Object.assign($("every"), { value: study.every });
  const sliders = study.sliders.map(slider);
  $("sliders").replaceChildren(...sliders.slice(0, study.shown));
  $("others").replaceChildren(...sliders.slice(study.shown));
  $("claims").replaceChildren(...[...study.hypotheses, ...study.claims].map((text) => node("li", text)));
  moved(true);
}

$("model").addEventListener("change", () => { pinned = null; start(`model=${encodeURIComponent($("model").value)}`); });
for (const id of ["n", "seed", "every"]) $(id).addEventListener("change", () => moved(true));
$("controls").addEventListener("submit", (event) => event.preventDefault());
$("reset").addEventListener("click", () => start(`model=${encodeURIComponent($("model").value)}`));
$("pin").addEventListener("click", () => {
  pinned = pinned || !shown.people || !shown.typical ? null : { ...shown };
  $("pin").setAttribute("aria-pressed", String(pinned !== null));
  $("pin").textContent = pinned ? "Unpin" : "Pin to compare";
  drawDay(shown.typical); drawFan(); drawMeds(shown.people);
});
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", () => copy($(button.dataset.copy).textContent, button));
}
$("link").addEventListener("click", () => copy(location.href, $("link")));
async function copy(text, button) {
  await navigator.clipboard.writeText(text);
  const was = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = was; }, 1200);
}
// A figure that stands alone has the colours of the page written into it.
$("svg").addEventListener("click", () => {
  for (const [name, place] of [["dose-response", "fan"], ["med", "meds"]]) {
    const drawn = $(place).querySelector("svg"), alone = drawn.cloneNode(true);
    const from = drawn.querySelectorAll("*"), to = alone.querySelectorAll("*");
    from.forEach((item, k) => {
      const look = getComputedStyle(item);
      for (const key of ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "font"]) to[k].style.setProperty(key, look.getPropertyValue(key));
    });
    alone.setAttribute("xmlns", SVG);
    const link = node("a");
    link.href = URL.createObjectURL(new Blob([new XMLSerializer().serializeToString(alone)], { type: "image/svg+xml" }));
    link.download = `${name}.svg`;
    link.click();
    URL.revokeObjectURL(link.href);
  }
});
async function start(words) {
  try {
    $("error").hidden = true;
    await open(words);
  } catch (error) { complain(error.message); }
}
start(location.search.slice(1));
