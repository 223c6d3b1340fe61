// The log of a deployment as it is printed. The last lines stay here; older ones are a page away.
import { copy } from "./copying.js";

const MOST_LINES = 2000;
const EVERY_MS = 200;
const BY_HAND_MS = 500;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30000;

export function watchLog() {
  const place = document.querySelector("[data-lines]");
  if (!place) return;
  const rows = place.querySelector(".log");
  place.querySelector("[data-copy-log]")?.addEventListener("click", () => {
    copy([...rows.querySelectorAll("span")].map((one) => one.textContent).join("\n"));
  });
  if (place.dataset.lines && typeof EventSource !== "undefined") follow(place, rows);
}

function follow(place, rows) {
  const button = place.querySelector("[data-follow]");
  const wants = chosen(place.dataset);
  const clock = clockOf(place.dataset.zone);
  let after = Number(place.dataset.after);
  let coming = [];
  let follows = true;
  let source = null;
  let timer = 0;
  let wait = FIRST_WAIT_MS;

  const toEnd = () => { rows.scrollTop = rows.scrollHeight; };
  const isAtEnd = () => rows.scrollHeight - rows.scrollTop - rows.clientHeight < 24;

  const say = () => {
    button.setAttribute("aria-pressed", String(follows));
    const news = coming.length === MOST_LINES ? `${MOST_LINES} or more` : coming.length;
    button.textContent = follows ? "Pause" : coming.length ? `Follow, ${news} new` : "Follow";
  };

  // What came since is shown a few times a second, however fast it comes.
  const show = () => {
    if (follows && coming.length) {
      const made = document.createDocumentFragment();
      for (const line of coming) made.append(rowOf(line, clock));
      rows.querySelector(".none")?.remove();
      for (let over = rows.childElementCount + coming.length - MOST_LINES; over > 0 && rows.firstChild; over--) {
        rows.firstElementChild?.remove();
      }
      rows.append(made);
      coming = [];
      toEnd();
    }
    say();
  };

  const take = (lines) => {
    for (const line of lines) {
      after = Math.max(after, line.seq);
      if (line.level === "error") offer(place, line.seq);
      if (wants(line)) coming.push(line);
    }
    if (coming.length > MOST_LINES) coming = coming.slice(-MOST_LINES);
  };

  const close = () => {
    clearTimeout(timer);
    source?.close();
    source = null;
  };
  const later = (least) => {
    close();
    timer = setTimeout(open, Math.max(least, wait) * (0.5 + Math.random()));
    wait = Math.min(wait * 2, LONGEST_WAIT_MS);
  };
  function open() {
    close();
    if (document.hidden) return;
    const href = new URL(place.dataset.lines, location.href);
    href.searchParams.set("after", after);
    source = new EventSource(href);
    source.addEventListener("lines", (event) => {
      wait = FIRST_WAIT_MS;
      take(JSON.parse(event.data));
    });
    source.addEventListener("skipped", () => {
      coming = [];
      rows.replaceChildren();
    });
    source.addEventListener("over", (event) => {
      if (event.data === "restart") return later(0);
      if (event.data === "too many") return later(LONGEST_WAIT_MS);
      close();
      follows = true;
      show();
      button.hidden = true;
      clearInterval(drawing);
    });
    source.addEventListener("error", () => later(0));
  }

  const drawing = setInterval(show, EVERY_MS);
  button.hidden = false;
  button.addEventListener("click", () => {
    follows = !follows;
    show();
    if (follows) toEnd();
  });
  // Whoever scrolls up reads; whoever comes back to the end goes on. New lines scroll too: they are nobody.
  let touched = 0;
  for (const name of ["wheel", "touchmove", "keydown", "pointerdown", "pointermove"]) {
    rows.addEventListener(name, () => { touched = performance.now(); }, { passive: true });
  }
  rows.addEventListener("scroll", () => {
    if (performance.now() - touched > BY_HAND_MS || follows === isAtEnd()) return;
    follows = !follows;
    say();
  }, { passive: true });
  document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
  addEventListener("pagehide", close);
  toEnd();
  say();
  open();
}

// The conditions of the page, as the server has them.
function chosen({ levels, stream, search }) {
  const known = levels ? levels.split(",") : [];
  const text = (search || "").toLowerCase();
  return (line) => (!known.length || known.includes(line.level)) && (!stream || line.stream === stream)
    && (!text || line.message.toLowerCase().includes(text));
}

function rowOf(line, clock) {
  const row = document.createElement("p");
  row.className = `l ${line.level} ${line.stream}`;
  row.id = `l${line.seq}`;
  const at = document.createElement("time");
  at.textContent = clock(line.created_at);
  const text = document.createElement("span");
  text.textContent = line.message;
  row.append(at, text);
  return row;
}

// Times as the server writes them; lines of one second share it.
function clockOf(zone) {
  const format = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit", second: "2-digit" });
  let known = "";
  let text = "";
  return (stamp) => {
    const second = stamp.slice(0, 19);
    if (second !== known) [known, text] = [second, format.format(new Date(`${second}Z`))];
    return text;
  };
}

function offer(place, seq) {
  const link = place.querySelector("[data-first-error]");
  if (!link?.hidden) return;
  link.href = `${link.dataset.firstError.replace("AFTER", Math.max(0, seq - 20))}#l${seq}`;
  link.hidden = false;
}
