// Copying: a literal, what is around the button, or what stands at an address. A toast says how it went.
export function say(text) {
  const toast = document.getElementById("toast");
  if (!toast) return;
  toast.textContent = text;
  setTimeout(() => { if (toast.textContent === text) toast.textContent = ""; }, 2500);
}

export async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    say("Copied");
  } catch {
    say("The browser does not let pages copy here: select the text");
  }
}

export async function textAt(address) {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.text();
}

// Of a message every text as it was sent; of a block of code within one, that alone.
function around(box) {
  const texts = [...box.querySelectorAll("[data-source]")];
  const own = box.closest(".prose") ? texts : texts.filter((one) => !one.closest(".prose"));
  return own.map((one) => one.textContent).join("\n\n");
}

async function copyBy(button) {
  if (button.dataset.from) {
    try {
      await copy(await textAt(button.dataset.from));
    } catch {
      say("It could not be read: download it");
    }
    return;
  }
  const box = button.closest("[data-copied]");
  await copy(button.dataset.copy || (box ? around(box) : button.previousElementSibling.textContent));
}

export function watchCopying() {
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-copy]");
    if (button) copyBy(button);
  });
}
