"use strict";
// Pictures that are saved as a file of their own, with their colours: SVG for light and dark, PNG on white paper.
(() => {
  const HEAD = 34; // above a picture, for its title
  const palette = () => document.getElementById("palette").textContent;
  const light = (css) => css.replace(/@media[^{]*\{[^{}]*\{[^{}]*\}\s*\}/g, "");
  const made = (name, attributes, text) => {
    const one = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
    if (text !== undefined) one.textContent = text;
    return one;
  };
  const standalone = (drawn, title, css) => {
    const svg = drawn.cloneNode(true);
    const [x, y, width, height] = svg.getAttribute("viewBox").split(/[\s,]+/).map(Number);
    for (const name of ["style", "class", "aria-hidden"]) svg.removeAttribute(name);
    for (const box of svg.querySelectorAll("[role=button]")) for (const name of ["role", "tabindex", "aria-expanded", "aria-label", "data-opens"]) box.removeAttribute(name);
    for (const link of svg.querySelectorAll("a")) link.replaceWith(...link.childNodes);
    svg.setAttribute("viewBox", `${x} ${y - HEAD} ${width} ${height + HEAD}`);
    svg.setAttribute("width", width);
    svg.setAttribute("height", height + HEAD);
    svg.setAttribute("role", "img");
    svg.setAttribute("text-rendering", "geometricPrecision");
    svg.setAttribute("font-family", getComputedStyle(drawn).fontFamily);
    const paper = made("rect", { class: "f-paper", x, y: y - HEAD, width, height: height + HEAD });
    const words = made("text", { class: "f-ink", x: x + 10, y: y - HEAD + 22, "font-size": 15, "font-weight": 600 }, title);
    svg.prepend(made("title", {}, title), made("style", {}, css), paper, words);
    return new XMLSerializer().serializeToString(svg);
  };
  const png = (text, width, height) => new Promise((done, failed) => {
    const image = new Image();
    image.onload = () => {
      const canvas = Object.assign(document.createElement("canvas"), { width: 2 * width, height: 2 * height });
      canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob(done, "image/png");
    };
    image.onerror = failed;
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
  });
  convcost.savable = (figure) => {
    const drawn = figure.querySelector(".wide-picture svg, svg");
    if (!drawn || !drawn.getAttribute("viewBox")) return;
    const caption = figure.querySelector("figcaption");
    const described = figure.querySelector("[role=img]");
    const section = figure.closest("section");
    const heading = section && section.querySelector("h2");
    const title = () => (caption || heading || described || document.querySelector("h1")).textContent.trim();
    const whole = () => [document.querySelector("h1").textContent.trim(), title()].filter((text, at, both) => both.indexOf(text) === at).join(": ");
    const save = async (kind) => {
      const now = figure.querySelector(".wide-picture svg, svg");
      const text = standalone(now, whole(), kind === "svg" ? palette() : light(palette()));
      const [, , width, height] = now.getAttribute("viewBox").split(/[\s,]+/).map(Number);
      const name = convcost.name(title(), kind);
      convcost.save(kind === "svg" ? text : await png(text, width, height + HEAD), name, kind === "svg" ? "image/svg+xml" : "image/png");
    };
    const tools = Object.assign(document.createElement("div"), { className: "save" });
    for (const kind of ["svg", "png"]) {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: kind.toUpperCase() });
      button.setAttribute("aria-label", `Save ${title()} as ${kind.toUpperCase()}`);
      button.addEventListener("click", () => save(kind));
      tools.append(button);
    }
    figure.prepend(tools);
  };
  document.querySelectorAll("figure").forEach(convcost.savable);
})();
