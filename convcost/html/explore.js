"use strict";
(() => {
  const space = JSON.parse(document.getElementById("space").textContent);
  const names = Object.keys(space.axes);
  const number = space.big ? (value) => BigInt(value) : Number; // beyond 2^53 only big integers are exact
  const deep = (values) => (Array.isArray(values) ? values.map(deep) : number(values));
  const tables = space.tables.map((table) => ({ axes: table.axes, values: deep(table.values) }));
  const [zero, numeric] = [number(0), (name) => space.axes[name].map(Number)];

  // A cost is a sum of products of table entries; the largest candidate counts; null where no network can be built.
  const local = (spans, at) => {
    for (const [first, last, index] of spans) if (at >= first && at <= last) return index + at - first;
    return -1;
  };
  const cost = (metric, place) => {
    for (const region of space.metrics[metric]) {
      const at = region.values.map((spans, axis) => local(spans, place[axis]));
      if (at.includes(-1)) continue;
      let highest = null;
      for (const terms of region.candidates) {
        let total = zero;
        for (const [factor, chosen] of terms) {
          let product = number(factor);
          for (const index of chosen) {
            let entry = tables[index].values;
            for (const axis of tables[index].axes) entry = entry[at[axis]];
            product *= entry;
          }
          total += product;
        }
        if (highest === null || total > highest) highest = total;
      }
      return highest;
    }
    return null;
  };

  // Numbers for people: counts in powers of 1,000, bytes in powers of 1,024.
  const exact = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, ",");
  const scaled = (value, base, units, join) => {
    let [size, power] = [Number(value), 0];
    while (power + 1 < units.length && size >= base - 0.5) [size, power] = [size / base, power + 1];
    const digits = power === 0 || size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2;
    return (size.toFixed(digits) + join + units[power]).trim();
  };
  const short = (metric, value) => metric === "peak_activation_bytes"
    ? scaled(value, 1024, ["B", "KiB", "MiB", "GiB", "TiB"], " ") : scaled(value, 1000, ["", "k", "M", "G", "T"], " ");
  const amount = (text) => {
    const found = text.trim().replace(/,/g, "").match(/^(\d+(?:\.\d+)?)\s*(k|m|g|b|t|kib|mib|gib|kb|mb|gb)?$/i);
    if (!found) return NaN;
    const unit = (found[2] || "").toLowerCase();
    const power = "kmgt".indexOf(unit === "b" ? "" : unit[0] || "") + 1;
    return Math.floor(Number(found[1]) * (unit.endsWith("ib") ? 1024 : 1000) ** (unit ? power : 0));
  };

  const place = names.map((name) => space.at[name]);
  const start = [...place];
  const sliders = names.map((name) => document.getElementById("knob-" + name));
  const budgets = [...document.querySelectorAll("[data-metric]")];
  const limits = () => {
    const found = {};
    for (const field of budgets) {
      const limit = field.value.trim() ? amount(field.value) : null;
      field.setAttribute("aria-invalid", String(Number.isNaN(limit)));
      if (limit !== null && !Number.isNaN(limit)) found[field.dataset.metric] = limit;
    }
    return found;
  };
  const fits = (bounds, at) => Object.entries(bounds).every(([metric, limit]) => {
    const value = cost(metric, at);
    return value !== null && value <= limit;
  });

  const write = (bounds) => {
    const words = [];
    for (const metric of Object.keys(space.words)) {
      const [value, before] = [cost(metric, place), cost(metric, start)];
      const card = document.getElementById("card-" + metric);
      const unit = metric === "peak_activation_bytes" ? " bytes" : "";
      card.textContent = value === null ? "not buildable" : short(metric, value);
      const ratio = value === null || !before ? "" : " · × " + (Number(value) / Number(before)).toFixed(3);
      card.nextElementSibling.textContent = value === null ? "" : exact(value) + unit + ratio;
      card.dataset.value = value === null ? "" : String(value);
      const over = metric in bounds && (value === null || value > bounds[metric]);
      card.parentElement.classList.toggle("over", over);
      if (over) words.push(space.words[metric] + " exceeds its budget");
    }
    const some = Object.keys(bounds).length > 0;
    document.getElementById("words").textContent = !some ? "" : words.length ? "Does not fit: " + words.join(", ") + "." : "Fits the budget.";
  };

  // Pictures: the map of two knobs, and one metric along the other.
  const svg = (name, attributes, text) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const narrow = matchMedia("(max-width: 40rem)");
  const frame = (label, draw) => {
    const [width, height] = narrow.matches ? [350, 300] : [560, 380];
    const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label, "font-size": 12 });
    const area = { left: 82, right: width - 12, top: 10, bottom: height - 42 };
    draw(root, area);
    const figure = document.createElement("figure");
    figure.append(Object.assign(document.createElement("figcaption"), { textContent: label }), root);
    return figure;
  };
  const scale = (values, low, high) => {
    const [first, last] = [Math.min(...values), Math.max(...values)];
    return (value) => low + ((value - first) / (last - first || 1)) * (high - low);
  };
  const ticks = (values, most, bytes) => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    if (bytes) {
      const step = 2 ** Math.ceil(Math.log2((high - low) / most || 1));
      return Array.from({ length: Math.floor(high / step) + 1 }, (_, i) => i * step);
    }
    const power = 10 ** Math.floor(Math.log10((high - low) / most || 1));
    const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => (high - low) / one <= most) || 1;
    const found = [];
    for (let i = Math.ceil(low / step - 1e-9); i <= high / step + 1e-9; i += 1) found.push(Number((i * step).toPrecision(6)));
    return found;
  };
  const axes = (root, area, x, y, xs, ys, words, text = String, bytes = false) => {
    for (const tick of ticks(xs, 6)) {
      root.append(svg("path", { class: "l-grid", d: `M${x(tick)} ${area.top}V${area.bottom}` }));
      root.append(svg("text", { class: "f-muted", x: x(tick), y: area.bottom + 16, "text-anchor": "middle" }, String(tick)));
    }
    for (const tick of ticks(ys, 6, bytes)) {
      root.append(svg("path", { class: "l-grid", d: `M${area.left} ${y(tick)}H${area.right}` }));
      root.append(svg("text", { class: "f-muted", x: area.left - 5, y: y(tick) + 4, "text-anchor": "end" }, text(tick)));
    }
    root.append(svg("text", { class: "f-ink", x: (area.left + area.right) / 2, y: area.bottom + 34, "text-anchor": "middle" }, words[0]));
    const middle = (area.top + area.bottom) / 2;
    root.append(svg("text", { class: "f-ink", transform: `translate(13 ${middle}) rotate(-90)`, "text-anchor": "middle" }, words[1]));
  };
  const ring = (root, x, y) => root.append(
    svg("circle", { class: "l-paper", "stroke-width": 5, cx: x, cy: y, r: 6 }),
    svg("circle", { class: "l-s1", "stroke-width": 2.5, cx: x, cy: y, r: 6, id: "here" + (document.getElementById("here") ? "2" : "") }));

  const map = (bounds) => frame("width × resolution: what fits", (root, area) => {
    const [i, j] = [names.indexOf("resolution"), names.indexOf("width")];
    const [xs, ys] = [numeric("resolution"), numeric("width")];
    const [x, y] = [scale(xs, area.left, area.right), scale(ys, area.bottom, area.top)];
    const at = [...place];
    const edges = [];
    ys.forEach((width, row) => {
      at[j] = row;
      let last = -1;
      let run = -1;
      const low = y((ys[Math.max(row - 1, 0)] + width) / 2), high = y((ys[Math.min(row + 1, ys.length - 1)] + width) / 2);
      const close = (end) => {
        if (run < 0) return;
        root.append(svg("path", { class: "f-s0", opacity: 0.28, d: `M${x(xs[run])} ${low}H${x(xs[end])}V${high}H${x(xs[run])}Z` }));
        run = -1;
      };
      xs.forEach((_, column) => {
        at[i] = column;
        if (fits(bounds, at)) {
          last = column;
          if (run < 0) run = column;
        } else close(column - 1);
      });
      close(xs.length - 1);
      if (last >= 0) edges.push([last, row]);
    });
    axes(root, area, x, y, xs, ys, ["resolution", "width"]);
    // Along the edge a network stays only if no wider one allows the same resolution.
    const front = edges.filter(([column, row]) => !edges.some(([c, r]) => r > row && c >= column));
    if (Object.keys(bounds).length) {
      const d = front.map(([column, row], index) => index ? `H${x(xs[column])}V${y(ys[row])}` : `M${x(xs[column])} ${area.bottom}V${y(ys[row])}`).join("") + `H${area.left}`;
      root.append(svg("path", { class: "l-s0", "stroke-width": 2.5, id: "front", "data-front": JSON.stringify(front), d: front.length ? d : "M0 0" }));
    }
    const line = [];
    for (let phi = -4; phi <= 8; phi += 0.1) {
      const [r, w] = [space.start.resolution * space.compound.resolution ** phi, space.start.width * space.compound.width ** phi];
      if (r >= xs[0] && r <= xs[xs.length - 1] && w >= ys[0] && w <= ys[ys.length - 1]) line.push(`${x(r)} ${y(w)}`);
    }
    root.append(svg("path", { class: "l-ink", "stroke-dasharray": "5 4", "stroke-width": 1.5, id: "compound", d: "M" + line.join("L") }));
    ring(root, x(xs[place[i]]), y(ys[place[j]]));
    root.style.cursor = "crosshair";
    root.addEventListener("click", (event) => {
      const spot = new DOMPoint(event.clientX, event.clientY).matrixTransform(root.getScreenCTM().inverse());
      const near = (values, to, seen) => values.reduce((best, value, index) => Math.abs(to(value) - seen) < Math.abs(to(values[best]) - seen) ? index : best, 0);
      place[i] = near(xs, x, spot.x);
      place[j] = near(ys, y, spot.y);
      show();
    });
  });

  const curve = (metric, name, bounds) => frame(`${space.words[metric]} along ${name}`, (root, area) => {
    const index = names.indexOf(name);
    const xs = numeric(name);
    const at = [...place];
    const values = xs.map((_, i) => {
      at[index] = i;
      const value = cost(metric, at);
      return value === null ? null : Number(value);
    });
    const known = [0, ...values.filter((value) => value !== null)];
    const [x, y] = [scale(xs, area.left, area.right), scale(known, area.bottom, area.top)];
    axes(root, area, x, y, xs, known, [name, space.words[metric]], (tick) => short(metric, tick).replace(/\.0+(?= |$)/, ""), metric === "peak_activation_bytes");
    let d = "";
    values.forEach((value, i) => {
      if (value === null) return;
      d += d ? `H${x(xs[i])}V${y(value)}` : `M${x(xs[i])} ${y(value)}`;
    });
    root.append(svg("path", { class: "l-s0", "stroke-width": 2, d: d || "M0 0" }));
    if (metric in bounds && bounds[metric] <= Math.max(...known)) {
      root.append(svg("path", { class: "l-s1", "stroke-dasharray": "6 4", d: `M${area.left} ${y(bounds[metric])}H${area.right}` }));
    }
    if (values[place[index]] !== null) ring(root, x(xs[place[index]]), y(values[place[index]]));
  });

  const pictures = document.getElementById("pictures");
  const draw = (bounds) => {
    pictures.replaceChildren();
    if (names.includes("width") && names.includes("resolution")) pictures.append(map(bounds));
    const along = names.find((name) => name === "resolution") || names[0];
    if (numeric(along).every(Number.isFinite)) {
      pictures.append(curve("macs", along, bounds));
      pictures.append(curve("peak_activation_bytes", along, bounds));
    }
  };
  let asked = false;
  const show = () => {
    sliders.forEach((slider, axis) => {
      slider.value = place[axis];
      const text = space.axes[names[axis]][place[axis]];
      document.getElementById("out-" + names[axis]).textContent = text;
      slider.setAttribute("aria-valuetext", text);
    });
    const bounds = limits();
    write(bounds);
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => {
      asked = false;
      draw(limits());
    });
  };
  sliders.forEach((slider, axis) => {
    slider.max = space.axes[names[axis]].length - 1;
    slider.addEventListener("input", () => {
      place[axis] = Number(slider.value);
      show();
    });
  });
  budgets.forEach((field) => field.addEventListener("input", show));
  narrow.addEventListener("change", show);
  show();
})();
