"use strict";
// A finished study: its report in a frame, its figures and tables below.
function about(path, name) {
  return `${path}?name=${encodeURIComponent(name)}`;
}

function figure(name) {
  const room = node("figure");
  room.append(node("figcaption", name), node("img", undefined, { src: about("/study/figure", name), alt: name }));
  return room;
}

function table(name) {
  const room = node("details"), inside = node("div", "Reading ...", { className: "scroll", tabIndex: 0 });
  const whole = node("a", "All of it (CSV)", { href: about("/study/table.csv", name), download: `${name}.csv` });
  room.append(node("summary", name), inside, whole);
  room.addEventListener("toggle", async () => {
    try {
      fill(inside, await ask(about("/study/table", name)));
    } catch (error) { inside.textContent = error.message; }
  }, { once: true });
  return room;
}

function fill(room, data) {
  const made = node("table"), head = made.createTHead().insertRow(), body = made.createTBody();
  for (const name of data.columns) head.append(node("th", name, { scope: "col" }));
  for (const cells of data.rows) {
    const row = body.insertRow();
    for (const text of cells) row.insertCell().textContent = text;
  }
  const of = data.count === null ? "" : ` of ${data.count}`;
  room.replaceChildren(node("p", `${data.rows.length}${of} rows; the table scrolls sideways.`), made);
}

async function open() {
  const study = await ask("/api/folder");
  document.title = `${study.title} - pkpd`;
  $("title").textContent = study.title;
  $("commands").replaceChildren(...study.commands.map((text) => node("li", text)));
  const links = [];
  if (study.without) {
    const how = study.report ? "The report below is as the folder brings it" : "No report";
    $("without").textContent = `${how}: ${study.without}`;
    $("without").hidden = false;
  }
  if (study.report) {
    const href = `/study/${study.report}.html`;
    $("frame").src = href;
    $("reported").hidden = false;
    links.push(node("a", "Report alone", { href, target: "_blank", rel: "noopener" }));
  }
  if (study.live !== null) links.push(node("a", "Move the numbers of these patients", { href: `/?${study.live}`, id: "live" }));
  $("links").replaceChildren(...links);
  const sections = { figures: ["Figures in the folder", study.figures.map(figure)], tables: ["Tables in the folder", study.tables.map(table)] };
  for (const [place, [title, found]] of Object.entries(sections)) if (found.length) $(place).append(node("h2", title), ...found);
  $("left").replaceChildren(...study.left_out.map((text) => node("li", text)));
}

open().catch((error) => complain(error.message));
