"use strict";
// The page is complete without this: it only finds learners, sorts the matrix and opens what a link goes to.

const form = document.querySelector("form.find");
const box = form.querySelector("input");
const status = form.querySelector("[role=status]");
const everybody = [...document.querySelectorAll("[data-learner]")];
form.hidden = false;
form.addEventListener("submit", (event) => event.preventDefault());

function find() {
  const wanted = box.value.trim().toLowerCase();
  const outer = new Map();
  const names = new Set();
  const target = document.getElementById(location.hash.slice(1));
  for (const item of everybody) {
    const found = item.dataset.learner.toLowerCase().includes(wanted);
    item.hidden = !found;
    if (found) names.add(item.dataset.learner);
    const block = item.parentElement.closest("details.block");
    if (block) outer.set(block, outer.get(block) || found);
  }
  for (const [block, found] of outer) {
    block.hidden = !found;
    // what a link has opened stays open
    block.open = wanted === "" ? block.contains(target) : found && names.size <= 100;
  }
  status.textContent = wanted === "" ? "" : `${names.size} found`;
}
let waiting = 0;
box.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(find, 150); });

function key(row, column) {
  const text = row.cells[column]?.textContent ?? "";
  if (column === 0) return row.dataset.learner.toLowerCase();
  const number = parseFloat(text.replace(/[^\d.]/g, ""));
  return Number.isNaN(number) ? -1 : number;
}

function sort(lesson, column) {
  const heads = [...lesson.querySelectorAll("table.matrix thead tr")].map((row) => row.cells[column]);
  const falling = heads[0].getAttribute("aria-sort") === "ascending";
  for (const head of lesson.querySelectorAll("table.matrix thead th")) head.removeAttribute("aria-sort");
  for (const head of heads) head.setAttribute("aria-sort", falling ? "descending" : "ascending");
  const bodies = [...lesson.querySelectorAll("tbody.learners")];
  const sizes = bodies.map((body) => body.rows.length);
  const rows = bodies.flatMap((body) => [...body.rows]).map((row) => [key(row, column), row]);
  rows.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0) * (falling ? -1 : 1));
  bodies.forEach((body, index) => {
    const mine = rows.splice(0, sizes[index]).map(([, row]) => row);
    body.append(...mine);
    const chunk = body.closest("details.chunk");
    if (chunk) {
      chunk.querySelector(".from").textContent = mine[0].dataset.learner;
      chunk.querySelector(".to").textContent = mine[mine.length - 1].dataset.learner;
    }
  });
}

for (const lesson of document.querySelectorAll("section.lesson")) {
  for (const head of lesson.querySelectorAll("table.matrix thead th")) {
    const button = document.createElement("button");
    button.type = "button";
    button.title = "Sort";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => sort(lesson, head.cellIndex));
  }
}

function reveal() {
  const target = document.getElementById(location.hash.slice(1));
  if (!target) return;
  for (let outer = target.closest("details"); outer; outer = outer.parentElement.closest("details")) {
    outer.open = true;
    outer.hidden = false;
  }
  target.scrollIntoView();
  target.focus({ preventScroll: true });
}
addEventListener("hashchange", reveal);
reveal();
