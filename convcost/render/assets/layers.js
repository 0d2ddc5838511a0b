"use strict";
// Explanations: formula, operands and value of each number of a layer, on demand.
(() => {
  const { element, grids, follow } = convcost;
  const grid = grids.get(document.getElementById("layer-table"));
  const data = JSON.parse(document.getElementById("explanations").textContent);
  const explanation = (index, columns) => {
    const place = element("td", { colSpan: columns });
    const [words, formulas, ...places] = data.found[data.of[index]];
    const filled = places.map((text) => (typeof text === "number" ? data.texts[text] : text));
    const heads = ["quantity", "formula", "operands put in", "value"].map((name) => element("th", { scope: "col" }, name));
    const body = element("tbody");
    for (const [name, formula, constant] of data.formulas[formulas]) {
      const [operands, counted] = constant === undefined ? filled.splice(0, 2) : ["", constant];
      const value = counted || operands;
      const cells = [[name, ""], [formula, "formula"], [operands, "formula"], [value, "n"]];
      body.append(element("tr", {}, ...cells.map(([text, className]) => element("td", { className }, text))));
    }
    place.append(element("p", {}, data.words[words]), element("table", {}, element("thead", {}, element("tr", {}, ...heads)), body));
    return element("tr", { className: "explanation" }, place);
  };
  grid.leaves.forEach((node, index) => {
    grid.button(node, () => {
      const open = !node.extra;
      node.button.setAttribute("aria-expanded", String(open));
      if (open) node.row.after((node.extra = explanation(index, node.row.cells.length)));
      else {
        node.extra.remove();
        node.extra = null;
      }
    });
    node.button.setAttribute("aria-expanded", "false");
  });
  grid.show();
  if (location.hash) follow();
})();
