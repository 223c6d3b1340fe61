// The keyboard: the palette, rows of the list, what is open.
export function watchKeys({ closeDrawer }) {
  const palette = document.getElementById("palette");
  const rows = () => [...document.querySelectorAll("table[data-rows] tbody tr")].filter((row) => row.querySelector("a.row"));

  const move = (by) => {
    const all = rows();
    if (all.length === 0) return;
    const now = all.findIndex((row) => row.classList.contains("at"));
    const next = all[Math.max(0, Math.min(all.length - 1, now + by))];
    all[now]?.classList.remove("at");
    next.classList.add("at");
    const link = next.querySelector("a.row");
    link.focus({ preventScroll: true });
    next.scrollIntoView({ block: "nearest" });
    if (!document.getElementById("drawer")?.hidden) link.click();
  };

  const follow = (name) => document.querySelector(`#drawer:not([hidden]) [data-step="${name}"], main ~ * [data-step="${name}"], [data-step="${name}"]`)?.click();

  const actions = {
    "?": () => document.getElementById("keys")?.showModal(),
    "/": () => document.getElementById("filter")?.focus(),
    t: () => {
      const range = document.getElementById("range");
      if (!range) return;
      range.open = !range.open;
      if (range.open) range.querySelector("a")?.focus();
    },
    j: () => move(1),
    k: () => move(-1),
    o: () => (rows().find((row) => row.classList.contains("at")) ?? rows()[0])?.querySelector("a.row").click(),
    x: () => document.querySelector("tr.at .pick input")?.click(),
    "[": () => follow("["),
    "]": () => follow("]"),
  };

  document.addEventListener("keydown", (event) => {
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k" && palette) {
      event.preventDefault();
      if (!palette.open) palette.showModal();
      return;
    }
    if (event.key === "Escape") {
      const menu = document.querySelector("details.menu[open]");
      if (menu) {
        menu.open = false;
        menu.querySelector("summary").focus();
      } else if (!document.querySelector("dialog[open]")) closeDrawer();
      return;
    }
    const typing = event.target.closest?.("input, select, textarea, dialog[open]");
    if (typing || event.ctrlKey || event.metaKey || event.altKey) return;
    const action = actions[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });

  palette?.addEventListener("keydown", (event) => {
    const links = [...palette.querySelectorAll("#found a")];
    const now = links.indexOf(document.activeElement);
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      links[Math.max(0, Math.min(links.length - 1, now + (event.key === "ArrowDown" ? 1 : -1)))]?.focus();
    } else if (event.key === "Enter" && now < 0) {
      event.preventDefault();
      links[0]?.click();
    }
  });
  palette?.addEventListener("click", (event) => {
    if (event.target === palette) palette.close();
  });
}
