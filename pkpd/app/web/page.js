"use strict";
// What both pages need: parts of a page, answers of the server, its complaints. Every text is set as text.
const $ = (id) => document.getElementById(id);

function node(name, text, more = {}) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  return Object.assign(made, more);
}

async function answered(address, signal) {
  const answer = await fetch(address, { signal });
  if (!answer.ok) throw new Error((await answer.json()).error);
  return answer;
}

async function ask(address) {
  return (await answered(address)).json();
}

// The words of work that is told on the way, each an object on a line of its own. Throws what went wrong.
async function* told(address, signal) {
  const reader = (await answered(address, signal)).body.pipeThrough(new TextDecoderStream()).getReader();
  for (let text = ""; ;) {
    const { done, value } = await reader.read();
    const lines = (text + (value || "")).split("\n");
    text = lines.pop();
    for (const word of lines.map((line) => JSON.parse(line))) {
      if (word.error) throw new Error(word.error);
      yield word;
    }
    if (done) return;
  }
}

function complain(text) {
  $("error").textContent = text;
  $("error").hidden = false;
}
