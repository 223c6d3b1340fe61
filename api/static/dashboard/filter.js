// The filter bar: suggestions below the field, chosen by click or by arrow keys.
export function watchFilter() {
  const form = document.querySelector("[data-filter]");
  if (!form) return;
  const field = form.querySelector("[name=add]");
  const list = form.querySelector("#suggestions");
  const options = () => [...list.querySelectorAll("[data-term]")];
  const chosen = () => list.querySelector("[aria-selected=true]");

  const show = (open) => {
    list.hidden = !open || options().length === 0;
    field.setAttribute("aria-expanded", String(!list.hidden));
  };

  const take = (option) => {
    field.value = option.dataset.term;
    if (/[:.]$/.test(field.value)) {
      field.focus();
      field.dispatchEvent(new Event("input", { bubbles: true }));
      return;
    }
    form.requestSubmit();
  };

  const step = (by) => {
    const all = options();
    if (all.length === 0) return;
    const now = all.indexOf(chosen());
    const next = all[(now + by + all.length) % all.length];
    for (const one of all) one.setAttribute("aria-selected", String(one === next));
    next.id = "suggested";
    all.filter((one) => one !== next).forEach((one) => one.removeAttribute("id"));
    field.setAttribute("aria-activedescendant", "suggested");
    next.scrollIntoView({ block: "nearest" });
  };

  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target === list) show(document.activeElement === field);
  });
  list.addEventListener("mousedown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[data-term]");
    if (option) take(option);
  });
  field.addEventListener("blur", () => show(false));
  field.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      show(true);
      step(event.key === "ArrowDown" ? 1 : -1);
    } else if (event.key === "Enter" && !list.hidden && chosen()) {
      event.preventDefault();
      take(chosen());
    } else if (event.key === "Escape" && !list.hidden) {
      event.stopPropagation();
      show(false);
    } else if (event.key === "Backspace" && field.value === "") {
      form.querySelector(".chip:last-of-type .drop")?.click();
    }
  });
}
