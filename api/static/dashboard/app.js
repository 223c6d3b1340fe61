// What every page has: theme, menus, the drawer. Each part has a module of its own.
import { watchAnnotating } from "./annotating.js";
import { drawNew, redraw } from "./chart.js";
import { watchChoosing } from "./choosing.js";
import { watchCopying } from "./copying.js";
import { watchFilter } from "./filter.js";
import { watchFolding } from "./folding.js";
import { followChoices, watchForms } from "./forms.js";
import { watchKeys } from "./keys.js";
import { watchLive } from "./live.js";
import { watchLog } from "./log.js";
import { watchTrees } from "./tree.js";

const root = document.documentElement;
const THEMES = ["", "light", "dark"];

function showTheme() {
  const name = document.querySelector("[data-theme-name]");
  if (name) name.textContent = localStorage.getItem("theme") || "system";
}

function nextTheme() {
  const now = THEMES.indexOf(localStorage.getItem("theme") || "");
  const next = THEMES[(now + 1) % THEMES.length];
  if (next) localStorage.setItem("theme", next);
  else localStorage.removeItem("theme");
  root.dispatchEvent(new Event("theme"));
  showTheme();
  redraw();
}

function closeDrawer() {
  const drawer = document.getElementById("drawer");
  if (!drawer || drawer.hidden) return false;
  drawer.hidden = true;
  drawer.replaceChildren();
  const url = new URL(location.href);
  url.searchParams.delete("open");
  history.pushState({ htmx: true }, "", url);
  document.querySelector("tr[aria-current]")?.removeAttribute("aria-current");
  document.querySelector("tr.at a.row")?.focus({ preventScroll: true });
  return true;
}

document.addEventListener("click", (event) => {
  const at = (selector) => event.target.closest(selector);
  const opens = at("[data-open]");
  if (opens) document.getElementById(opens.dataset.open)?.showModal();
  if (at("[data-theme-switch]")) nextTheme();
  const toggle = at("[data-toggle]");
  if (toggle) {
    const open = document.getElementById(toggle.dataset.toggle).classList.toggle("open");
    toggle.setAttribute("aria-expanded", String(open));
  }
  if (at("[data-close]") && at("#drawer")) {
    event.preventDefault();
    closeDrawer();
  }
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});

// A click anywhere in a row opens it, unless it is on a link or selects text.
document.addEventListener("click", (event) => {
  const row = event.target.closest("table[data-rows] tbody tr");
  if (!row || event.target.closest("a, button, summary, label") || String(getSelection())) return;
  row.querySelector("a.row")?.click();
});

document.body.addEventListener("htmx:afterSwap", (event) => {
  if (event.detail.target.id !== "drawer") return;
  const drawer = event.detail.target;
  drawer.hidden = false;
  drawer.scrollTop = 0;
  document.querySelector("tr[aria-current]")?.removeAttribute("aria-current");
  event.detail.requestConfig.elt.closest("tr")?.setAttribute("aria-current", "true");
});

document.addEventListener("change", (event) => {
  const form = event.target.closest("[data-submits]");
  if (form && event.target.matches("select, input[type=checkbox]")) form.requestSubmit();
});

// The columns of a list are one value in the address, and kept for the next visit.
const columns = document.querySelector("[data-columns]");
columns?.addEventListener("submit", () => {
  const chosen = [...columns.querySelectorAll("[data-column]:checked")].map((one) => one.value);
  columns.elements.cols.value = chosen.join(",");
  document.cookie = `${columns.dataset.columns}=${chosen.join(".")}; path=/; max-age=31536000; samesite=lax`;
});

const own = document.querySelector("[data-own-zone]");
if (own) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (zone && zone !== "UTC") {
    own.href = own.href.replace("ZONE", encodeURIComponent(zone));
    own.textContent = `yours: ${zone}`;
    own.hidden = false;
  }
}

// Empty fields say nothing in an address.
document.addEventListener("submit", (event) => {
  if (event.target.method !== "get") return;
  for (const field of event.target.elements) {
    if (field.name && field.value === "") field.disabled = true;
  }
});
addEventListener("pageshow", () => {
  for (const field of document.querySelectorAll("form[method=get] :disabled")) field.disabled = false;
});

// The menu is longer than most windows: where one is stays in sight.
document.querySelector(".nav .link[aria-current]")?.scrollIntoView({ block: "nearest" });

showTheme();
watchCopying();
watchTrees();
watchKeys({ closeDrawer });
watchFilter();
watchFolding();
followChoices();
watchForms();
watchAnnotating();
watchChoosing();
drawNew();
document.body.addEventListener("htmx:afterSettle", drawNew);
watchLive();
watchLog();
