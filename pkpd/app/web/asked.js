"use strict";
// A panel on demand: a button asks for it and stops it, progress is told on the way, and it is of the
// numbers at the time of asking.
class Asked {
  // name : of the figure, of its places on the page and of the address; button : its id
  // more() : [key, value] pairs that are asked beside the numbers; figure(data) -> svg
  // counted : what progress counts
  constructor(name, button, more, figure, counted) {
    Object.assign(this, { name, more, figure, counted, button: $(button), stop: null });
    const room = $("asked").content.cloneNode(true), part = (kind) => room.querySelector(`.${kind}`);
    this.label = this.button.textContent;
    this.said = part("said");
    this.found = part("found");
    for (const kind of ["said", "lines", "command", "python"]) part(kind).id = `${name}-${kind}`;
    part("figure").id = name;
    for (const kind of ["command", "python"]) part(`copy-${kind}`).dataset.copy = `${name}-${kind}`;
    this.button.closest("section").append(room);
    this.button.addEventListener("click", () => (this.stop ? this.stop.abort() : this.ask()));
  }

  async ask() {
    const words = query(), asked = new URLSearchParams(words), progress = $(`${this.name}-progress`);
    for (const [key, value] of this.more()) asked.append(key, value);
    this.stop = new AbortController();
    this.button.textContent = "Stop";
    this.said.textContent = "Preparing ...";
    try {
      for await (const word of told(`/api/${this.name}?${asked}`, this.stop.signal)) {
        if (word.sentences) this.show(word, words);
        else this.advance(progress, word);
      }
    } catch (error) { this.said.textContent = error.name === "AbortError" ? "Stopped." : error.message; }
    this.button.textContent = this.label;
    progress.hidden = true;
    this.stop = null;
    this.outdate(query());
  }

  advance(progress, { done, of }) {
    Object.assign(progress, of ? { hidden: false, max: of, value: done } : { hidden: false });
    this.said.textContent = `${done}${of ? ` of ${of}` : ""} ${this.counted}`;
  }

  show(data, words) {
    this.words = words;
    $(this.name).replaceChildren(this.figure(data));
    $(`${this.name}-lines`).replaceChildren(...data.sentences.map((text) => node("li", text)));
    $(`${this.name}-command`).textContent = data.command;
    $(`${this.name}-python`).textContent = data.python;
    this.said.textContent = "";
    this.found.hidden = false;
  }

  // words : of the numbers that are chosen now
  outdate(words) {
    const stale = !this.found.hidden && this.words !== words, earlier = "Of earlier numbers; ask again.";
    this.found.classList.toggle("stale", stale);
    if (this.stop) return;
    if (stale) this.said.textContent = earlier;
    else if (this.said.textContent === earlier) this.said.textContent = "";
  }

  forget() {
    if (this.stop) this.stop.abort();
    this.found.hidden = true;
    this.said.textContent = "";
  }
}
