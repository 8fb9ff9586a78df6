"use strict";
// The page: controls make a link, the link is asked of the server, answers are drawn. One request
// of a kind is under way at a time; when it ends, the newest wish follows.
const $ = (id) => document.getElementById(id);
let study = null, pinned = null, shown = {}, stopping = null;
const changed = new Map(), spreads = new Map(), doses = new Map(), rooms = new Map();

function query() {
  const found = new URLSearchParams({ model: $("model").value, n: $("n").value, seed: $("seed").value });
  for (const [name, value] of doses) found.set(name, value);
  for (const [name, value] of changed) found.set(`set.${name}`, value);
  for (const [name, value] of spreads) found.set(`spread.${name}`, value);
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
    shown.drawn = words;
    keep(data);
    complete();
  }),
  people: new Asker("/api/people", (data, words) => {
    keep(data);
    if (words === query()) working(false);
  }),
  again: new Asker("/api/again", (data) => {
    $("command").textContent = data.command;
    $("python").textContent = data.python;
    tellDoubts(data.doubts);
  }),
};

function working(busy) {
  $("panels").setAttribute("aria-busy", String(busy));
  $("working").textContent = busy ? `Computing ${$("n").value} patients ...` : "";
}

// Beside the slider that a sentence is about, at the top where it is about none.
function tellDoubts(doubts) {
  for (const room of rooms.values()) room.doubt.textContent = "";
  for (const { name, text } of doubts) if (rooms.has(name)) rooms.get(name).doubt.textContent += `${text} `;
  $("doubts").replaceChildren(...doubts.filter(({ name }) => !rooms.has(name)).map(({ text }) => node("li", text)));
}

function keep(data) {
  shown.people = data;
  drawFan();
  drawMeds(data);
}

// Sentences are asked for at rest and once the figures are drawn, which they would slow.
function complete() {
  if (rest !== null && rest === shown.drawn) askers.people.want(rest);
}

let later = 0, rest = null;
function moved(settled) {
  if (!study) return;
  const words = query();
  history.replaceState(null, "", `/?${words}`);
  $("csv").href = `/meds.csv?${words}`;
  $("report").href = `/report.html?${words}`;
  outdate(words);
  shown.drawn = rest = null;
  askers.typical.want(words);
  clearTimeout(later);
  working(true);
  later = setTimeout(() => {
    rest = words;
    complete();
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
      { low, high: low + (most - low || 1) * (place ? 1.05 : 1.35), label: `${item.name.replaceAll("_", " ")}${unit}` },
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

// How the place of a slider becomes a value, and back.
const LINEAR = { to: (v) => v, from: (place) => Number(place.toPrecision(4)) };
const LOG = { to: Math.log, from: (place) => Number(Math.exp(place).toPrecision(4)) };

// A range or, for a switch, a checkbox, under its words and what it says.
// chosen : the Map that holds what is not the usual value, under the key
// shape : to, from, low, high, usual, step, show (a value in words), onoff
function control(id, key, chosen, shape, words) {
  const { to, from, usual } = shape, label = node("label"), out = node("output"), input = node("input");
  const now = () => (chosen.has(key) ? chosen.get(key) : usual);
  const min = to(Math.min(shape.low, now())), max = to(Math.max(shape.high, now()));
  const step = shape.step || (max - min) / 200;
  label.append(node("span", words), out);
  label.htmlFor = id;
  Object.assign(input, shape.onoff ? { id, type: "checkbox", checked: now() !== 0 } : { id, type: "range", min, max, step, value: to(now()) });
  const say = () => {
    out.textContent = shape.show(now());
    input.setAttribute("aria-valuetext", out.textContent);
    label.classList.toggle("changed", chosen.has(key));
  };
  const value = () => {
    if (shape.onoff) return Number(input.checked);
    const near = Math.abs(Number(input.value) - to(usual)) < 0.51 * step;
    return near ? usual : from(Number(input.value));
  };
  input.addEventListener("input", () => {
    if (value() === usual) chosen.delete(key); else chosen.set(key, value());
    say();
    moved(false);
  });
  input.addEventListener("change", () => moved(true));
  say();
  return [label, input];
}

function slider(item) {
  const onoff = item.scale === "switch", room = node("div", undefined, onoff ? "slider switch" : "slider"), small = node("small");
  const { low, high, value: usual } = item, step = item.scale === "classes" ? 1 : 0;
  const show = (v) => (onoff ? (v ? "on" : "off") : `${shortly(v)} ${item.unit}`);
  const shape = { ...(item.scale === "log" ? LOG : LINEAR), low, high, usual, step, show, onoff };
  small.append(`${item.name} `, node("span", item.evidence, `grade ${item.evidence}`));
  if (!item.spread && item.between !== "-") small.append(` between patients: ${item.between}`);
  small.title = item.source;
  room.append(...control(`set-${item.name}`, item.name, changed, shape, item.label || item.name), small);
  if (item.spread) room.append(between(item));
  room.doubt = node("p", "", "doubt");
  room.append(room.doubt);
  rooms.set(item.name, room);
  return room;
}

function between(item) {
  const { word, value, high, times, unit } = item.spread, room = node("div", undefined, "between");
  const shape = { ...LINEAR, low: 0, high, usual: value, show: (v) => `${shortly(times * v)} ${unit}` };
  room.append(...control(`spread-${item.name}`, item.name, spreads, shape, `${word} between patients`));
  return room;
}

// Sliders of the time between doses, which has a few values, and of the least benefit that counts.
function dosing() {
  const { choices, usual } = study.every, { delta } = study;
  const time = { to: (v) => choices.indexOf(v), from: (place) => choices[place], low: choices[0], high: choices[choices.length - 1], usual, step: 1 };
  time.show = (v) => `${shortly(v)} ${study.time}`;
  const least = { ...LINEAR, low: 0, high: delta.high, usual: delta.usual, step: delta.high / 100 };
  least.show = (v) => `${shortly(v)} ${delta.unit}`;
  const made = [control("every", "every", doses, time, "time between doses"), control("delta", "delta", doses, least, "least benefit that counts")];
  return made.map((parts) => {
    const room = node("div", undefined, "slider");
    room.append(...parts);
    return room;
  });
}

async function open(words) {
  const asked = new URLSearchParams(words);
  if (!$("model").options.length) await offer(asked.get("model"));
  study = null;
  study = await ask("/api/study", words);
  for (const chosen of [changed, spreads, doses, rooms]) chosen.clear();
  for (const [name, value] of Object.entries(study.changed)) changed.set(name, value);
  for (const [name, value] of Object.entries(study.spread)) spreads.set(name, value);
  for (const name of ["every", "delta"]) if (study[name].value !== study[name].usual) doses.set(name, study[name].value);
  document.title = `${study.title} - pkpd`;
  $("title").textContent = study.title;
  $("advice").textContent = study.advice;
  Object.assign($("n"), { value: study.n });
  Object.assign($("seed"), { value: study.seed });
  const sliders = study.sliders.map(slider);
  $("sliders").replaceChildren(...dosing(), ...sliders.slice(0, study.shown));
  $("others").replaceChildren(...sliders.slice(study.shown));
  $("claims").replaceChildren(...[...study.hypotheses, ...study.claims].map((text) => node("li", text)));
  $("rule").replaceChildren(...Object.keys(study.rules).map((name) => new Option(name)));
  $("rule").value = "slow-ladder";
  describe();
  moved(true);
}

async function offer(model) {
  const { models, first } = await ask("/api/models", "");
  $("model").replaceChildren(...models.map((name) => new Option(name)));
  $("model").value = model || first;
}

// Titration: on demand, with progress, and of the state at the time of asking.
function describe() { $("rule-words").textContent = study.rules[$("rule").value]; }

async function titrate() {
  stopping = new AbortController();
  const words = query(), rule = $("rule").value, asked = `${words}&rule=${encodeURIComponent(rule)}`;
  $("titrate").textContent = "Stop";
  $("untitrated").textContent = "Preparing ...";
  try {
    const answer = await fetch(`/api/titration?${asked}`, { signal: stopping.signal });
    if (!answer.ok) throw new Error((await answer.json()).error);
    for await (const word of spoken(answer.body)) {
      if (word.error) throw new Error(word.error);
      if (word.done !== undefined) {
        Object.assign($("progress"), { hidden: false, max: word.of, value: word.done });
        $("untitrated").textContent = `${word.done} of ${word.of} titrations`;
      } else {
        shown.titration = Object.assign(word, { words });
        drawTitration(word);
        $("untitrated").textContent = "";
      }
    }
  } catch (error) {
    $("untitrated").textContent = error.name === "AbortError" ? "Stopped." : error.message;
  }
  $("titrate").textContent = "Titrate";
  $("progress").hidden = true;
  stopping = null;
  outdate(query());
}

// The objects in a stream of lines of JSON.
async function* spoken(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ""; ;) {
    const { done, value } = await reader.read();
    const lines = (text + (value || "")).split("\n");
    text = lines.pop();
    for (const line of lines) yield JSON.parse(line);
    if (done) return;
  }
}

function drawTitration(data) {
  const share = (counts) => counts.map((count) => (100 * count) / data.patients);
  const observed = share(data.counts), real = share(data.true);
  const plot = new Plot(
    { low: data.lowest, high: data.highest, log: true, label: `maximally effective dose (${data.unit})` },
    { low: 0, high: Math.max(...observed, ...real, 1) * 1.35, label: "patients (% of all)" },
    "Doses that titration finds, and true MEDs", wide());
  plot.stems(data.doses, observed, "found by the rule, first titration");
  plot.steps(data.edges, real, "c1", "true MED, counted in bins");
  $("titration").replaceChildren(plot.svg);
  $("observed").replaceChildren(...data.sentences.map((text) => node("li", text)));
  $("titration-command").textContent = data.command;
  $("titration-python").textContent = data.python;
  $("titrated").hidden = false;
}

function outdate(words) {
  const stale = shown.titration !== undefined && shown.titration.words !== words;
  $("titrated").classList.toggle("stale", stale);
  if (stale && !stopping) $("untitrated").textContent = "Of earlier numbers; titrate again.";
  else if (!stopping && $("untitrated").textContent.startsWith("Of earlier")) $("untitrated").textContent = "";
}

function forget() {
  if (stopping) stopping.abort();
  pinned = null;
  delete shown.titration;
  $("titrated").hidden = true;
  $("untitrated").textContent = "";
  $("pin").setAttribute("aria-pressed", "false");
  $("pin").textContent = "Pin to compare";
}

$("model").addEventListener("change", () => { forget(); start(`model=${encodeURIComponent($("model").value)}`); });
for (const id of ["n", "seed"]) $(id).addEventListener("change", () => moved(true));
$("rule").addEventListener("change", describe);
$("titrate").addEventListener("click", () => (stopping ? stopping.abort() : titrate()));
$("controls").addEventListener("submit", (event) => event.preventDefault());
$("reset").addEventListener("click", () => start(`model=${encodeURIComponent($("model").value)}`));
$("pin").addEventListener("click", () => {
  if (!shown.people || !shown.typical) return;
  pinned = pinned ? null : { ...shown };
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
// The figures of a place as one that stands alone: the colours of the page are written into it.
function alone(place) {
  const drawn = [...$(place).querySelectorAll("svg")], columns = Math.min(drawn.length, 3);
  const wide = Math.max(...drawn.map((svg) => svg.viewBox.baseVal.width)), high = Math.max(...drawn.map((svg) => svg.viewBox.baseVal.height));
  const size = [columns * wide, Math.ceil(drawn.length / columns) * high];
  const whole = mark("svg", { xmlns: SVG, width: size[0], height: size[1], viewBox: `0 0 ${size.join(" ")}` });
  whole.append(mark("rect", { width: size[0], height: size[1], fill: getComputedStyle(document.body).backgroundColor }));
  drawn.forEach((svg, k) => {
    const copy = svg.cloneNode(true), from = svg.querySelectorAll("*"), to = copy.querySelectorAll("*");
    from.forEach((item, n) => {
      const look = getComputedStyle(item);
      for (const key of ["fill", "fill-opacity", "stroke", "stroke-width", "stroke-opacity", "stroke-dasharray", "font"]) to[n].style.setProperty(key, look.getPropertyValue(key));
    });
    const { width, height } = svg.viewBox.baseVal;
    for (const [key, value] of Object.entries({ x: (k % columns) * wide, y: Math.floor(k / columns) * high, width, height })) copy.setAttribute(key, value);
    whole.append(copy);
  });
  return { size, text: new XMLSerializer().serializeToString(whole) };
}

function save(blob, name) {
  const link = node("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

async function picture({ size, text }) {
  const image = new Image(), canvas = node("canvas");
  image.src = `data:image/svg+xml,${encodeURIComponent(text)}`;
  await image.decode();
  Object.assign(canvas, { width: 2 * size[0], height: 2 * size[1] });
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => canvas.toBlob(done, "image/png"));
}

for (const room of document.querySelectorAll(".save")) {
  const place = room.dataset.of, kinds = {
    SVG: () => save(new Blob([alone(place).text], { type: "image/svg+xml" }), `${place}.svg`),
    PNG: async () => save(await picture(alone(place)), `${place}.png`),
  };
  for (const [kind, make] of Object.entries(kinds)) {
    const button = node("button", kind);
    Object.assign(button, { type: "button", ariaLabel: `Save this figure as ${kind}` });
    button.addEventListener("click", () => { if ($(place).querySelector("svg")) make(); });
    room.append(button, " ");
  }
}

async function start(words) {
  try {
    $("error").hidden = true;
    await open(words);
  } catch (error) { complain(error.message); }
}
start(location.search.slice(1));
