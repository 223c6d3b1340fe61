// The JSON tree: one row is current. Arrow keys move it, a search goes to it, buttons copy its path or value.
import { copy, say, textAt } from "./copying.js";

const rowsOf = (tree) => [...tree.querySelectorAll("[data-path]")];
const current = (tree) => tree.querySelector("[data-path].at");
const steps = (path) => [...path.matchAll(/\[("(?:[^"\\]|\\.)*"|\d+)\]/g)].map((found) => JSON.parse(found[1]));

// Each row has its own step alone: its path is that of all that it is in, from the top.
function pathOf(tree, row) {
  let path = row.dataset.path;
  const own = row.matches("summary") ? row.parentElement : row;
  for (let one = own.parentElement.closest("details"); one && tree.contains(one); one = one.parentElement.closest("details"))
    path = one.querySelector("summary").dataset.path + path;
  return path;
}

function choose(tree, row, { focus }) {
  const last = current(tree);
  last?.classList.remove("at");
  last?.removeAttribute("tabindex");
  row.classList.add("at");
  for (const button of tree.querySelectorAll("[data-tree-copy]")) button.disabled = false;
  row.tabIndex = 0;
  if (focus) row.focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
}

function reveal(row) {
  const own = row.matches("summary") ? row.parentElement : row;
  for (let one = own.parentElement?.closest("details"); one; one = one.parentElement.closest("details")) one.open = true;
}

// What a row says: its key and its value, but not how many it has.
function said(row) {
  return [...row.querySelectorAll(".key, .string, .value")].map((one) => one.textContent).join("\n").toLowerCase();
}

function find(tree, by) {
  const field = tree.querySelector("input");
  const output = tree.querySelector("output");
  const wanted = field.value.trim().toLowerCase();
  if (tree.wanted !== wanted) {
    for (const row of tree.hits ?? []) row.classList.remove("hit");
    tree.hits = wanted ? rowsOf(tree).filter((row) => said(row).includes(wanted)) : [];
    for (const row of tree.hits) row.classList.add("hit");
    tree.wanted = wanted;
    tree.number = -1;
  }
  const count = tree.hits.length;
  const partly = tree.querySelector("[data-left]") ? " in what is shown" : "";
  if (!wanted) output.textContent = "";
  else if (count === 0) output.textContent = `Nothing found${partly}`;
  else {
    tree.number = (tree.number + by + count) % count;
    output.textContent = `${tree.number + 1} of ${count}${partly}`;
    reveal(tree.hits[tree.number]);
    choose(tree, tree.hits[tree.number], { focus: false });
  }
}

async function wholeOf(tree) {
  if (tree.whole === undefined) {
    const text = tree.dataset.from ? await textAt(tree.dataset.from) : tree.previousElementSibling.textContent;
    tree.whole = JSON.parse(text);
  }
  return tree.whole;
}

async function copyRow(tree, what) {
  const row = current(tree);
  if (!row) return;
  if (what === "path") {
    await copy(pathOf(tree, row));
    return;
  }
  try {
    let value = await wholeOf(tree);
    for (const step of steps(pathOf(tree, row))) value = value[step];
    // A number is copied as it was sent: reading it may have rounded it.
    const own = row.querySelector(".value")?.textContent;
    await copy(own ?? (typeof value === "string" ? value : JSON.stringify(value, null, 2)));
  } catch {
    say("It could not be read: download the body");
  }
}

function move(tree, row, key) {
  const shown = rowsOf(tree).filter((one) => one.checkVisibility());
  const at = shown.indexOf(row);
  const own = row.matches("summary") ? row.parentElement : null;
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: shown.length - 1 }[key];
  if (to !== undefined && shown[to]) choose(tree, shown[to], { focus: true });
  else if (key === "ArrowRight" && own) own.open = true;
  else if (key === "ArrowLeft" && own?.open) own.open = false;
  else if (key === "ArrowLeft") {
    const parent = (own ?? row).parentElement.closest("details")?.querySelector("summary");
    if (parent && tree.contains(parent)) choose(tree, parent, { focus: true });
  }
}

export function watchTrees() {
  const treeOf = (event) => event.target.closest?.("[data-tree]");
  document.addEventListener("click", (event) => {
    const tree = treeOf(event);
    if (!tree) return;
    const button = event.target.closest("[data-tree-copy]");
    const row = event.target.closest("[data-path]");
    if (button) copyRow(tree, button.dataset.treeCopy);
    else if (row && !String(getSelection())) choose(tree, row, { focus: true });
  });
  document.addEventListener("input", (event) => {
    const tree = treeOf(event);
    if (!tree) return;
    clearTimeout(tree.waits);
    tree.waits = setTimeout(() => find(tree, 1), 120);
  });
  document.addEventListener("keydown", (event) => {
    const tree = treeOf(event);
    if (!tree) return;
    const row = event.target.closest("[data-path]");
    if (event.target.matches("input")) {
      if (event.key === "Enter") {
        event.preventDefault();
        clearTimeout(tree.waits);
        find(tree, event.shiftKey ? -1 : 1);
      } else if (event.key === "Escape" && event.target.value) {
        event.stopImmediatePropagation();
        event.target.value = "";
        find(tree, 0);
      }
    } else if (row && /^(Arrow|Home|End)/.test(event.key)) {
      event.preventDefault();
      move(tree, row, event.key);
    }
  });
}
