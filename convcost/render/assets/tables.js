"use strict";
// Tables that search, sort, fold, choose their columns, explain their rows, and are saved as CSV.
// Without this script a table is complete and plain: every row shows, nothing is folded.
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const element = (name, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  };
  const button = (text, action) => {
    const made = element("button", { type: "button" }, text);
    made.addEventListener("click", action);
    return made;
  };
  // A number of a cell with its unit, as units.py writes it; NaN for a text. A power of ten goes before the rounding, as 0.067G.
  const [DECIMAL, BINARY] = ["kMGTPEZYRQ", "KMGTPEZY"];
  const number = (text) => {
    const found = text.replace(/[,\s]/g, "").match(/^(?:~|[<>]=?)?([-+]?\d+(?:\.\d+)?)(?:e([-+]?\d+))?(?:(?:([kMGTPEZYRQ])|([KMGTPEZY])iB)(?![A-Za-z]))?/);
    if (!found) return NaN;
    const [, digits, power, ten, two] = found;
    const zeros = +(power || 0) + 3 * (DECIMAL.indexOf(ten) + 1);
    return +`${digits}e${zeros}` * 1024 ** (BINARY.indexOf(two) + 1);
  };
  const commas = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, ",");
  const plain = (text) => text.toLowerCase().replace(/×/g, "x");
  const narrow = matchMedia("(max-width: 40rem)");
  const BUSY = 12; // rows from which on a search is worth its place

  // CSV, as the command writes it: a field is quoted where it has to be.
  const field = (value) => (/[",\r\n]/.test(value) ? `"${String(value).replace(/"/g, '""')}"` : String(value));
  const texts = ({ front }) => {
    let before = [];
    return Array.from({ length: front.length / 2 }, (_, at) => {
      before = [...before.slice(0, front[2 * at]), ...front[2 * at + 1]];
      return before.join("");
    });
  };
  const begins = (names, { cut }) => cut.map((kept, row) => (typeof kept === "string" ? kept : names[row].split(".").slice(0, kept ? -kept : undefined).join(".")));
  const csv = (coded) => {
    const places = new Map();
    const rows = [];
    for (const [name, coding, of] of coded) {
      const values = coding.cut ? begins(rows[0], coding) : coding.front ? texts(coding) : coding;
      const found = typeof of === "string" ? places.get(of) : of === undefined ? values.map((_, row) => row) : of;
      places.set(name, found);
      rows.push(found === 0 ? values[0] : found.map((place) => values[place]));
    }
    const count = Math.max(...rows.map((column) => (Array.isArray(column) ? column.length : 1)));
    const line = (cells) => cells.map(field).join(",") + "\n";
    let text = line(coded.map(([name]) => name));
    for (let row = 0; row < count; row++) text += line(rows.map((column) => (Array.isArray(column) ? column[row] : column)));
    return text;
  };

  class Grid {
    constructor(table) {
      this.table = table;
      this.heads = [...table.tHead.rows[0].cells];
      this.kinds = (table.dataset.kinds || "rows").split(" ");
      this.kind = Number(table.dataset.kind || 0);
      this.last = this.kinds.length - 1;
      this.grouped = true;
      this.sorted = null;
      this.words = [];
      this.read();
      this.tools();
      this.sorting();
      if (this.last) this.fold(this.kind);
    }

    // The rows as a forest: a row's depth says below which it stands.
    read() {
      const rows = [...this.table.tBodies].flatMap((body) => [...body.rows]);
      const path = [];
      this.roots = [];
      this.nodes = rows.map((row, at) => {
        const depth = Number((/\bd(\d+)/.exec(row.className) || [0, 0])[1]);
        const kind = Number((/\bk(\d+)/.exec(row.className) || [0, this.last])[1]);
        const parent = depth ? path[depth - 1] : null;
        const head = row.querySelector("th") || row.cells[0];
        const node = { row, at, kind, parent, head, short: head.textContent, children: [], open: true, extra: null };
        node.name = row.dataset.name || (parent ? `${parent.name}.${node.short}` : node.short);
        (parent ? parent.children : this.roots).push(node);
        path[depth] = node;
        return node;
      });
      for (const node of this.nodes) {
        const words = [...node.row.cells].filter((cell) => cell !== node.head).map((cell) => cell.textContent);
        node.text = plain([node.name, ...(this.last ? words.slice(0, 1) : words)].join(" "));
        if (!this.last) continue;
        node.head.dataset.op = words[0];
        if (node.children.length) this.button(node, () => this.toggle(node));
      }
      this.leaves = this.nodes.filter((node) => !node.children.length);
    }

    button(node, action) {
      node.button = button(node.short, action);
      node.head.replaceChildren(node.button);
    }

    toggle(node) {
      node.open = !node.open;
      this.show();
    }

    fold(kind) {
      this.kind = kind;
      for (const node of this.nodes) node.open = node.kind < kind;
      this.show();
    }

    // What stands above the table: only what it is large enough for.
    tools() {
      this.bar = element("div", { className: "tools" });
      const parts = [this.searcher(), this.last ? this.levels() : null, this.columns(), this.saver()].filter(Boolean);
      if (this.said) parts.push(this.said);
      if (!parts.length) return;
      this.bar.append(...parts);
      this.table.closest(".wide").before(this.bar);
    }

    searcher() {
      if (!this.table.classList.contains("sortable") || this.nodes.length < BUSY) return null;
      this.search = element("input", { type: "search", placeholder: "Search", autocomplete: "off", spellcheck: false });
      this.search.setAttribute("aria-label", `Search ${this.label()}`);
      this.search.addEventListener("input", () => {
        this.words = plain(this.search.value).split(/\s+/).filter(Boolean);
        this.show();
      });
      this.said = element("span", { className: "said" });
      this.said.setAttribute("role", "status");
      return this.search;
    }

    saver() {
      const records = document.getElementById(`${this.table.id}-records`);
      if (!records) return null;
      const save = button("CSV", () => convcost.save(csv(JSON.parse(records.textContent)), this.file(), "text/csv"));
      save.title = "Save all rows, with exact numbers";
      return save;
    }

    label() {
      return this.table.closest(".wide").getAttribute("aria-label");
    }

    file() {
      return convcost.name(this.label(), "csv");
    }

    levels() {
      const group = element("span", { className: "choice" });
      group.setAttribute("role", "group");
      group.setAttribute("aria-label", "Rows");
      this.choices = this.kinds.map((word, kind) => button(word, () => this.fold(kind)));
      const different = (kind) => this.cut(kind).length !== this.cut(kind + 1).length;
      this.choices.forEach((one, kind) => (one.hidden = kind < this.last && !different(kind)));
      const box = element("input", { type: "checkbox", checked: true });
      box.addEventListener("change", () => {
        this.grouped = box.checked;
        this.show();
      });
      group.append(...this.choices);
      return element("span", { className: "levels" }, group, element("label", {}, box, " in groups"));
    }

    // The rows that a kind of row divides the network into: each layer is in one of them.
    cut(kind) {
      return this.nodes.filter((node) => (node.kind >= kind || !node.children.length) && !(node.parent && node.parent.kind >= kind));
    }

    sorting() {
      if (!this.table.classList.contains("sortable") || this.nodes.length < 3) return;
      this.heads.forEach((head, column) => {
        if (!head.textContent) return;
        const sort = button(head.textContent, () => {
          const first = Number.isNaN(number(this.value(this.leaves[0], column))) || column === 0 ? 1 : -1;
          const sign = !this.sorted || this.sorted.column !== column ? first : this.sorted.sign === first ? -first : 0;
          this.sorted = sign ? { column, sign } : null;
          for (const one of this.heads) one.removeAttribute("aria-sort");
          if (sign) head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
          this.show();
        });
        head.replaceChildren(sort);
      });
    }

    value(node, column) {
      const cell = node.row.cells[column];
      return cell === node.head ? node.name : cell ? cell.textContent.trim() : "";
    }

    compare() {
      const { column, sign } = this.sorted || {};
      if (!sign) return (a, b) => a.at - b.at;
      const known = new Map();
      const read = (node) => {
        if (!known.has(node)) known.set(node, [this.value(node, column), number(this.value(node, column))]);
        return known.get(node);
      };
      return (a, b) => {
        const [[left, x], [right, y]] = [read(a), read(b)];
        if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1;
        return sign * (Number.isNaN(x) ? left.localeCompare(right) : x - y) || a.at - b.at;
      };
    }

    columns() {
      const named = this.nodes.length ? this.nodes[0].head.cellIndex : 0;
      const rest = this.heads.map((head, at) => [head.textContent, at]).filter(([text, at]) => text && at !== named);
      const minor = (this.table.dataset.minor || "").split(" ").filter(Boolean).map(Number);
      const many = rest.length >= 4 && (this.nodes.length >= BUSY || rest.length >= 8);
      if (!many && !minor.length) return null;
      const boxes = rest.map(([text, at]) => {
        const box = element("input", { type: "checkbox" });
        box.addEventListener("change", () => this.column(at, box.checked));
        return [box, at, element("label", {}, box, ` ${text}`)];
      });
      const adapt = () => {
        for (const [box, at] of boxes) {
          box.checked = !(narrow.matches && minor.includes(at));
          this.column(at, box.checked);
        }
      };
      adapt();
      narrow.addEventListener("change", adapt);
      const list = element("div", {}, ...boxes.map(([, , label]) => label));
      const chooser = element("details", { className: "columns" }, element("summary", {}, "Columns"), list);
      chooser.addEventListener("keydown", (event) => {
        if (event.key === "Escape") chooser.open = false;
      });
      return chooser;
    }

    column(at, shown) {
      for (const row of this.table.rows) if (row.cells.length > 1) row.cells[at].hidden = !shown;
      this.table.classList.toggle("short", this.heads.some((head) => head.hidden));
    }

    // Put the rows in order and show those that are wanted: a forest, or a flat list of one kind of row.
    show() {
      const by = this.compare();
      const searching = this.words.length > 0;
      const flat = !this.grouped || searching;
      const order = [];
      const visible = new Set();
      const walk = (node, seen) => {
        order.push(node);
        if (seen) visible.add(node);
        for (const child of [...node.children].sort(by)) walk(child, seen && node.open);
      };
      let list = this.roots;
      if (flat) {
        const kind = searching ? Math.max(this.kind, this.last - 1) : this.kind;
        const parts = this.cut(this.last ? kind : 0);
        list = searching ? parts.filter((node) => this.matches(node)) : parts;
        this.tell(list, parts, kind);
      } else if (this.said) {
        this.said.textContent = "";
      }
      const chosen = new Set(list);
      for (const node of [...list].sort(by)) walk(node, true);
      for (const node of this.nodes) this.draw(node, visible.has(node), chosen.has(node) && flat);
      const placed = new Set(order);
      for (const node of this.nodes) if (!placed.has(node)) order.push(node);
      this.place(order);
      if (this.choices) this.choices.forEach((one, kind) => one.setAttribute("aria-pressed", String(kind === this.kind)));
    }

    matches(node) {
      const texts = [node, ...(node.children || [])].map((one) => one.text);
      return this.words.every((word) => texts.some((text) => text.includes(word)));
    }

    draw(node, shown, whole) {
      node.row.hidden = !shown;
      if (node.extra) node.extra.hidden = !shown;
      if (!this.last) return;
      const text = whole ? node.name : node.short;
      const place = node.button || node.head;
      if (place.textContent !== text) place.textContent = text;
      node.row.classList.toggle("flat", whole);
      if (node.children.length) node.button.setAttribute("aria-expanded", String(node.open));
    }

    place(order) {
      const rows = order.flatMap((node) => (node.extra ? [node.row, node.extra] : [node.row]));
      const [body] = this.table.tBodies;
      if (rows.some((row, at) => body.rows[at] !== row)) body.append(...rows);
    }

    // How many rows match, and what they come to.
    tell(list, parts, kind) {
      if (!this.said) return;
      if (!this.words.length) {
        this.said.textContent = "";
        return;
      }
      const column = Number(this.table.dataset.sum || 0);
      let text = `${commas(list.length)} of ${commas(parts.length)} ${this.last ? this.kinds[kind] : "rows"} match`;
      if (column && list.length) text += this.summed(list, column);
      this.said.textContent = text;
    }

    summed(list, column) {
      const whole = number(this.table.tFoot.rows[0].cells[column].textContent);
      const counts = list.map((node) => this.value(node, column));
      if (!counts.every((text) => /^[\d,]+$/.test(text)) || !whole) return "";
      const sum = counts.reduce((total, text) => total + BigInt(text.replace(/,/g, "")), 0n);
      const word = this.heads[column].textContent;
      return `: ${commas(sum)} ${word}, ${((100 * Number(sum)) / whole).toFixed(2)} %`;
    }

    // A row that a link leads to is shown, whatever hid it.
    reveal(row) {
      const node = this.nodes.find((one) => one.row === row);
      if (!node) return;
      if (this.search) this.search.value = "";
      this.words = [];
      for (let fold = node.parent; fold; fold = fold.parent) fold.open = true;
      if (!this.grouped) {
        this.grouped = true;
        const box = this.bar.querySelector(".levels input");
        if (box) box.checked = true;
      }
      this.show();
      row.scrollIntoView({ block: "center" });
      const place = node.button || node.head;
      if (!node.button) place.tabIndex = -1;
      place.focus({ preventScroll: true });
    }
  }

  const grids = new Map(all("table").filter((table) => table.tHead && table.tBodies.length).map((table) => [table, new Grid(table)]));

  // The row of a stage, a block, a unit or a layer that no picture leads to, and that has no id therefore.
  const named = (key) => {
    for (const grid of grids.values()) {
      const node = grid.last && grid.nodes.find((one) => `row-${one.name.trim().replace(/\s+/g, "_")}` === key);
      if (node) return node.row;
    }
    return null;
  };

  // A link to a row opens what folds it.
  const follow = () => {
    let key = location.hash.slice(1);
    try { key = decodeURIComponent(key); } catch { return; }
    const row = key && (document.getElementById(key) || named(key));
    const grid = row && row.tagName === "TR" && grids.get(row.closest("table"));
    for (const was of all("tr.told")) was.classList.remove("told");
    if (!grid) return;
    row.classList.add("told");
    grid.reveal(row);
  };
  addEventListener("hashchange", follow);
  document.addEventListener("click", (event) => {
    const link = event.target.closest && event.target.closest('a[href^="#"]');
    if (link && link.getAttribute("href") === location.hash) follow();
  });

  Object.assign(convcost, { BINARY, DECIMAL, element, grids, follow, number });
})();
