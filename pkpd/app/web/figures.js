"use strict";
// The figures of the page on a model. Each is drawn from the data of a panel, some with those that were
// pinned before.
const DAY = [360, 240], ROW = 40;

function withUnit(name, unit) {
  return unit === "1" ? name : `${name} (${unit})`;
}

// Whom a figure shows: all patients, or those that were solved first.
function who({ patients, of }) {
  return patients < of ? `the first ${patients} of ${of} patients` : `${patients} patients`;
}

function dayFigures(data, before) {
  return data.day.map((item, place) => {
    const past = before ? before.day[place].values : [];
    const all = [...item.values, ...past].flat().filter((v) => v !== null);
    const most = Math.max(...all), least = Math.min(...all);
    const low = least > 0.5 * most ? least - 0.2 * (most - least || 1) : Math.min(0, least);
    const plot = new Plot(
      { low: 0, high: data.times[data.times.length - 1], label: `time after the dose (${data.time})` },
      { low, high: low + (most - low || 1) * (place ? 1.05 : 1.35), label: withUnit(item.name.replaceAll("_", " "), item.unit) },
      `${item.name} of the typical patient`, ...DAY);
    for (const ys of past) plot.line(before.times, ys, "pinned");
    item.values.forEach((ys, k) => plot.line(data.times, ys, `c${k}`, place ? "" : `${data.doses[k]} ${data.unit}`));
    return plot.svg;
  });
}

function fanFigure(data, before, wide) {
  const one = data.typical;
  const all = [...data.bands.flat(), ...one.gain, 0].filter((v) => v !== null);
  const low = Math.min(...all), high = Math.max(...all), room = high - low || 1;
  const plot = new Plot(
    { low: data.lowest, high: data.highest, log: true, label: `dose (${data.unit})` },
    { low: low - 0.1 * room, high: high + 0.35 * room, label: withUnit(data.change, data.outcome_unit) },
    "Benefit by dose", wide);
  plot.patients(data.doses, data.curves);
  if (data.bands.length) {
    plot.band(data.doses, data.bands[0], data.bands[2]);
    plot.line(data.doses, data.bands[1], "c0", `median of ${who(data)}, band 5 to 95 %`);
  }
  plot.line(one.doses, one.gain, "c1", "typical patient");
  Object.entries(one.parts).forEach(([name, ys], k) => plot.line(one.doses, ys, `c${k + 2} dashed`, `typical patient, ${name}`));
  if (before) {
    plot.line(before.doses, before.bands[1] || [], "pinned", `pinned: median of ${who(before)}`);
    plot.line(before.typical.doses, before.typical.gain, "pinned");
  }
  plot.line([data.lowest, data.highest], [0, 0], "axis");
  return plot.svg;
}

function share(counts, patients) {
  return counts.map((count) => (100 * count) / patients);
}

function medFigure(data, before, wide) {
  const heights = share(data.counts, data.patients), past = before ? share(before.counts, before.patients) : [];
  const plot = new Plot(
    { low: data.lowest, high: data.highest, log: true, label: `maximally effective dose (${data.unit})` },
    { low: 0, high: Math.max(...heights, ...past, 1) * 1.3, label: "patients (% of all)" },
    "Distribution of maximally effective doses", wide);
  if (data.published) plot.span(...data.published);
  plot.bars(data.edges, heights);
  if (before) plot.steps(before.edges, past, "pinned", `pinned: ${who(before)}`);
  if (data.median === null) plot.legend(`${who(data)}; no median in the range`, "block");
  else plot.upright(data.median, "c0", `median ${shortly(data.median)} ${data.unit} of ${who(data)}`);
  return plot.svg;
}

function titrationFigure(data, wide) {
  const observed = share(data.counts, data.patients), real = share(data.true, data.patients);
  const plot = new Plot(
    { low: data.lowest, high: data.highest, log: true, label: `maximally effective dose (${data.unit})` },
    { low: 0, high: Math.max(...observed, ...real, 1) * 1.35, label: "patients (% of all)" },
    "Doses that titration finds, and true MEDs", wide);
  plot.stems(data.doses, observed, "found by the rule, first titration");
  plot.steps(data.edges, real, "c1", "true MED, counted in bins");
  return plot.svg;
}

// A forest plot: a line from 5 to 95 % of patients and a mark at their median for each effect.
function effectsFigure(data, wide) {
  const count = data.rows.length, ends = data.rows.flatMap((row) => [row.p5, row.p95]).filter((v) => v !== null);
  const plot = new Plot(
    { low: Math.min(...ends, 1 / 1.8) / 1.1, high: Math.max(...ends, 1.8) * 1.1, log: true, label: "MED, times that at the reference" },
    { low: 0, high: count, label: "", bare: true },
    "MED by covariate, same patients", wide, TOP + BOTTOM + ROW * count);
  plot.line([1, 1], [0, count], "pinned");
  data.rows.forEach((row, k) => {
    const y = count - k - 0.7;
    plot.text(y + 0.35, `${row.name}: ${row.told}`);
    if (row.ratio === null) return;
    plot.line([row.p5, row.p95], [y, y], "c0");
    plot.dot(row.ratio, y);
  });
  return plot.svg;
}
