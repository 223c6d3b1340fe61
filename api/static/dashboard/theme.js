// Before the first paint: the theme that was chosen, else the system's. A plain script, for it must not wait.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    const chosen = localStorage.getItem("theme");
    root.dataset.theme = chosen || (dark.matches ? "dark" : "light");
  };
  root.classList.add("js");
  dark.addEventListener("change", apply);
  addEventListener("storage", apply);
  root.addEventListener("theme", apply);
  apply();
})();
