// Rows of a waterfall fold what is in them: by a button, or by the arrow keys on a row.
export function watchFolding() {
  const depthOf = (row) => Number(row.dataset.depth ?? -1);

  // What is folded within stays folded when the outer one opens.
  const show = (row, opens) => {
    const button = row.querySelector("[data-fold]");
    if (!button) return;
    button.setAttribute("aria-expanded", String(opens));
    let folded = Infinity;
    for (let next = row.nextElementSibling; next && !(depthOf(next) >= 0 && depthOf(next) <= depthOf(row)); next = next.nextElementSibling) {
      const depth = depthOf(next);
      if (depth >= 0 && depth <= folded) folded = Infinity;
      next.hidden = !opens || folded < Infinity;
      if (folded === Infinity && next.querySelector("[data-fold][aria-expanded=false]")) folded = depth;
    }
  };

  document.addEventListener("click", ({ target }) => {
    const button = target.closest("[data-fold]");
    if (button) show(button.closest("tr"), button.getAttribute("aria-expanded") === "false");
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "ArrowLeft" && event.key !== "ArrowRight") return;
    const row = event.target.closest?.(".waterfall tr[data-depth]");
    if (!row || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    show(row, event.key === "ArrowRight");
  });
}
