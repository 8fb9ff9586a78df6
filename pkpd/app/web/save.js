"use strict";
// Figures as files, texts to the clipboard.

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
  const link = node("a", "", { href: URL.createObjectURL(blob), download: name });
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
    const button = node("button", kind, { type: "button", ariaLabel: `Save this figure as ${kind}` });
    button.addEventListener("click", () => { if ($(place).querySelector("svg")) make(); });
    room.append(button, " ");
  }
}

async function copy(text, button) {
  await navigator.clipboard.writeText(text);
  const was = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = was; }, 1200);
}
