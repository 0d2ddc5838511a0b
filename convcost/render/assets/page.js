"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const cell = (row, column) => row.cells[column] ? row.cells[column].textContent.trim() : "";
  const SCALES = { k: 1e3, M: 1e6, G: 1e9, T: 1e12, P: 1e15, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };
  const number = (text) => {
    const found = text.replace(/[,\s]/g, "").match(/^(?:[<>]=)?([-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?)(?:([kMGTP]|[KMGT]iB)(?![A-Za-z]))?/);
    return found ? Number(found[1]) * (SCALES[found[2]] || 1) : NaN;
  };

  // Sorting: rows inside each group, and the groups by their own sums; an open explanation stays below its row.
  const compare = (column, sign) => (a, b) => {
    const [left, right] = [cell(a, column), cell(b, column)];
    const [x, y] = [number(left), number(right)];
    if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1;
    return sign * (Number.isNaN(x) ? left.localeCompare(right) : x - y);
  };
  const sort = (table, column, sign) => {
    const by = compare(column, sign);
    const bodies = all("tbody", table).map((body) => {
      const rows = [...body.rows].filter((row) => !row.classList.contains("explanation"));
      const below = new Map(rows.map((row) => [row, row.nextElementSibling]));
      const head = rows.filter((row) => row.classList.contains("group"));
      const rest = rows.filter((row) => !row.classList.contains("group")).sort(by);
      for (const row of [...head, ...rest]) {
        body.append(row);
        const next = below.get(row);
        if (next && next.classList.contains("explanation")) body.append(next);
      }
      return [head[0] || rest[0], body];
    });
    const foot = table.tFoot;
    bodies.filter(([row]) => row).sort(([a], [b]) => by(a, b)).forEach(([, body]) => table.insertBefore(body, foot));
  };
  for (const table of all("table.sortable")) {
    all("thead th", table).forEach((head, column) => {
      const button = head.querySelector("button");
      if (!button) return;
      button.addEventListener("click", () => {
        const first = head.classList.contains("n") && column ? "descending" : "ascending";
        const other = first === "ascending" ? "descending" : "ascending";
        const next = head.getAttribute("aria-sort") === first ? other : first;
        all("thead th", table).forEach((one) => one.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", next);
        sort(table, column, next === "ascending" ? 1 : -1);
      });
    });
  }

  // Folding: a group's rows show or hide; "all" does it for a whole table.
  const fold = (button, open) => {
    button.setAttribute("aria-expanded", String(open));
    for (const row of button.closest("tbody").rows) if (!row.classList.contains("group")) row.hidden = !open;
  };
  for (const button of all("tr.group button")) {
    button.addEventListener("click", () => fold(button, button.getAttribute("aria-expanded") === "false"));
  }
  for (const button of all("[data-fold]")) {
    button.addEventListener("click", () => {
      const table = document.getElementById(button.getAttribute("aria-controls"));
      all("tr.group button", table).forEach((one) => fold(one, button.dataset.fold === "open"));
    });
  }

  // Explanations: formula, operands and value of each number of a layer, on demand.
  const store = document.getElementById("explanations");
  const data = store ? JSON.parse(store.textContent) : null;
  const element = (name, text, className) => {
    const made = document.createElement(name);
    if (text !== undefined) made.textContent = text;
    if (className) made.className = className;
    return made;
  };
  const explanation = (index, columns) => {
    const row = element("tr", undefined, "explanation");
    const place = row.appendChild(element("td"));
    place.colSpan = columns;
    const [words, formulas, ...filled] = data.found[data.of[index]];
    place.append(element("p", data.words[words]));
    const table = place.appendChild(element("table"));
    const head = table.createTHead().insertRow();
    for (const name of ["quantity", "formula", "operands put in", "value"]) {
      const th = head.appendChild(element("th", name));
      th.scope = "col";
    }
    const body = table.createTBody();
    for (const [name, formula, constant] of data.formulas[formulas]) {
      const [operands, counted] = constant === undefined ? filled.splice(0, 2) : ["", constant];
      const value = counted || operands;
      const line = body.insertRow();
      line.append(element("td", name), element("td", formula, "formula"), element("td", operands, "formula"), element("td", value, "n"));
    }
    return row;
  };
  all("#layer-table tbody tr:not(.group) > th > button").forEach((button, layer) => {
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", () => {
      const row = button.closest("tr");
      const open = button.getAttribute("aria-expanded") === "true";
      button.setAttribute("aria-expanded", String(!open));
      if (open) row.nextElementSibling.remove();
      else row.after(explanation(layer, row.cells.length));
    });
  });
})();
