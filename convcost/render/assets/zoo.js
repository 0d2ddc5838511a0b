"use strict";
// The filters of the page of the zoo: by task, family, year, and at most so many MACs and parameters.
(() => {
  const { amount, COUNTS, element, grids, number } = convcost;
  const table = document.getElementById("zoo-table");
  const grid = grids.get(table);
  if (!grid) return;
  // Rows have to pass the filters besides what is searched for; an empty word is in every row.
  let wanted = null;
  const [matches, show] = [grid.matches.bind(grid), grid.show.bind(grid)];
  grid.matches = (node) => (!wanted || wanted(node)) && matches(node);
  grid.show = () => {
    const words = grid.words;
    if (wanted && !words.length) grid.words = [""];
    show();
    grid.words = words;
  };
  const column = (name) => grid.heads.findIndex((head) => head.dataset.key === name);
  const at = Object.fromEntries(["family", "task", "year", "params", "macs"].map((name) => [name, column(name)]));
  const values = (name) => [...new Set(grid.nodes.map((node) => grid.value(node, at[name])))].filter(Boolean);

  const labelled = (text, field) => {
    field.setAttribute("aria-label", text);
    return element("label", {}, element("span", {}, text), field);
  };
  const list = (name, text) => {
    const known = values(name).sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    const field = element("select", {}, element("option", { value: "" }, "all"), ...known.map((one) => element("option", { value: one }, one)));
    return { name, field, label: labelled(text, field), option: `--${name}`, test: (asked) => (one) => one === asked };
  };
  const typed = (name, text, option, placeholder, read) => {
    const field = element("input", { type: "text", placeholder, autocomplete: "off", spellcheck: false });
    return { name, field, label: labelled(text, field), option, test: read };
  };

  // null for what cannot be read
  const years = (asked) => {
    const found = /^(\d{4})(?:\s*[-\u2013]\s*(\d{4}))?$/.exec(asked);
    const [first, last] = found ? [Number(found[1]), Number(found[2] || found[1])] : [1, 0];
    return first <= last ? (one) => Number(one) >= first && Number(one) <= last : null;
  };
  const most = (asked) => {
    const limit = amount(asked, COUNTS);
    return Number.isNaN(limit) ? null : (one) => number(one) <= limit;
  };
  const unit = grid.heads[at.macs].textContent;
  const filters = [
    list("task", "Task"),
    list("family", "Family"),
    typed("year", "Years", "--year", "2019-2026", years),
    typed("macs", "MACs at most", "--max-macs", "600M", most),
    typed("params", "Params at most", "--max-params", "5M", most),
  ].filter((one) => at[one.name] >= 0 && (one.name !== "macs" || unit === "MACs"));

  const clear = element("button", { type: "button", hidden: true }, "Clear");
  const same = element("p", { className: "about", hidden: true });
  const quoted = (word) => (/^[\w.,-]+$/.test(word) ? word : `'${word.replace(/'/g, "'\\''")}'`);
  const { convention } = table.dataset;
  const counted = convention ? ["--convention", quoted(convention)] : [];

  const apply = () => {
    const tests = [];
    const words = [];
    for (const { name, field, option, test } of filters) {
      const asked = field.value.trim();
      const found = asked && test(asked);
      if (field.type === "text") field.setAttribute("aria-invalid", String(found === null));
      if (!found) continue;
      tests.push((node) => found(grid.value(node, at[name])));
      words.push(option, quoted(field.type === "text" ? asked.replace(/\s/g, "").replace("\u2013", "-") : asked));
    }
    clear.hidden = !filters.some(({ field }) => field.value);
    same.hidden = !tests.length || !table.dataset.whole;
    same.replaceChildren("The same in a terminal: ", element("code", {}, ["convcost list", ...counted, ...words].join(" ")));
    wanted = tests.length ? (node) => tests.every((one) => one(node)) : null;
    grid.show();
  };
  for (const { field } of filters) field.addEventListener("input", apply);
  clear.addEventListener("click", () => {
    for (const { field } of filters) field.value = "";
    apply();
    filters[0].field.focus();
  });
  const search = grid.search ? [element("label", { className: "whole" }, element("span", {}, "Search"), grid.search)] : [];
  if (grid.search) grid.search.placeholder = "name, family, author, arXiv";
  const bar = element("div", { className: "filters" }, ...search, ...filters.map(({ label }) => label), clear);
  bar.setAttribute("role", "group");
  bar.setAttribute("aria-label", "Filters");
  grid.bar.before(bar);
  grid.bar.after(same);
})();
