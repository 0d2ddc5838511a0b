"use strict";
// Draw a plotly figure in the colours of the reader's surface, and with its legend below on a narrow screen.
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
      figure.layout.legend = { ...figure.layout.legend, orientation: "h", y: -0.2, yanchor: "top" };
      figure.layout.font = { size: 11 };
      const axis = figure.layout.xaxis;
      const round = (value) => axis.type !== "log" || !Array.isArray(axis.tickvals) || Number.isInteger(Math.log10(value));
      if (axis.tickvals && axis.tickvals.some(round)) {
        axis.ticktext = axis.ticktext.filter((_, index) => round(axis.tickvals[index]));
        axis.tickvals = axis.tickvals.filter(round);
      }
    }
    place.style.height = narrow ? "44rem" : full;
    Plotly.react(place, figure.data, figure.layout, { displaylogo: false, responsive: true });
  };
  draw();
  darkness.addEventListener("change", draw);
  narrowness.addEventListener("change", draw);
}
