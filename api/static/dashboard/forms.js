// Forms that change something: what is typed and not saved is said, and not lost by a slip.
export function watchForms() {
  const guarded = [...document.querySelectorAll("form[data-guard]")];
  const start = new Map(guarded.map((form) => [form, written(form)]));
  let sent = false;
  const isDirty = (form) => !sent && written(form) !== start.get(form);

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
