"use strict";
// A click, Enter or Space on a box shows what is inside of it below, and hides what was open beside it.
(() => {
  const open = (box) => {
    const home = box.closest(".unfolds");
    const inside = home.querySelector("#" + box.dataset.opens);
    const was = box.getAttribute("aria-expanded") === "true";
    const level = box.closest(".unfolded");
    for (const other of home.querySelectorAll("[aria-expanded=true]")) {
      if (other.closest(".unfolded") === level || !level) other.setAttribute("aria-expanded", "false");
    }
    // What is shown: the ways of open boxes from the picture down.
    if (!was) box.setAttribute("aria-expanded", "true");
    const shown = new Set();
    const follow = (place) => {
      for (const one of place.querySelectorAll("[aria-expanded=true]")) {
        const next = home.querySelector("#" + one.dataset.opens);
        if (shown.has(next)) continue;
        shown.add(next);
        follow(next);
      }
    };
    follow(home.querySelector("figure"));
    for (const part of home.querySelectorAll(".unfolded")) part.hidden = !shown.has(part);
    if (!was) inside.scrollIntoView({ block: "nearest" });
  };
  for (const box of document.querySelectorAll(".unfolds [data-opens]")) {
    const [name] = box.querySelector("title").textContent.split("\n");
    const button = { role: "button", tabindex: 0, "aria-expanded": false, "aria-label": name };
    for (const [key, value] of Object.entries(button)) box.setAttribute(key, value);
    box.addEventListener("click", () => open(box));
    box.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      open(box);
    });
  }
})();
