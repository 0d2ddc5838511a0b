"use strict";
// Draw a plotly figure in the colours of the reader's surface; on a narrow screen its legend is a list of buttons below.
function convcostLive(key) {
  const place = document.getElementById(key);
  const figures = JSON.parse(document.getElementById(key + "-data").textContent);
  const darkness = matchMedia("(prefers-color-scheme: dark)");
  const narrowness = matchMedia("(max-width: 40rem)");
  const full = place.style.height;
  const draw = () => {
    const figure = JSON.parse(JSON.stringify(darkness.matches ? figures.dark : figures.light));
    const narrow = narrowness.matches;
    figure.layout.title = undefined;
    figure.layout.height = undefined;
    // The strip at the top is for plotly's buttons.
    figure.layout.margin = narrow ? { l: 10, r: 10, t: 36, b: 10 } : { l: 60, r: 20, t: 36, b: 50 };
    if (narrow) {
      figure.layout.showlegend = false;
      figure.layout.font = { size: 11 };
      const axis = figure.layout.xaxis;
      const round = (value) => axis.type !== "log" || !Array.isArray(axis.tickvals) || Number.isInteger(Math.log10(value));
      if (axis.tickvals && axis.tickvals.some(round)) {
        axis.ticktext = axis.ticktext.filter((_, index) => round(axis.tickvals[index]));
        axis.tickvals = axis.tickvals.filter(round);
      }
    }
    for (const trace of figure.data) if (hidden.has(group(trace))) trace.visible = "legendonly";
    list.hidden = !narrow;
    const named = figure.data.filter((trace) => trace.showlegend !== false);
    if (!list.childElementCount) list.append(...named.map(entry));
    named.forEach((trace, index) => {
      const [button] = list.children[index].children;
      button.firstChild.style.color = (trace.mode || "").includes("markers") ? trace.marker.color : trace.line.color;
      button.setAttribute("aria-pressed", String(!hidden.has(group(trace))));
    });
    place.style.height = narrow ? "28rem" : full;
    Plotly.react(place, figure.data, figure.layout, { displaylogo: false, responsive: true });
  };
  const hidden = new Set();
  const group = (trace) => trace.legendgroup || trace.name;
  const list = Object.assign(document.createElement("ul"), { className: "legend" });
  place.after(list);
  const shapes = { circle: "●", square: "■", diamond: "◆", "triangle-up": "▲", "triangle-down": "▼", cross: "✚", star: "★" };
  const entry = (trace) => {
    const button = Object.assign(document.createElement("button"), { type: "button" });
    const marks = (trace.mode || "").includes("markers");
    const sign = Object.assign(document.createElement("span"), { textContent: marks ? shapes[trace.marker.symbol] || "●" : "━" });
    sign.setAttribute("aria-hidden", "true");
    button.append(sign, " " + trace.name);
    button.addEventListener("click", () => {
      if (!hidden.delete(group(trace))) hidden.add(group(trace));
      draw();
    });
    button.addEventListener("dblclick", () => {
      const others = figures.light.data.map(group).filter((other) => other !== group(trace));
      const alone = others.every((other) => hidden.has(other));
      hidden.clear();
      if (!alone) others.forEach((other) => hidden.add(other));
      draw();
    });
    const item = document.createElement("li");
    item.append(button);
    return item;
  };
  draw();
  darkness.addEventListener("change", draw);
  narrowness.addEventListener("change", draw);
}
