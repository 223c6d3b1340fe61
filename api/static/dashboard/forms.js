// Fields that mean nothing for what is chosen in another one: `data-when="NAME VALUE VALUE"`. Without a script all are shown.
export function followChoices() {
  const parts = [...document.querySelectorAll("form [data-when]")].map((part) => {
    const [name, ...values] = part.dataset.when.split(" ");
    return { part, asked: part.closest("form").elements[name], values };
  });
  const show = () => {
    for (const { part, asked, values } of parts) part.hidden = !values.includes(asked.value);
  };
  document.addEventListener("change", show);
  // Back from another page: the browser puts back what was chosen.
  addEventListener("pageshow", show);
  show();
}

// Forms that change something: what is typed and not saved is said, and not lost by a slip.
export function watchForms() {
  const guarded = [...document.querySelectorAll("form[data-guard]")];
  const start = new Map(guarded.map((form) => [form, written(form)]));
  let sent = false;
  const isDirty = (form) => !sent && written(form) !== start.get(form);

  // A form that was not taken: on with the first field that is wrong.
  document.querySelector('form [aria-invalid="true"]')?.focus();
  for (const form of guarded) {
    const said = form.querySelector("[data-unsaved]");
    form.addEventListener("input", () => {
      if (said) said.hidden = !isDirty(form);
    });
  }
  document.addEventListener("submit", (event) => {
    if (event.target.method === "post") sent = true;
  });
  // Back from another page, as the browser kept this one.
  addEventListener("pageshow", () => { sent = false; });
  addEventListener("beforeunload", (event) => {
    if (guarded.some(isDirty)) event.preventDefault();
  });
}

function written(form) {
  return new URLSearchParams(new FormData(form)).toString();
}
