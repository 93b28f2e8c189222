"use strict";
// What comes by events is put into the page as text, never as HTML. Nothing grows: a page may stay open overnight.

const SIGNS = ["·", "◐", "✓"], WORDS = ["not begun", "trying", "passed"], STYLES = ["u", "p", "f"];
const SVG = "http://www.w3.org/2000/svg";
const MOST_MISTAKES = 5;
const [count, connection, chooser, grid, more, names] = ["count", "connection", "lesson", "grid", "more-mistakes", "names"].map(
  (id) => document.getElementById(id));
const mistakeList = document.getElementById("mistakes"), body = grid.tBodies[0], head = grid.tHead.rows[0];

// id -> { name, states, row }; and the place of each exercise in a learner's states
const learners = new Map(), places = new Map();
let lessons = [], latest = "", shown = "", source = null, heard = 0;

function make(tag, text = "", style = "") {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  if (style) element.className = style;
  return element;
}

// A name that may be broken after each underscore.
function breakable(element, name) {
  name.split("_").forEach((part, index) => {
    if (index) element.append("_", document.createElement("wbr"));
    element.append(part);
  });
  return element;
}

// Text in which `...` is code.
function prose(text) {
  const element = make("span"), pieces = text.split("`");
  if (pieces.length % 2 === 0) element.textContent = text;
  else pieces.forEach((piece, index) => element.append(index % 2 ? make("code", piece) : piece));
  return element;
}

function show(news) {
  if (news.anew) {
    lessons = news.lessons;
    learners.clear();
    places.clear();
    for (const [, exercises] of lessons) for (const name of exercises) places.set(name, places.size);
    const chosen = chooser.value;
    chooser.replaceChildren(chooser.options[0], ...lessons.map(([name]) => make("option", name)));
    chooser.value = lessons.some(([name]) => name === chosen) ? chosen : "";
  }
  for (const [id, name, states] of news.learners) {
    const known = learners.get(id);
    learners.set(id, { name, states, row: known ? known.row : null });
  }
  latest = news.at || latest;
  count.textContent = learners.size === 1 ? "1 learner" : `${learners.size.toLocaleString("en")} learners`;
  showMistakes(news.mistakes);
  showLesson(news.anew, news.learners.map(([id]) => id));
}

function showMistakes(mistakes) {
  mistakeList.replaceChildren(...mistakes.slice(0, MOST_MISTAKES).map(([number, exercise, text]) => {
    const item = make("li"), what = make("span");
    item.append(make("span", String(number), "how-many"), what);
    what.append(breakable(make("span", "", "where"), exercise), ": ");
    what.append(text ? prose(text) : "not right yet, by no mistake that is known");
    return item;
  }));
  const rest = mistakes.length - MOST_MISTAKES;
  more.textContent = rest > 0 ? `and ${rest} more` : "None in the last ten minutes.";
  more.hidden = mistakes.length > 0 && rest <= 0;
}

// The chosen lesson, else the one that the class is at.
function current() {
  const wanted = chooser.value;
  return lessons.find(([name, exercises]) => (wanted ? name === wanted : exercises.includes(latest))) || lessons[0];
}

// Show the learners that changed; all of them where the table is made anew.
function showLesson(anew, changed) {
  if (!lessons.length) return;
  const [lesson, exercises] = current();
  const columns = exercises.map((name) => places.get(name));
  if (anew || lesson !== shown) {
    shown = lesson;
    head.replaceChildren(...[lesson, ...exercises].map((name, index) => {
      const cell = breakable(make("th"), name);
      cell.scope = "col";
      if (index) cell.append(make("span", "", "counts"), bar());
      return cell;
    }));
    body.replaceChildren();
    for (const learner of learners.values()) learner.row = null;
    changed = [...learners.keys()];
  }
  for (const id of changed) fill(learners.get(id), columns);
  columns.forEach((place, index) => total(head.cells[index + 1], place));
  order();
}

function fill(learner, columns) {
  if (!learner.row) {
    const name = make("th");
    name.scope = "row";
    name.append(make("bdi"));
    learner.row = make("tr");
    learner.row.append(name, ...columns.map(() => make("td")));
  }
  columns.forEach((place, index) => {
    const state = Number(learner.states[place]), cell = learner.row.cells[index + 1];
    if (cell.className === STYLES[state]) return;
    const sign = make("span", SIGNS[state]);
    sign.setAttribute("aria-hidden", "true");
    cell.className = STYLES[state];
    cell.replaceChildren(sign, make("span", WORDS[state], "sr"));
  });
}

function bar() {
  const drawn = document.createElementNS(SVG, "svg");
  const attributes = { class: "bar", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" };
  for (const [key, value] of Object.entries(attributes)) drawn.setAttribute(key, value);
  for (const style of ["", "passed", "trying"]) {
    const rect = document.createElementNS(SVG, "rect");
    rect.setAttribute("class", style);
    rect.setAttribute("width", style ? 0 : 100);
    rect.setAttribute("height", 8);
    drawn.append(rect);
  }
  return drawn;
}

function total(cell, place) {
  const counts = [0, 0, 0];
  for (const learner of learners.values()) counts[Number(learner.states[place])] += 1;
  const [, trying, passed] = counts.map((number) => (100 * number) / Math.max(1, learners.size));
  const [, green, yellow] = cell.querySelectorAll("rect");
  green.setAttribute("width", passed);
  yellow.setAttribute("x", passed);
  yellow.setAttribute("width", trying);
  const text = cell.querySelector(".counts");
  text.replaceChildren(...[2, 1].map((state) => {
    const part = make("span", `${counts[state]} ${SIGNS[state]}`);
    part.append(make("span", ` ${WORDS[state]} `, "sr"));
    return part;
  }));
}

// By name, where names are shown; a row that stands right is left alone.
function order() {
  const hidden = names.getAttribute("aria-pressed") === "true";
  const rows = [...learners].map(([id, learner]) => ({ id, ...learner }));
  if (!hidden) rows.sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
  rows.forEach(({ id, name, row }, index) => {
    if (body.rows[index] !== row) body.insertBefore(row, body.rows[index] || null);
    const text = hidden ? `Learner ${id}` : name, place = row.cells[0].firstChild;
    if (place.textContent !== text) place.textContent = text;
  });
}

function say(text, lost) {
  if (connection.textContent !== text) connection.textContent = text;
  connection.classList.toggle("lost", lost);
}

function listen() {
  if (source) source.close();
  source = new EventSource("events");
  source.onmessage = (event) => {
    heard = Date.now();
    show(JSON.parse(event.data));
    say("Live.", false);
  };
}

// Something comes every 15 seconds. Where it does not (a lid was shut, the classroom was started again), the browser may
// have given up by itself.
const SILENCE = 40000;
let tried = Date.now();
setInterval(() => {
  const silent = Date.now() - Math.max(heard, tried) > SILENCE;
  if (source.readyState !== EventSource.OPEN || silent) {
    const when = heard ? ` This is the class as it was at ${new Date(heard).toLocaleTimeString("en-GB")}.` : "";
    say(`The classroom does not answer.${when}`, true);
  }
  if (source.readyState === EventSource.CLOSED || silent) {
    tried = Date.now();
    listen();
  }
}, 3000);

chooser.addEventListener("change", () => showLesson(false, []));
names.addEventListener("click", () => {
  names.setAttribute("aria-pressed", String(names.getAttribute("aria-pressed") !== "true"));
  order();
});
listen();
