// Rows of a list that are selected to be changed together: all at once, and how many they are.
export function watchChoosing() {
  const formOf = () => document.querySelector("[data-choosing]");
  const boxesOf = (form) => [...document.querySelectorAll(`tbody input[type=checkbox][form="${form.id}"]`)];

  // The list may be replaced by a newer one: nothing of it is kept.
  const show = () => {
    const form = formOf();
    if (!form) return;
    const [all, said] = [form.querySelector("[data-choose-all]"), form.querySelector("[data-chosen]")];
    said.dataset.idle ??= said.textContent;
    const every = boxesOf(form);
    const chosen = every.filter((box) => box.checked);
    for (const box of every) box.closest("tr").classList.toggle("chosen", box.checked);
    said.textContent = chosen.length ? `${chosen.length} selected` : said.dataset.idle;
    form.classList.toggle("any", chosen.length > 0);
    all.hidden = false;
    const box = all.querySelector("input");
    box.checked = chosen.length > 0 && chosen.length === every.length;
    box.indeterminate = chosen.length > 0 && chosen.length < every.length;
  };

  document.addEventListener("change", ({ target }) => {
    if (!target.form?.matches("[data-choosing]")) return;
    if (target.closest("[data-choose-all]")) for (const box of boxesOf(target.form)) box.checked = target.checked;
    if (target.type === "checkbox") show();
  });
  document.addEventListener("replaced", show);
  addEventListener("pageshow", show);
  show();
}
