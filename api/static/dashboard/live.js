// New events without a reload: the server sends parts of the page, which take the place of those that are there.
import { draw, forget } from "./chart.js";

const STATES = { open: "Live", waits: "Reconnecting", over: "Not live" };
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30000;

export function watchLive() {
  const place = document.querySelector("[data-live]");
  if (!place || typeof EventSource === "undefined") return;
  const held = new Map();
  let seen = place.dataset.seen;
  let source = null;
  let timer = 0;
  let wait = FIRST_WAIT_MS;

  const say = (state) => {
    const shown = document.querySelector("[data-live-state]");
    if (shown && shown.closest("[aria-current]")) shown.textContent = STATES[state];
  };

  const close = () => {
    clearTimeout(timer);
    source?.close();
    source = null;
  };

  // Not all at once, when a server has come back.
  const later = (least) => {
    close();
    say("waits");
    timer = setTimeout(open, Math.max(least, wait) * (0.5 + Math.random()));
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  };

  function open() {
    close();
    if (document.hidden) return;
    const href = new URL(place.dataset.live, location.href);
    href.searchParams.set("seen", seen);
    source = new EventSource(href);
    source.addEventListener("open", () => {
      wait = FIRST_WAIT_MS;
      say("open");
    });
    source.addEventListener("part", (event) => take(JSON.parse(event.data)));
    source.addEventListener("over", (event) => {
      if (event.data === "restart") return later(0);
      if (event.data === "too many") return later(LONGEST_WAIT_MS);
      close();
      say("over");
    });
    source.addEventListener("error", () => later(0));
  }

  function take(made) {
    if (made.part === place.id) seen = made.seen;
    if (made.html === "") return;
    held.set(made.part, made.html);
    show();
  }

  // What a person is at work on is left alone: new rows wait behind a button, or until they are done.
  function show() {
    for (const [id, html] of held) {
      const target = document.getElementById(id);
      if (target && isBusy(target)) continue;
      const news = target ? rowsOf(html, target) : 0;
      if (target?.dataset.list && news > 0 && isScrolled(target)) offer(target, news);
      else {
        held.delete(id);
        if (target) replace(target, html);
      }
    }
  }

  function offer(target, news) {
    let pill = document.getElementById("news");
    if (!pill) {
      pill = document.createElement("button");
      pill.id = "news";
      pill.type = "button";
      pill.className = "button main news";
      pill.setAttribute("aria-live", "polite");
      pill.addEventListener("click", () => {
        scrollTo({ top: 0 });
        const html = held.get(target.id);
        held.delete(target.id);
        if (html) replace(target, html);
      });
      document.getElementById("main").prepend(pill);
    }
    pill.textContent = `${news === 50 ? "50 or more" : news} new ${target.dataset.list}`;
  }

  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  for (const name of ["pointerup", "focusout", "change"]) document.addEventListener(name, () => setTimeout(show));
  addEventListener("scroll", () => scrollY < 8 && show(), { passive: true });
  addEventListener("pagehide", close);
  addEventListener("pageshow", (event) => event.persisted && open());
  open();
}

// The first row is out of sight. (The part itself has no box.)
const isScrolled = (target) => scrollY > 8 && target.querySelector("tbody")?.getBoundingClientRect().top < 0;
const hrefsIn = (root) => [...root.querySelectorAll("a.row")].map((one) => one.getAttribute("href"));

function isBusy(target) {
  const selected = getSelection();
  const selects = !selected.isCollapsed && target.contains(selected.anchorNode);
  const types = target.querySelector("input:not([type=checkbox]):focus, select:focus, textarea:focus");
  const chooses = target.querySelector("td.pick input:checked, details.menu[open]");
  return Boolean(selects || types || chooses || target.querySelector(".u-over:active"));
}

// How many rows there are that the list has not.
function rowsOf(html, target) {
  if (!target.dataset.list) return 0;
  const old = new Set(hrefsIn(target));
  const made = document.createElement("template");
  made.innerHTML = html;
  return hrefsIn(made.content).filter((one) => !old.has(one)).length;
}

function replace(target, html) {
  const keeps = stateOf(target);
  for (const figure of target.querySelectorAll("[data-chart]")) forget(figure);
  target.innerHTML = html;
  document.getElementById("news")?.remove();
  htmx.process(target);
  for (const figure of target.querySelectorAll("[data-chart]")) draw(figure);
  restore(target, keeps);
  target.dispatchEvent(new Event("replaced", { bubbles: true }));
}

// What a viewer has opened, hidden, chosen and scrolled to, by place or by address.
function stateOf(target) {
  const at = target.querySelector("tr.at a.row");
  const current = target.querySelector("tr[aria-current] a.row");
  const focused = target.contains(document.activeElement) ? document.activeElement : null;
  return {
    at: at?.getAttribute("href"),
    current: current?.getAttribute("href"),
    focus: focused?.getAttribute("href"),
    open: [...target.querySelectorAll("details")].map((one) => one.open),
    hidden: [...target.querySelectorAll("[data-series][aria-pressed=false]")].map((one) => one.textContent),
    scrolled: [...target.querySelectorAll(".scroll")].map((one) => [one.scrollLeft, one.scrollTop]),
  };
}

function restore(target, keeps) {
  const linkTo = (href) => href && [...target.querySelectorAll("a")].find((one) => one.getAttribute("href") === href);
  linkTo(keeps.at)?.closest("tr").classList.add("at");
  linkTo(keeps.current)?.closest("tr").setAttribute("aria-current", "true");
  linkTo(keeps.focus)?.focus({ preventScroll: true });
  [...target.querySelectorAll("details")].forEach((one, at) => { one.open = keeps.open[at] ?? one.open; });
  for (const series of target.querySelectorAll("[data-series]")) {
    if (keeps.hidden.includes(series.textContent)) series.click();
  }
  [...target.querySelectorAll(".scroll")].forEach((one, at) => {
    if (keeps.scrolled[at]) [one.scrollLeft, one.scrollTop] = keeps.scrolled[at];
  });
}
