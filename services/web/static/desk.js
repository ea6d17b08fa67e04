// What htmx leaves out on the desk: one form open at a time, Escape shuts it, a few keys inside a list, "all of them", files too large.
// Every page works without this file.
(() => {
  let opener = null;

  const typing = (element) => element.matches("input:not([type=checkbox]), textarea, select");

  function shut() {
    document.querySelectorAll(".in-line").forEach((place) => place.replaceChildren());
    if (opener && opener.isConnected) opener.focus();
    opener = null;
  }

  document.addEventListener("htmx:before:request", ({ target }) => {
    if (!target.matches(".todo a[hx-get], .owed a[hx-get]")) return;
    document.querySelectorAll(".in-line").forEach((place) => place.replaceChildren());
    target.closest("details")?.removeAttribute("open");
    opener = target;
  });

  document.addEventListener("click", (event) => {
    if (!event.target.closest(".opened .submit a")) return;
    event.preventDefault();
    shut();
  });

  function step(line, by) {
    const lines = [...document.querySelectorAll(".todo > li")];  // of every debtor, one after another
    lines[lines.indexOf(line) + by]?.querySelector("a")?.focus();
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && document.querySelector(".opened")) return shut();
    const line = event.target.closest?.(".todo > li");
    if (!line || typing(event.target) || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "j") step(line, 1);
    if (event.key === "k") step(line, -1);
    if (event.key === "x") line.querySelector("input[type=checkbox]")?.click();
  });

  const showAll = () => document.querySelectorAll("label.all").forEach((label) => { label.hidden = false; });
  document.addEventListener("htmx:after:swap", showAll);
  showAll();

  // Said before anything is sent: a page that is cut off on its way keeps nothing of what was typed.
  document.addEventListener("change", ({ target }) => {
    const { most, tooLarge } = target.dataset;
    if (!most) return;
    const weight = [...target.files].reduce((sum, file) => sum + file.size, 0);
    target.setCustomValidity(weight > Number(most) ? tooLarge : "");
    target.reportValidity();
  });

  document.addEventListener("submit", (event) => {
    const heavy = event.target.querySelector("[data-most]");
    if (!heavy?.validity.customError) return;
    event.preventDefault();
    event.stopPropagation();
    heavy.reportValidity();
  }, true);

  document.addEventListener("change", ({ target }) => {
    if (!target.matches("[data-all]")) return;
    document.querySelectorAll(`input[name="${target.dataset.all}"]`).forEach((box) => { box.checked = target.checked; });
  });
})();
