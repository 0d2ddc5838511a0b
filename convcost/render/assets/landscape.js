"use strict";
// Accuracy against cost: families wake where they are pointed at or chosen, a drag zooms, names stand beside their lines.
(() => {
  const root = document.getElementById("landscape");
  const found = JSON.parse(document.getElementById("landscape-data").textContent);
  const place = root.querySelector(".wide-picture");
  const SVG = "http://www.w3.org/2000/svg";
  const made = (name, attributes, ...inside) => {
    const one = document.createElementNS(SVG, name);
    for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
    one.append(...inside);
    return one;
  };
  const html = (name, properties, ...inside) => {
    const one = Object.assign(document.createElement(name), properties);
    one.append(...inside);
    return one;
  };

  // What is asked for: families that are awake, the one that is pointed at, the part of the plane that is shown.
  const first = found.families.map((family) => family.awake);
  let awake = [...first];
  let touched = -1;
  let pointed = null;
  const whole = { x: found.x.range, y: found.y.range };
  let view = whole;
  let area = null;

  // Values and pixels; costs are on a scale of logarithms.
  const across = (cost) => area.left + (Math.log10(cost) - view.x[0]) / (view.x[1] - view.x[0]) * (area.right - area.left);
  const up = (accuracy) => area.bottom - (accuracy - view.y[0]) / (view.y[1] - view.y[0]) * (area.bottom - area.top);
  const back = (x, y) => [
    view.x[0] + (x - area.left) / (area.right - area.left) * (view.x[1] - view.x[0]),
    view.y[0] + (area.bottom - y) / (area.bottom - area.top) * (view.y[1] - view.y[0]),
  ];
  const spot = (point) => [across(point.x), up(point.y)];
  const fixed = (value) => Number(value.toFixed(1));

  // Ticks at round values: as many of a decade as there is room for, or even steps where less than one is shown.
  const between = (values, low, high) => values.filter((value) => value >= low && value <= high);
  const even = (low, high, most) => {
    const power = 10 ** Math.floor(Math.log10((high - low) / most));
    const step = [1, 2, 5, 10].map((digit) => digit * power).find((one) => (high - low) / one <= most);
    const start = Math.ceil(low / step - 1e-9);
    return Array.from({ length: Math.floor(high / step + 1e-9) - start + 1 }, (_, at) => Number(((start + at) * step).toPrecision(12)));
  };
  const costs = (most) => {
    const [low, high] = view.x.map((end) => 10 ** end);
    const bases = found.x.bytes ? Array.from({ length: 60 }, (_, at) => 2 ** at) : Array.from({ length: 40 }, (_, at) => 10 ** (at - 8)); // of milliseconds, below 1
    const every = (step) => bases.filter((_, at) => at % step === 0);
    const ways = found.x.bytes ? [1, 2, 4, 8].map(every)
      : [...[[1, 2, 5], [1, 3], [1]].map((digits) => bases.flatMap((base) => digits.map((digit) => digit * base))), every(2), every(4)];
    const fit = ways.map((values) => between(values, low, high)).find((values) => values.length <= most);
    return fit && fit.length > 2 ? fit : high < 30 * low ? even(low, high, most) : fit || [];
  };
  const short = (value) => {
    const [base, units, join] = found.x.bytes ? [1024, ["B", "KiB", "MiB", "GiB", "TiB"], " "] : [1000, ["", "k", "M", "G", "T", "P"], ""];
    let power = 0;
    while (power + 1 < units.length && value >= base ** (power + 1)) power += 1;
    return `${Number((value / base ** power).toPrecision(4))}${join}${units[power]}`;
  };

  // Names: each beside its line, at its end if there is room, on no other name, on as few marks as can be; a line leads
  // from where there is room only at some distance. As plots/labels.py.
  const BESIDE = [[1, 0, 0], [0, 1, 0.6], [0, -1, 0.6], [1, 1, 0.8], [1, -1, 0.8], [-1, 1, 1], [-1, -1, 1], [-1, 0, 1.4]];
  const GAPS = [[8, 0], [15, 1.2], [24, 2.6], [40, 4], [60, 5.5], [85, 7]];
  const [FAR, OWN, MARK, LINE] = [15, 0.5, 3, 4];
  const inside = ([x, y]) => x >= area.left && x <= area.right && y >= area.top && y <= area.bottom;
  const meet = (a, b) => a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  const through = ({ lead }, box) => {
    if (!lead) return false;
    const [x, y, to, down] = lead;
    const steps = Math.floor(Math.max(Math.abs(to - x), Math.abs(down - y)) / 3) + 1;
    return Array.from({ length: steps + 1 }, (_, at) => [x + (to - x) * at / steps, y + (down - y) * at / steps])
      .some(([a, b]) => a > box.left - 2 && a < box.right + 2 && b > box.top - 2 && b < box.bottom + 2);
  };
  const clash = (one, other) => meet(one, other) || through(one, other) || through(other, one);
  const candidates = (name, obstacles, index) => {
    const boxes = [];
    for (const [x, y, dislike] of name.spots) for (const [gap, far] of GAPS) for (const [right, above, side] of BESIDE) {
      const apart = gap * (right && above ? 0.85 : 1);
      const [middle, level] = [x + right * (apart + name.wide / 2), y - above * (apart + name.high / 2 - 2)];
      const box = { left: middle - name.wide / 2, right: middle + name.wide / 2, top: level - name.high / 2, bottom: level + name.high / 2 };
      if (box.left <= area.left || box.right >= area.right || box.top <= area.top || box.bottom >= area.bottom) continue;
      box.price = dislike + far + side;
      if (gap > FAR) box.lead = [Math.min(Math.max(x, box.left), box.right), Math.min(Math.max(y, box.top), box.bottom), x, y];
      for (const [at, height, weight, of] of obstacles) {
        if (at > box.left - 3 && at < box.right + 3 && height > box.top - 3 && height < box.bottom + 3) box.price += of === index ? weight * OWN : weight;
      }
      boxes.push(box);
    }
    return boxes.sort((a, b) => a.price - b.price);
  };
  const placed = (names, obstacles) => {
    const every = names.map((name, index) => candidates(name, obstacles, index));
    const chosen = names.map(() => null);
    for (let round = 0; round < 3; round += 1) every.forEach((boxes, index) => {
      chosen[index] = boxes.find((box) => chosen.every((other, at) => !other || at === index || !clash(box, other))) || null;
    });
    return chosen;
  };
  const along = (spots) => spots.slice(1).flatMap(([x, y], at) => {
    const [from, height] = spots[at];
    const steps = (length) => Array.from({ length: Math.min(400, Math.floor(length / 6)) }, (_, step) => 6 * step);
    return [...steps(x - from).map((far) => [from + far, height]), ...steps(height - y).map((far) => [x, height - far])];
  });

  const stairs = (points) => points.map(spot).map(([x, y], at) => at ? `H${fixed(x)}V${fixed(y)}` : `M${fixed(x)} ${fixed(y)}`).join("");
  const isAwake = (index) => awake[index] || index === touched;
  const mark = (family, point, index) => {
    const [x, y] = spot(point).map(fixed);
    if (!isAwake(index)) {
      const paint = point.hollow ? "l-muted" : "f-muted";
      return made("circle", { class: paint, cx: x, cy: y, r: 2.3, opacity: 0.45 });
    }
    const paint = `${point.hollow ? "l" : "f"}-${family.color}`;
    return made("path", { class: paint, d: family.shape, "stroke-width": 1.5, opacity: point.best || family.yours ? 1 : 0.4, transform: `translate(${x} ${y})` });
  };

  const draw = () => {
    const width = Math.max(280, place.clientWidth);
    const narrow = width < 600;
    const height = Math.round(Math.min(620, Math.max(420, width * 0.58)));
    const words = parseFloat(getComputedStyle(root).fontSize);
    area = { left: 3.6 * words, right: width - 10, top: 8, bottom: height - 3.2 * words };
    const svg = made("svg", { viewBox: `0 0 ${width} ${height}`, "font-size": words, "aria-hidden": "true" });
    const text = (inner, attributes) => svg.append(made("text", attributes, inner));
    for (const tick of costs(Math.floor((area.right - area.left) / (4.4 * words)))) {
      const x = fixed(across(tick));
      svg.append(made("path", { class: "l-grid", d: `M${x} ${area.top}V${fixed(area.bottom)}` }));
      text(short(tick), { class: "f-muted", x: Math.min(x, width - 2 * words), y: fixed(area.bottom + 1.3 * words), "text-anchor": "middle" });
    }
    for (const tick of even(view.y[0], view.y[1], narrow ? 6 : 10)) {
      const y = fixed(up(tick));
      svg.append(made("path", { class: "l-grid", d: `M${area.left} ${y}H${area.right}` }));
      text(String(tick), { class: "f-muted", x: area.left - 6, y: y + 0.35 * words, "text-anchor": "end" });
    }
    text(found.x.title, { class: "f-ink", x: fixed((area.left + area.right) / 2), y: height - 0.5 * words, "text-anchor": "middle" });
    text(found.y.title, { class: "f-ink", transform: `translate(${words} ${fixed((area.top + area.bottom) / 2)}) rotate(-90)`, "text-anchor": "middle" });

    const clip = made("clipPath", { id: "landscape-clip" }, made("rect", { x: area.left - 6, y: area.top - 6, width: area.right - area.left + 12, height: area.bottom - area.top + 12 }));
    const plane = made("g", { "clip-path": "url(#landscape-clip)" });
    svg.append(clip, plane);
    const order = found.families.map((_, index) => index).sort((a, b) => isAwake(a) - isAwake(b) || (a === touched) - (b === touched) || b - a);
    const names = [];
    const obstacles = [];
    let isBand = false;
    const band = () => {
      if (!isBand) plane.append(made("path", { class: "l-ink", d: stairs(found.front), "stroke-width": 7, opacity: 0.16 }));
      isBand = true;
    };
    for (const index of order) {
      const family = found.families[index];
      if (isAwake(index)) {
        band();
        plane.append(made("path", { class: `l-${family.color}`, d: stairs(family.line), "stroke-width": 1.5, "data-line": index }));
      }
      plane.append(made("g", { "data-family": index }, ...family.points.map((point) => mark(family, point, index))));
    }
    band();
    for (const index of order.slice().reverse()) {
      const family = found.families[index];
      const seen = family.points.map(spot).filter(inside);
      if (!isAwake(index)) {
        obstacles.push(...seen.map((at) => [...at, 0.2, -1]));
        continue;
      }
      obstacles.push(...seen.map((at) => [...at, MARK, names.length]));
      obstacles.push(...along(family.line.map(spot)).filter(inside).map((at) => [...at, LINE, names.length]));
      const ends = (family.line.length ? family.line : family.points).map(spot).filter(inside).reverse();
      names.push({ text: family.name, letters: family.letters, color: family.color, spots: ends.map((at, far) => [...at, 0.9 * far]) });
    }
    const corners = found.front.map(spot).filter(inside);
    obstacles.push(...along(found.front.map(spot)).filter(inside).map((at) => [...at, 0.4, -1]));
    names.push({ text: "Pareto front", letters: "muted", spots: corners.map((at, far) => [...at, 0.2 * Math.abs(far - Math.floor(corners.length / 2))]) });
    place.replaceChildren(svg);
    const labels = names.map((name) => {
      const label = made("text", { class: `f-${name.letters}`, "font-weight": 600, "text-anchor": "middle", stroke: "var(--paper)", "stroke-width": 3, "paint-order": "stroke", "data-name": "" }, name.text);
      svg.append(label);
      return label;
    });
    names.forEach((name, at) => Object.assign(name, { wide: labels[at].getComputedTextLength() + 2, high: 1.15 * words }));
    placed(names, obstacles).forEach((box, at) => {
      if (!box) return labels[at].remove();
      if (box.lead) {
        const [x, y, to, down] = box.lead.map(fixed);
        plane.append(made("path", { class: `l-${names[at].color || names[at].letters}`, d: `M${x} ${y}L${to} ${down}`, "stroke-width": 1 }));
      }
      labels[at].setAttribute("x", fixed((box.left + box.right) / 2));
      labels[at].setAttribute("y", fixed((box.top + box.bottom) / 2 + 0.35 * words));
    });
    if (pointed) {
      const [x, y] = spot(pointed).map(fixed);
      if (inside([x, y])) svg.append(made("circle", { class: "l-ink", cx: x, cy: y, r: 8, "stroke-width": 1.5 }));
    }
    for (const [index, button] of buttons.entries()) button.setAttribute("aria-pressed", String(awake[index]));
    reset.disabled = view === whole && awake.every((is, index) => is === first[index]);
  };

  // The chooser: a button per family; one that is pointed at or has the focus is awake meanwhile.
  const touch = (index) => {
    if (index === touched) return;
    touched = index;
    draw();
  };
  const toggle = (index) => {
    awake[index] = !awake[index];
    draw();
  };
  const buttons = found.families.map((family, index) => {
    const sign = made("svg", { viewBox: "-7 -7 14 14", "aria-hidden": "true" }, made("path", { class: `f-${family.color}`, d: family.shape }));
    const button = html("button", { type: "button" }, sign, family.name, html("span", { className: "said", textContent: family.points.length }));
    button.addEventListener("click", () => toggle(index));
    button.addEventListener("pointerenter", (event) => event.pointerType === "mouse" && touch(index));
    button.addEventListener("pointerleave", () => touch(-1));
    button.addEventListener("focus", () => button.matches(":focus-visible") && touch(index));
    button.addEventListener("blur", () => touch(-1));
    return button;
  });
  const listed = (is) => html("ul", { className: "families" }, ...buttons.filter((_, index) => first[index] === is).map((button) => html("li", {}, button)));
  const others = first.filter((is) => !is).length;
  const rest = html("details", { open: place.clientWidth >= 600 }, html("summary", { textContent: `${others} other ${others === 1 ? "family" : "families"}` }), listed(false));
  const scale = (factor) => {
    const narrowed = ([low, high]) => [(low + high - (high - low) * factor) / 2, (low + high + (high - low) * factor) / 2];
    view = { x: narrowed(view.x), y: narrowed(view.y) };
    draw();
  };
  const tool = (textContent, label, act) => {
    const button = html("button", { type: "button", textContent });
    button.setAttribute("aria-label", label);
    button.addEventListener("click", act);
    return button;
  };
  const reset = tool("Reset", "Show all, with the families of the beginning", () => {
    [view, awake, touched, pointed] = [whole, [...first], -1, null];
    draw();
  });
  const all = tool("Wake all", "Wake all families", () => {
    awake = first.map(() => true);
    draw();
  });
  const none = tool("None", "Let all families sleep", () => {
    awake = first.map(() => false);
    draw();
  });
  const tools = html("div", { className: "tools" }, tool("+", "Zoom in", () => scale(2 / 3)), tool("−", "Zoom out", () => scale(1.5)), reset, all, none);
  root.append(tools, listed(true), ...(others ? [rest] : []));

  // The pointer: the nearest point within reach tells its numbers and wakes its family; a click keeps it awake.
  const told = html("div", { className: "told", hidden: true });
  told.setAttribute("role", "status");
  place.style.position = "relative";
  const position = (event) => {
    const box = place.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  const nearest = ([x, y]) => {
    let best = null;
    found.families.forEach((family, index) => family.points.forEach((point) => {
      const at = spot(point);
      if (!inside(at)) return;
      const far = Math.hypot(at[0] - x, at[1] - y) - (isAwake(index) ? 2 : 0);
      if (far < 16 && (!best || far < best.far)) best = { far, point, index };
    }));
    return best;
  };
  const tell = (hit) => {
    told.hidden = !hit;
    if (!hit) return;
    const [title, ...lines] = hit.point.says;
    told.replaceChildren(html("b", { textContent: title }), ...lines.map((line) => html("div", { textContent: line })));
    const [x, y] = spot(hit.point);
    const wide = Math.min(told.offsetWidth, place.clientWidth);
    told.style.left = `${Math.max(0, Math.min(x + 14, place.clientWidth - wide))}px`;
    told.style.top = `${y + 18 + told.offsetHeight > area.bottom ? Math.max(0, y - told.offsetHeight - 14) : y + 14}px`;
  };
  const point = (event) => {
    const hit = nearest(position(event));
    if ((hit && hit.point) !== pointed) {
      [pointed, touched] = [hit && hit.point, hit ? hit.index : -1];
      draw();
      place.append(told);
    }
    tell(hit);
    return hit;
  };
  let start = null;
  let box = null;
  place.addEventListener("pointermove", (event) => {
    if (!start) return void point(event);
    const [x, y] = position(event);
    if (!box && Math.hypot(x - start[0], y - start[1]) < 6) return;
    if (!box) place.firstChild.append(box = made("rect", { class: "f-s0", opacity: 0.15 }));
    const ends = { x: Math.min(x, start[0]), y: Math.min(y, start[1]), width: Math.abs(x - start[0]), height: Math.abs(y - start[1]) };
    for (const [key, value] of Object.entries(ends)) box.setAttribute(key, value);
  });
  place.addEventListener("pointerdown", (event) => {
    if (event.pointerType !== "mouse" || event.button) return;
    event.preventDefault();
    start = position(event);
  });
  addEventListener("pointerup", (event) => {
    if (!start) return;
    const [from, to, dragged] = [back(...start), back(...position(event)), box];
    [start, box] = [null, null];
    if (!dragged) return;
    const kept = (low, high, [least, most]) => [Math.max(least, Math.min(low, high)), Math.min(most, Math.max(low, high))];
    const next = { x: kept(from[0], to[0], view.x), y: kept(from[1], to[1], view.y) };
    if (next.x[1] - next.x[0] > 0.02 && next.y[1] - next.y[0] > 0.02) view = next;
    zoomed = true;
    draw();
  });
  let zoomed = false;
  place.addEventListener("click", (event) => {
    if (zoomed) return void (zoomed = false);
    const hit = point(event);
    if (hit) toggle(hit.index);
    place.append(told);
    tell(hit);
  });
  place.addEventListener("dblclick", () => reset.click());
  place.addEventListener("pointerleave", () => {
    if (!pointed) return;
    [pointed, touched] = [null, -1];
    draw();
  });

  for (const narrow of root.querySelectorAll(".narrow")) narrow.remove();
  root.querySelector("figure").classList.remove("has-narrow");
  draw();
  new ResizeObserver(() => place.firstChild.viewBox.baseVal.width === Math.max(280, place.clientWidth) || draw()).observe(place);
})();
