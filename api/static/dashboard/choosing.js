// Rows of a list that are selected to be changed together: all at once, and how many they are.
export function watchChoosing() {
  const form = document.querySelector("[data-choosing]");
  if (!form) return;
  const all = form.querySelector("[data-choose-all]");
  const said = form.querySelector("[data-chosen]");
  const boxes = () => [...document.querySelectorAll(`tbody input[type=checkbox][form="${form.id}"]`)];
  const idle = said.textContent;

  const show = () => {
    const every = boxes();
    const chosen = every.filter((box) => box.checked);
    for (const box of every) box.closest("tr").classList.toggle("chosen", box.checked);
    said.textContent = chosen.length ? `${chosen.length} selected` : idle;
    form.classList.toggle("any", chosen.length > 0);
    const box = all.querySelector("input");
    box.checked = chosen.length > 0 && chosen.length === every.length;
    box.indeterminate = chosen.length > 0 && chosen.length < every.length;
  };

  all.hidden = false;
  all.addEventListener("change", () => {
    for (const box of boxes()) box.checked = all.querySelector("input").checked;
    show();
  });
  document.addEventListener("change", (event) => {
    if (event.target.form === form && event.target.closest("tbody")) show();
  });
  addEventListener("pageshow", show);
  show();
}
