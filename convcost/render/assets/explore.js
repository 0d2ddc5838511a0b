"use strict";
(() => {
  const { amount, BINARY, BYTES, COUNTS, DECIMAL } = convcost;
  const space = JSON.parse(document.getElementById("space").textContent);
  const names = Object.keys(space.axes);
  const number = space.big ? (value) => BigInt(value) : Number; // beyond 2^53 only big integers are exact
  const deep = (values) => (Array.isArray(values) ? values.map(deep) : number(values));
  const tables = space.tables.map((table) => ({ axes: table.axes, values: deep(table.values) }));
  const [zero, numeric] = [number(0), (name) => space.axes[name].map(Number)];

  // A cost is a sum of products of table entries; the largest candidate counts; null where no network can be built.
  const placed = (region) => ({ ...region, at: region.values.map((spans, axis) => {
    const found = new Int32Array(space.axes[names[axis]].length).fill(-1);
    for (const [first, last, index] of spans) for (let at = first; at <= last; at += 1) found[at] = index + at - first;
    return found;
  }) });
  const regions = Object.fromEntries(Object.entries(space.metrics).map(([metric, parts]) => [metric, parts.map(placed)]));
  const missing = space.missing.map(placed);
  const lacking = (place) => missing.find((part) => part.at.every((found, axis) => found[place[axis]] >= 0));
  const cost = (metric, place) => {
    for (const region of regions[metric]) {
      const at = region.at.map((found, axis) => found[place[axis]]);
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

  // Numbers for people, as core/units.py writes them: counts in powers of 1,000, bytes in powers of 1,024, to three digits,
  // halves up. Between whole numbers only marks of an axis stand.
  const exact = (value) => String(value).replace(/\B(?=(\d{3})+$)/g, ",");
  const scaled = (value, base, units) => {
    if (typeof value === "number" && !Number.isInteger(value)) return `${value} ${units[0]}`.trim();
    const count = BigInt(value);
    let [power, unit] = [0, 1n];
    while (power + 1 < units.length && 2n * count >= unit * (2n * base - 1n)) [power, unit] = [power + 1, unit * base];
    if (!power) return `${count} ${units[0]}`.trim();
    const nearest = (places) => (2n * count * 10n ** BigInt(places) + unit) / (2n * unit);
    const places = [2, 1].find((digits) => nearest(digits) < 1000n) || 0;
    const digits = String(nearest(places));
    const figure = places ? `${digits.slice(0, -places)}.${digits.slice(-places)}` : digits;
    return `${figure} ${units[power]}`;
  };
  const short = (metric, value) => metric === "peak_activation_bytes"
    ? scaled(value, 1024n, ["B", ...[...BINARY].map((letter) => `${letter}iB`)]) : scaled(value, 1000n, ["", ...DECIMAL]);

  const place = names.map((name) => space.at[name]);
  const start = [...place];
  const sliders = names.map((name) => document.getElementById("knob-" + name));
  const budgets = [...document.querySelectorAll("[data-metric]")];
  const limits = () => {
    const found = {};
    for (const field of budgets) {
      const units = field.dataset.metric === "peak_activation_bytes" ? BYTES : COUNTS;
      const limit = field.value.trim() ? amount(field.value, units) : null;
      field.setAttribute("aria-invalid", String(Number.isNaN(limit)));
      Object.assign(field.dataset, { read: field.value, limit: typeof limit === "bigint" ? limit : "" });
      if (limit !== null && !Number.isNaN(limit)) found[field.dataset.metric] = limit;
    }
    return found;
  };
  const fits = (bounds, at) => !lacking(at) && Object.entries(bounds).every(([metric, limit]) => cost(metric, at) <= limit);

  // Why there is no such network: what is known of the first of those that lack alike.
  const because = (part) => {
    const here = part.first.every((at, axis) => at === place[axis]);
    return `Cannot be built${here ? ":" : ", as"} ${part.reason}.`;
  };
  const write = (bounds) => {
    const words = [];
    for (const metric of Object.keys(space.words)) {
      const [value, before] = [cost(metric, place), cost(metric, start)];
      const card = document.getElementById("card-" + metric);
      const unit = metric === "peak_activation_bytes" ? " bytes" : "";
      card.textContent = value === null ? "cannot be built" : short(metric, value);
      const ratio = value === null || !before ? "" : " · × " + (Number(value) / Number(before)).toFixed(3);
      card.nextElementSibling.textContent = value === null ? "" : exact(value) + unit + ratio;
      card.dataset.value = value === null ? "" : String(value);
      const over = value !== null && metric in bounds && value > bounds[metric];
      card.parentElement.classList.toggle("over", over);
      if (over) words.push(space.words[metric] + " exceeds its budget");
    }
    const fit = words.length ? "Does not fit: " + words.join(", ") + "." : "Fits the budget.";
    const part = lacking(place);
    document.getElementById("words").textContent = part ? because(part) : Object.keys(bounds).length ? fit : "";
  };

  // Pictures: the map of two knobs, and one metric along the other.
  const svg = (name, attributes, text) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const pictures = document.getElementById("pictures");
  const column = () => Math.floor(parseFloat(getComputedStyle(pictures).gridTemplateColumns));
  const columns = () => getComputedStyle(pictures).gridTemplateColumns.split(" ").length;
  let drawn = 0;
  const frame = (label, draw) => { // a unit is a pixel, so that lettering is as large as that of the page
    const [width, height] = [drawn, Math.min(400, Math.max(290, Math.round(drawn * 0.66)))];
    const root = svg("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
    const area = { left: 86, right: width - 12, top: 10, bottom: height - 44 };
    draw(root, area);
    const figure = document.createElement("figure");
    figure.append(Object.assign(document.createElement("figcaption"), { textContent: label }), root);
    convcost.savable(figure);
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
    for (const tick of ticks(xs, Math.max(3, Math.floor((area.right - area.left) / 64)))) {
      root.append(svg("path", { class: "l-grid", d: `M${x(tick)} ${area.top}V${area.bottom}` }));
      root.append(svg("text", { class: "f-muted", x: x(tick), y: area.bottom + 17, "text-anchor": "middle" }, String(tick)));
    }
    for (const tick of ticks(ys, 6, bytes)) {
      root.append(svg("path", { class: "l-grid", d: `M${area.left} ${y(tick)}H${area.right}` }));
      root.append(svg("text", { class: "f-muted", x: area.left - 5, y: y(tick) + 4, "text-anchor": "end" }, text(tick)));
    }
    root.append(svg("text", { class: "f-ink", x: (area.left + area.right) / 2, y: area.bottom + 36, "text-anchor": "middle" }, words[0]));
    const middle = (area.top + area.bottom) / 2;
    root.append(svg("text", { class: "f-ink", transform: `translate(13 ${middle}) rotate(-90)`, "text-anchor": "middle" }, words[1]));
  };
  const ring = (root, x, y) => root.append(
    svg("circle", { class: "l-paper", "stroke-width": 5, cx: x, cy: y, r: 6 }),
    svg("circle", { class: "l-s1", "stroke-width": 2.5, cx: x, cy: y, r: 6, id: "here" + (document.getElementById("here") ? "2" : "") }));

  // Where the cells of a picture meet: half way between values, and as far beyond the ends.
  const borders = (values) => {
    const half = (i) => (values[i + 1] - values[i]) / 2 || Math.abs(values[0]) / 2 || 0.5;
    return [values[0] - half(0), ...values.slice(1).map((value, i) => value - half(i)), values[values.length - 1] + half(values.length - 2)];
  };
  const [NONE, OVER, FITS] = [0, 1, 2];
  const map = (bounds, said, flat, high) => frame(`${high} × ${flat}: what fits`, (root, area) => {
    const [i, j] = [names.indexOf(flat), names.indexOf(high)];
    const [xs, ys] = [numeric(flat), numeric(high)];
    const [across, up] = [borders(xs), borders(ys)];
    const [x, y] = [scale(across, area.left, area.right), scale(up, area.bottom, area.top)];
    const at = [...place];
    const cells = ys.map((_, row) => xs.map((__, column) => {
      [at[i], at[j]] = [column, row];
      return lacking(at) ? NONE : fits(bounds, at) ? FITS : OVER;
    }));
    const shaded = (kind) => cells.map((line, row) => {
      let d = "";
      for (let from = line.indexOf(kind); from >= 0; from = line.indexOf(kind, from)) {
        let to = from;
        while (line[to] === kind) to += 1;
        d += `M${x(across[from])} ${y(up[row])}H${x(across[to])}V${y(up[row + 1])}H${x(across[from])}Z`;
        from = to;
      }
      return d;
    }).join("");
    const some = (kind) => cells.some((line) => line.includes(kind));
    if (some(NONE)) root.append(svg("path", { class: "f-grid", opacity: 0.6, id: "missing", d: shaded(NONE) }));
    if (some(FITS)) root.append(svg("path", { class: "f-s0", opacity: 0.45, id: "fitting", d: shaded(FITS) }));
    axes(root, area, x, y, xs, ys, [flat, high]);
    const bounded = Object.keys(bounds).length > 0;
    if (bounded) said.push(some(FITS) ? "Blue on the map fits the budget" : "Nothing on the map fits the budget");
    if (bounded && some(FITS)) edge(root, cells, (column) => x(across[column]), (row) => y(up[row]), said);
    if (some(NONE)) said.push("grey cannot be built");

    // Compound scaling, where it passes over networks that can be built.
    let [line, pen] = ["", false];
    const compound = flat === "resolution" && high === "width";
    for (let step = -400; compound && step <= 800; step += 1) {
      const [r, w] = ["resolution", "width"].map((name) => space.start[name] * space.compound[name] ** (step / 100));
      const [column, row] = [across.findIndex((end) => end > r) - 1, up.findIndex((end) => end > w) - 1];
      const inside = column >= 0 && row >= 0 && cells[row][column] !== NONE;
      if (inside) line += `${pen ? "L" : "M"}${x(r).toFixed(1)} ${y(w).toFixed(1)}`;
      pen = inside;
    }
    if (line) {
      root.append(svg("path", { class: "l-ink", "stroke-dasharray": "5 4", "stroke-width": 1.5, id: "compound", d: line }));
      said.push("the dashed line is compound scaling (arXiv 1905.11946)");
    }
    ring(root, x(xs[place[i]]), y(ys[place[j]]));
    said.push("the ring is where the sliders stand");
    root.style.cursor = "crosshair";
    root.addEventListener("click", (event) => {
      const spot = new DOMPoint(event.clientX, event.clientY).matrixTransform(root.getScreenCTM().inverse());
      const near = (values, to, seen) => values.reduce((best, value, index) => Math.abs(to(value) - seen) < Math.abs(to(values[best]) - seen) ? index : best, 0);
      place[i] = near(xs, x, spot.x);
      place[j] = near(ys, y, spot.y);
      show();
    });
  });

  // Around what fits, between cells and never through one; a network is of the front if no wider one allows its resolution.
  const edge = (root, cells, x, y, said) => {
    const last = cells.map((line) => line.lastIndexOf(FITS));
    const reach = last.map((_, row) => Math.max(...last.slice(row)));
    const front = last.flatMap((column, row) => column > Math.max(-1, ...last.slice(row + 1)) ? [[column, row]] : []);
    let d = "";
    cells.forEach((line, row) => {
      const end = reach[row];
      if (line[end] === FITS && end + 1 < line.length) d += `M${x(end + 1)} ${y(row)}V${y(row + 1)}`;
      if (row + 1 < cells.length) {
        for (let column = reach[row + 1] + 1; column <= end; column += 1) {
          if (line[column] === FITS) d += `M${x(column)} ${y(row + 1)}H${x(column + 1)}`;
        }
      }
    });
    const look = { class: "l-s0", "stroke-width": 2.5, "stroke-linecap": "square" };
    root.append(svg("path", { ...look, id: "front", "data-front": JSON.stringify(front), d: d || "M0 0" }));
    if (d) said.push("the thick line is its edge: the networks that cannot grow in one knob without leaving it");
  };

  const along = (metric, name) => {
    const [index, at] = [names.indexOf(name), [...place]];
    return space.axes[name].map((_, i) => {
      at[index] = i;
      const value = cost(metric, at);
      return value === null ? null : Number(value);
    });
  };
  // Whole numbers of which none is left out have nothing between them: a step each. Of others the page knows a mark each.
  const which = (name, xs) => {
    if (space.dense.includes(name)) return `at every ${name} from ${space.axes[name][0]} to ${space.axes[name][xs.length - 1]}`;
    return xs.length > 1 && ["width", "depth", "resolution"].includes(name) ? `at ${xs.length} ${name}s` : `at ${xs.length} values of ${name}`;
  };
  const curve = (metric, name, values, bounds, said) => frame(`${space.words[metric]} ${which(name, values)}`, (root, area) => {
    const [index, xs] = [names.indexOf(name), numeric(name)];
    const known = [0, ...values.filter((value) => value !== null)];
    const [x, y] = [scale(xs, area.left, area.right), scale(known, area.bottom, area.top)];
    axes(root, area, x, y, xs, known, [name, space.words[metric]], (tick) => short(metric, tick).replace(/\.0+(?= |$)/, ""), metric === "peak_activation_bytes");
    const dense = space.dense.includes(name);
    let [d, dots] = ["", ""]; // steps half way to both neighbours; a dot where neither can be built, and for each of some values
    values.forEach((value, i) => {
      if (value === null) return;
      const [before, after] = [(values[i - 1] ?? null) !== null, (values[i + 1] ?? null) !== null];
      const [from, to] = dense ? [Math.max(x(xs[i] - 0.5), area.left), Math.min(x(xs[i] + 0.5), area.right)] : [x(xs[i]), x(xs[i])];
      if (before) d += dense ? `V${y(value)}H${to}` : `L${from} ${y(value)}`;
      else if (after) d += `M${from} ${y(value)}` + (dense ? `H${to}` : "");
      if (!dense || (!before && !after)) dots += `M${x(xs[i])} ${y(value)}h0`;
    });
    const look = dense ? { class: "l-s0", "stroke-width": 2 } : { class: "l-muted", "stroke-width": 0.7 };
    if (d) root.append(svg("path", { ...look, "data-line": metric, "data-steps": dense, d }));
    const size = dense || values.length > 60 ? 4.5 : 7;
    if (dots) root.append(svg("path", { class: "l-s0", "stroke-width": size, "stroke-linecap": "round", "data-dots": metric, d: dots }));
    if (!dense) said.add("the marks are what was counted; the thin line between them only leads the eye");
    if (values.includes(null)) said.add(`along ${name}, what cannot be built is left out`);
    if (metric in bounds && bounds[metric] <= Math.max(...known)) {
      root.append(svg("path", { class: "l-s1", "stroke-dasharray": "6 4", d: `M${area.left} ${y(Number(bounds[metric]))}H${area.right}` }));
      said.add("the level dashed line is the budget");
    }
    if (values[place[index]] !== null) ring(root, x(xs[place[index]]), y(values[place[index]]));
  });

  const draw = (bounds) => {
    pictures.replaceChildren();
    drawn = column();
    const [mapped, curved] = [[], new Set()];
    const numbers = (name) => names.includes(name) && name in space.start && numeric(name).every(Number.isFinite);
    const sizes = names.filter(numbers);
    const usual = ["resolution", "width"].every((one) => sizes.includes(one));
    if (sizes.length > 1) pictures.append(map(bounds, mapped, ...(usual ? ["resolution", "width"] : [sizes[1], sizes[0]])));
    const name = names.includes("resolution") ? "resolution" : names[0];
    const metrics = numeric(name).every(Number.isFinite) ? ["macs", "peak_activation_bytes"] : [];
    const curves = metrics.map((metric) => [metric, along(metric, name)]).filter(([, values]) => values.some((value) => value !== null));
    if (curves.length < metrics.length) curved.add(`along ${name}, nothing can be built here`);
    curves.forEach(([metric, values], at) => {
      const alone = pictures.childElementCount % columns() === 0 && at === curves.length - 1; // in its row, which it fills
      if (alone) drawn = pictures.clientWidth;
      const picture = curve(metric, name, values, bounds, curved);
      picture.classList.toggle("whole", alone);
      pictures.append(picture);
    });
    const sentence = (words) => words.length ? words[0][0].toUpperCase() + words.join("; ").slice(1) + ". " : "";
    document.getElementById("legend").textContent = (sentence(mapped) + sentence([...curved])).trim();
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
  new ResizeObserver(() => {
    if (column() !== drawn) show();
  }).observe(pictures);
  show();
})();
