"use strict";
// Files that a page writes: named after the page and the part of it that is saved.
const convcost = {
  name(part, kind) {
    const words = [document.querySelector("h1").textContent, part].filter((text, at, both) => both.indexOf(text) === at);
    const plain = words.join(" ").normalize("NFKD").toLowerCase().replace(/[^a-z0-9._]+/g, "-").replace(/^-+|-+$/g, "");
    return `${plain.slice(0, 80) || "convcost"}.${kind}`;
  },
  save(content, name, type) {
    const address = URL.createObjectURL(new Blob([content], { type }));
    const link = Object.assign(document.createElement("a"), { href: address, download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  },
};
