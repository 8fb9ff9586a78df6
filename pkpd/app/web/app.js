"use strict";
// The page: controls make a link, the link is asked of the server, answers are drawn. Of moves that come
// while an earlier one is drawn, the newest counts.
let study = null, pinned = null, shown = { day: null, people: null };
const changed = new Map(), spreads = new Map(), doses = new Map(), rooms = new Map();
const asked = [
  new Asked("titration", "titrate", () => [["rule", $("rule").value]], (data) => titrationFigure(data, wide()), "titrations"),
  new Asked("covariates", "compare", () => places($("at").value), (data) => effectsFigure(data, wide()), "patients"),
];

function query() {
  const found = new URLSearchParams({ model: $("model").value, n: $("n").value, seed: $("seed").value });
  for (const [name, value] of doses) found.set(name, value);
  for (const [name, value] of changed) found.set(`set.${name}`, value);
  for (const [name, value] of spreads) found.set(`spread.${name}`, value);
  return found.toString();
}

// Pairs of a query from a text such as "wt=50,100 cirrhosis=1".
function places(text) {
  return text.split(/\s+/).filter(Boolean).map((place) => ["at", place]);
}

// Whatever is wanted while `work` is under way, the newest of it follows.
class Newest {
  constructor(work) { Object.assign(this, { work, busy: false, wish: null }); }
  async want(wish) {
    this.wish = wish;
    if (this.busy) return;
    this.busy = true;
    while (this.wish !== null) {
      const now = this.wish;
      this.wish = null;
      try {
        await this.work(now);
      } catch (error) { if (error.name !== "AbortError") fail(error.message); }
    }
    this.busy = false;
  }
}

const day = new Newest(async (words) => {
  shown.day = await ask(`/api/day?${words}`);
  $("error").hidden = true;
  drawDay();
  $("command").textContent = shown.day.command;
  $("python").textContent = shown.day.python;
  tellDoubts(shown.day.doubts);
});

// Work on the patients is given up once something is drawn of them and something newer is chosen.
let drawn = null;
const people = new Newest(async ({ words, early }) => {
  const stop = new AbortController();
  const draw = (data) => {
    shown.people = data;
    drawPeople();
    drawn = stop;
    return people.wish === null;
  };
  try {
    if (early) {
      if (!draw(await ask(`/api/first?${words}`))) return;
      say(`Drawn: ${who(shown.people)}; computing all ...`);
    }
    for await (const word of told(`/api/people?${words}`, stop.signal)) {
      if (word.bands) {
        if (!draw(word)) return;
        say("");
      }
      if (word.sentences && words === latest) {
        tellSentences(word.sentences);
        working(false);
      }
    }
  } finally {
    drawn = null;
    stop.abort();
  }
});

function say(text) { $("working").textContent = text; }

function working(busy) {
  $("panels").setAttribute("aria-busy", String(busy));
  $("pin").disabled = busy; // what is drawn may be of different numbers
  say(busy ? `Computing ${$("n").value} patients ...` : "");
}

function fail(text) {
  working(false);
  complain(text);
}

// Beside the slider that a sentence is about, at the top where it is about none.
function tellDoubts(doubts) {
  for (const room of rooms.values()) room.doubt.textContent = "";
  for (const { name, text } of doubts) if (rooms.has(name)) rooms.get(name).doubt.textContent += `${text} `;
  $("doubts").replaceChildren(...doubts.filter(({ name }) => !rooms.has(name)).map(({ text }) => node("li", text)));
}

function tellSentences(sentences) {
  const { published, published_words } = shown.people;
  const shaded = published ? [`shaded: ${published_words}`] : [];
  $("found").replaceChildren(...[...sentences, ...shaded].map((text) => node("li", text)));
  $("found").classList.remove("stale");
}

// Narrow where there is little room, so that letters can be read.
function wide() { return $("fan").clientWidth < 480 ? 400 : WIDE; }

function drawDay() { $("day").replaceChildren(...dayFigures(shown.day, pinned && pinned.day)); }

function drawPeople() {
  $("fan").replaceChildren(fanFigure(shown.people, pinned && pinned.people, wide()));
  $("meds").replaceChildren(medFigure(shown.people, pinned && pinned.people, wide()));
}

// While a slider moves, the first patients are drawn before all. A press of a key is no such move: a
// slider tells of its end at once, before `moved` looks.
let latest = null, sliding = false, looking = 0, later = 0;
function soon(onTheMove) {
  sliding = onTheMove;
  clearTimeout(looking);
  looking = setTimeout(moved);
}

function moved() {
  const words = query();
  if (!study || words === latest) return;
  latest = words;
  $("csv").href = `/meds.csv?${words}`;
  $("report").href = `/report.html?${words}`;
  for (const panel of asked) panel.outdate(words);
  if (drawn) drawn.abort();
  $("found").classList.add("stale");
  working(true);
  day.want(words);
  people.want({ words, early: sliding && Number($("n").value) >= 2 * study.first });
  clearTimeout(later); // browsers let a page change its address a few times a second
  later = setTimeout(link, 150);
}

function link() { history.replaceState(null, "", `/?${query()}`); }

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
    soon(true);
  });
  input.addEventListener("change", () => soon(false));
  say();
  return [label, input];
}

function slider(item) {
  const onoff = item.scale === "switch", room = node("div", undefined, { className: onoff ? "slider switch" : "slider" }), small = node("small");
  const { low, high, value: usual } = item, step = item.scale === "classes" ? 1 : 0;
  const show = (v) => (onoff ? (v ? "on" : "off") : `${shortly(v)} ${item.unit}`);
  const shape = { ...(item.scale === "log" ? LOG : LINEAR), low, high, usual, step, show, onoff };
  small.append(`${item.name} `, node("span", item.evidence, { className: `grade ${item.evidence}` }));
  if (!item.spread && item.between !== "-") small.append(` between patients: ${item.between}`);
  small.title = item.source;
  room.append(...control(`set-${item.name}`, item.name, changed, shape, item.label || item.name), small);
  if (item.spread) room.append(between(item));
  room.doubt = node("p", "", { className: "doubt" });
  room.append(room.doubt);
  rooms.set(item.name, room);
  return room;
}

function between(item) {
  const { word, value, high, times, unit } = item.spread, room = node("div", undefined, { className: "between" });
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
    const room = node("div", undefined, { className: "slider" });
    room.append(...parts);
    return room;
  });
}

async function open(words) {
  if (!$("model").options.length) await offer(new URLSearchParams(words).get("model"));
  study = null;
  study = await ask(`/api/study?${words}`);
  for (const chosen of [changed, spreads, doses, rooms]) chosen.clear();
  for (const [name, value] of Object.entries(study.changed)) changed.set(name, value);
  for (const [name, value] of Object.entries(study.spread)) spreads.set(name, value);
  for (const name of ["every", "delta"]) if (study[name].value !== study[name].usual) doses.set(name, study[name].value);
  document.title = `${study.title} - pkpd`;
  $("title").textContent = study.title;
  $("advice").textContent = study.advice;
  for (const name of ["n", "seed"]) $(name).value = study[name];
  const sliders = study.sliders.map(slider);
  $("sliders").replaceChildren(...dosing(), ...sliders.slice(0, study.shown));
  $("others").replaceChildren(...sliders.slice(study.shown));
  $("claims").replaceChildren(...[...study.hypotheses, ...study.claims].map((text) => node("li", text)));
  $("rule").replaceChildren(...Object.keys(study.rules).map((name) => new Option(name)));
  $("rule").value = "slow-ladder";
  describe();
  latest = null;
  sliding = false;
  moved();
  link();
}

async function offer(model) {
  const { models, first } = await ask("/api/models");
  $("model").replaceChildren(...models.map((name) => new Option(name)));
  $("model").value = model || first;
}

function describe() { $("rule-words").textContent = study.rules[$("rule").value]; }

function pin(state) {
  pinned = state;
  $("pin").setAttribute("aria-pressed", String(pinned !== null));
  $("pin").textContent = pinned ? "Unpin" : "Pin to compare";
}

function start(words) {
  $("error").hidden = true;
  open(words).catch((error) => fail(error.message));
}

function asInTheModel() { start(`model=${encodeURIComponent($("model").value)}`); }

$("model").addEventListener("change", () => {
  pin(null);
  for (const panel of asked) panel.forget();
  asInTheModel();
});
for (const id of ["n", "seed"]) $(id).addEventListener("change", () => soon(false));
$("rule").addEventListener("change", describe);
$("at").addEventListener("keydown", (event) => { if (event.key === "Enter") $("compare").click(); });
$("controls").addEventListener("submit", (event) => event.preventDefault());
$("reset").addEventListener("click", asInTheModel);
$("pin").addEventListener("click", () => {
  pin(pinned ? null : { ...shown });
  drawDay();
  drawPeople();
});
for (const button of document.querySelectorAll("[data-copy]")) {
  button.addEventListener("click", () => copy($(button.dataset.copy).textContent, button));
}
$("link").addEventListener("click", () => {
  link();
  copy(location.href, $("link"));
});
start(location.search.slice(1));
