"use strict";
// Figures as SVG: axes, lines, bands and bars of plain arrays. Knows numbers and a place on the page.
const SVG = "http://www.w3.org/2000/svg";
const WIDE = 560, HIGH = 300, LEFT = 54, RIGHT = 12, TOP = 22, BOTTOM = 40;

function mark(name, attributes, text) {
  const node = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  if (text !== undefined) node.textContent = text;
  return node;
}

function shortly(value) {
  return String(Number(value.toPrecision(3)));
}

// Ticks between low and high: 1, 2, 5 of each decade on a log axis, round steps on a linear one.
function ticks(low, high, log) {
  const found = [];
  if (log) {
    for (let d = Math.floor(Math.log10(low)); d <= Math.ceil(Math.log10(high)); d++) {
      const steps = Math.log10(high / low) > 3.4 ? [1] : [1, 2, 5];
      for (const k of steps) found.push(k * 10 ** d);
    }
  } else {
    const rough = (high - low) / 5 || 1;
    const size = 10 ** Math.floor(Math.log10(rough));
    const step = size * ([1, 2, 5, 10].find((k) => k * size >= rough) || 10);
    for (let v = Math.ceil(low / step) * step; v <= high + step / 1e6; v += step) found.push(v);
  }
  return found.filter((v) => v >= low * (1 - 1e-9) - (log ? 0 : 1e-9) && v <= high * (1 + 1e-9) + 1e-12);
}

class Plot {
  // x, y : {low, high, log, label, bare}; bare : without ticks
  constructor(x, y, title, wide = WIDE, high = HIGH) {
    Object.assign(this, { x, y, wide, high });
    this.svg = mark("svg", { viewBox: `0 0 ${wide} ${high}`, role: "img", "aria-label": title });
    this.svg.append(mark("title", {}, title));
    this.names = 0;
    this.frame(title);
  }
  place(axis, value, from, to) {
    const f = axis.log ? Math.log : (v) => v;
    return from + ((f(value) - f(axis.low)) / (f(axis.high) - f(axis.low) || 1)) * (to - from);
  }
  px(value) { return this.place(this.x, value, LEFT, this.wide - RIGHT); }
  py(value) {
    const inside = Math.min(Math.max(value, this.y.low), this.y.high);
    return this.place(this.y, inside, this.high - BOTTOM, TOP);
  }
  frame(title) {
    for (const v of this.y.bare ? [] : ticks(this.y.low, this.y.high, this.y.log)) {
      const y = this.py(v);
      this.svg.append(mark("line", { class: "grid", x1: LEFT, x2: this.wide - RIGHT, y1: y, y2: y }));
      this.svg.append(mark("text", { x: LEFT - 5, y: y + 4, "text-anchor": "end" }, shortly(v)));
    }
    const base = this.high - BOTTOM;
    for (const v of ticks(this.x.low, this.x.high, this.x.log)) {
      const x = this.px(v);
      this.svg.append(mark("line", { class: "axis", x1: x, x2: x, y1: base, y2: base + 4 }));
      this.svg.append(mark("text", { x, y: base + 16, "text-anchor": "middle" }, shortly(v)));
    }
    this.svg.append(mark("path", { class: "axis", d: `M${LEFT},${TOP}V${base}H${this.wide - RIGHT}` }));
    this.svg.append(mark("text", { x: (LEFT + this.wide) / 2, y: this.high - 6, "text-anchor": "middle" }, this.x.label));
    this.svg.append(mark("text", { x: 4, y: 13 }, this.y.label));
  }
  // A line breaks where a value is missing and, if it is `cut`, where one lies outside the frame.
  path(xs, ys, cut = false) {
    let pen = "M", d = "";
    for (let k = 0; k < xs.length; k++) {
      if (ys[k] === null || (cut && (ys[k] < this.y.low || ys[k] > this.y.high))) { pen = "M"; continue; }
      d += `${pen}${this.px(xs[k]).toFixed(1)},${this.py(ys[k]).toFixed(1)}`;
      pen = "L";
    }
    return d;
  }
  line(xs, ys, look, name) {
    this.svg.append(mark("path", { class: `line ${look}`, d: this.path(xs, ys) }));
    if (name) this.legend(name, look);
  }
  patients(xs, curves) {
    const d = curves.map((ys) => this.path(xs, ys, true)).join("");
    this.svg.append(mark("path", { class: "patient", d }));
  }
  band(xs, low, high) {
    const back = [...xs].reverse(), top = [...high].reverse();
    const d = this.path(xs, low) + this.path(back, top).replace("M", "L") + "Z";
    this.svg.append(mark("path", { class: "band", d }));
  }
  span(low, high) {
    const from = this.px(Math.max(low, this.x.low)), to = this.px(Math.min(high, this.x.high));
    this.svg.append(mark("rect", { class: "published", x: from, y: TOP, width: to - from, height: this.high - BOTTOM - TOP }));
  }
  bars(edges, heights) {
    heights.forEach((height, k) => {
      const x = this.px(edges[k]), y = this.py(height);
      this.svg.append(mark("rect", { class: "bar", x, y, width: Math.max(this.px(edges[k + 1]) - x - 1, 0.5), height: this.high - BOTTOM - y }));
    });
  }
  stems(xs, heights, name) {
    xs.forEach((value, k) => {
      const x = this.px(value), y = this.py(heights[k]);
      this.svg.append(mark("rect", { class: "bar", x: x - 4, y, width: 8, height: this.high - BOTTOM - y }));
    });
    this.legend(name, "block");
  }
  steps(edges, heights, look, name) {
    const xs = [], ys = [];
    heights.forEach((height, k) => { xs.push(edges[k], edges[k + 1]); ys.push(height, height); });
    this.line(xs, ys, look, name);
  }
  upright(value, look, name) {
    const x = this.px(value);
    this.svg.append(mark("path", { class: `line ${look}`, d: `M${x},${this.high - BOTTOM}V${TOP + 14}` }));
    if (name) this.legend(name, look);
  }
  dot(x, y) {
    this.svg.append(mark("circle", { class: "dot", cx: this.px(x), cy: this.py(y), r: 4 }));
  }
  text(y, words) {
    this.svg.append(mark("text", { x: LEFT + 4, y: this.py(y) }, words));
  }
  legend(name, look) {
    const y = TOP + 8 + 14 * this.names++;
    this.svg.append(mark("path", { class: `line ${look}`, d: `M${LEFT + 10},${y}h18` }));
    this.svg.append(mark("text", { x: LEFT + 33, y: y + 4 }, name));
  }
}
