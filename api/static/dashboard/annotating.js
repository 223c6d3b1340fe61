// An item of an annotation queue: a digit chooses a value and goes on to the next score, Enter saves.
export function watchAnnotating() {
  const form = document.querySelector("form[data-annotate]");
  if (!form) return;
  const questions = [...form.querySelectorAll("fieldset[data-name]")];
  const said = form.querySelector("[data-said]");
  let at = 0;
  let isSending = false;

  const show = (number) => {
    at = Math.max(0, Math.min(questions.length - 1, number));
    questions.forEach((one, index) => one.classList.toggle("at", index === at));
    const typed = questions[at].querySelector("input[type=text]");
    if (typed) typed.focus();
    else document.activeElement?.blur();
    questions[at].scrollIntoView({ block: "nearest" });
  };

  const valueOf = (question) => {
    const text = question.querySelector("input:checked, input[type=text]")?.value.trim() ?? "";
    if (text === "") return undefined;
    if (question.dataset.type === "boolean") return text === "true";
    return question.dataset.type === "numeric" ? Number(text) : text;
  };

  const tell = (text) => {
    said.textContent = text;
    said.hidden = text === "";
  };

  const save = async () => {
    if (isSending) return;
    const values = {};
    for (const question of questions) {
      const value = valueOf(question);
      if (Number.isNaN(value)) return tell(`${question.dataset.name}: expected a number`);
      if (value !== undefined) values[question.dataset.name] = value;
    }
    if (Object.keys(values).length === 0) return tell("Choose a value first, or skip with s");
    isSending = true;
    tell("");
    try {
      const answer = await fetch(form.dataset.annotate, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-Project-Id": form.dataset.project },
        body: JSON.stringify({ values, comment: form.elements.comment.value }),
      });
      if (answer.ok) return document.querySelector("form[data-onward]").submit();
      const why = await answer.json().catch(() => ({}));
      tell(why.details?.[0]?.message ?? why.error ?? `Not saved: ${answer.status}`);
    } catch {
      tell("Not saved: the server does not answer. Nothing is lost; try again");
    }
    isSending = false;
  };

  const choose = (key) => {
    const choice = questions[at].querySelector(`input[data-key="${key}"]`);
    if (!choice) return false;
    choice.checked = true;
    if (at < questions.length - 1) show(at + 1);
    return true;
  };

  const click = (name) => form.querySelector(`[data-does="${name}"]`)?.click();
  const actions = {
    s: () => document.querySelector("form[data-skip] button")?.click(),
    u: () => click("back"),
    c: () => form.elements.comment.focus(),
    Enter: save,
    ArrowDown: () => show(at + 1),
    ArrowUp: () => show(at - 1),
  };

  document.addEventListener("keydown", (event) => {
    const dialog = event.target.closest?.("dialog");
    if (event.altKey || dialog?.open) return;
    // The focus leaves a dialog a moment after it was closed.
    const field = dialog ? null : event.target.closest?.("textarea, input[type=text], select, summary, a, button");
    if (event.key === "Enter" && (!field || event.ctrlKey || event.metaKey || field.type === "text")) {
      event.preventDefault();
      save();
      return;
    }
    if (event.key === "Escape" && field) field.blur();
    if (event.ctrlKey || event.metaKey || (field && field.matches("textarea, input, select"))) return;
    if (/^\d$/.test(event.key) ? choose(event.key) : actions[event.key] && event.key !== "Enter") {
      event.preventDefault();
      actions[event.key]?.();
    }
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    save();
  });
  form.addEventListener("focusin", ({ target }) => {
    const number = questions.indexOf(target.closest("fieldset[data-name]"));
    if (number >= 0 && number !== at) {
      at = number;
      questions.forEach((one, index) => one.classList.toggle("at", index === at));
    }
  });
  show(0);
}
