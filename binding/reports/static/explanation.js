/* The page of `binding explain`: the chosen complex in 3D, in 2D, as a map and in tables that follow one another.
 *
 * All data are JSON in the element "data"; what comes from files becomes text nodes only.
 */
"use strict";

(() => {
  const page = JSON.parse(document.getElementById("data").textContent);
  const complexes = page.complexes;
  const state = {complex: 0, residue: null, atom: null, map: {quantity: "pk", part: "", network: "", layer: "", head: "", direction: "0"},
    order: "strength", all: {residues: false, map: false}, sort: {}, reference: ""};
  let viewer = null;

  // ---------------------------------------------------------------- small things

  const at = id => document.getElementById(id);
  const chosen = () => complexes[state.complex];
  const number = (value, decimals = 2) => Number.isFinite(value) ? value.toFixed(decimals).replace("-", "−") : "";
  const signed = (value, decimals = 2) => Number.isFinite(value) ? (value >= 0 ? "+" : "−") + Math.abs(value).toFixed(decimals) : "";
  const count = (n, one, many = `${one}s`) => `${n} ${n === 1 ? one : many}`;

  /** An element; text never becomes markup. */
  const make = (tag, attributes = {}, ...children) => {
    const svg = ["svg", "line", "rect", "circle", "path", "g", "text"].includes(tag);
    const made = svg ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (value === null || value === undefined || value === false) continue;
      if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
      else if (name === "style") Object.assign(made.style, value);
      else made.setAttribute(name, value === true ? "" : value);
    }
    made.append(...children.flat(2).filter(child => child !== null && child !== undefined));
    return made;
  };
  const fill = (id, ...children) => at(id).replaceChildren(...children.flat().filter(child => child !== null && child !== undefined));
  const show = (id, whether) => { at(id).hidden = !whether; };

  /** K of a pK with its unit. */
  const constant = pk => {
    const units = ["M", "mM", "µM", "nM", "pM", "fM"];
    const step = Math.max(0, Math.min(units.length - 1, Math.ceil(pk / 3 - 1e-9)));
    const value = 10 ** (3 * step - pk);
    return `${value >= 100 ? value.toFixed(0) : value.toPrecision(2)} ${units[step]}`;
  };

  const bytes = text => Uint8Array.from(atob(text), letter => letter.charCodeAt(0));
  /** Ends of the scales, the same for all complexes of the page. */
  const limit = () => page.limits;

  // ---------------------------------------------------------------- what is selected

  const labelOfAtom = place => chosen().atoms[place].label;
  const pairOf = (atom, residue) => {
    const {pairs} = chosen();
    for (let k = 0; k < pairs.atom.length; k += 1) if (pairs.atom[k] === atom && pairs.residue[k] === residue) return k;
    return -1;
  };

  const said = ({atom = null, residue = null}) => {
    const item = chosen();
    if (atom !== null && residue !== null) {
      const pair = pairOf(atom, residue);
      const names = `${item.residues[residue].label} and ${labelOfAtom(atom)}`;
      return pair < 0 ? `${names}: out of reach` : `${names}: ${signed(item.pairs.pk[pair], 3)} pK, ${number(item.pairs.distance[pair])} Å`;
    }
    if (residue !== null) {
      const row = item.residues[residue];
      return `${row.label}: ${signed(row.pk)} pK, ${number(row.distance)} Å${row.contacts ? `, ${row.contacts}` : ""}`;
    }
    if (atom !== null) return `${labelOfAtom(atom)}: ${signed(item.atoms[atom].pk)} pK`;
    return "";
  };

  const mark = (name, {atom = null, residue = null}) => {
    document.querySelectorAll(`.${name}`).forEach(element => element.classList.remove(name));
    const both = atom !== null && residue !== null;
    for (const element of document.querySelectorAll("[data-r], [data-a]")) {
      const r = element.dataset.r === undefined ? null : Number(element.dataset.r);
      const a = element.dataset.a === undefined ? null : Number(element.dataset.a);
      const cell = r !== null && a !== null;
      const hit = cell ? (both ? r === residue && a === atom : r === residue || a === atom)
        : (r !== null && r === residue) || (a !== null && a === atom);
      if (hit) element.classList.add(name);
    }
  };

  const select = (what, {move = true} = {}) => {
    state.residue = what.residue ?? null;
    state.atom = what.atom ?? null;
    mark("chosen", state);
    for (const row of document.querySelectorAll("tr[data-r], tr[data-a]")) row.setAttribute("aria-selected", String(row.classList.contains("chosen")));
    at("said").textContent = said(state) || "Choose a residue or an atom anywhere on the page.";
    if (move) viewer?.focus(state);
  };

  const hover = what => {
    mark("hot", what);
    at("said").textContent = said(what) || said(state) || "Choose a residue or an atom anywhere on the page.";
  };

  const whatOf = element => {
    const found = element.closest?.("[data-r], [data-a]");
    if (!found) return null;
    return {residue: found.dataset.r === undefined ? null : Number(found.dataset.r), atom: found.dataset.a === undefined ? null : Number(found.dataset.a)};
  };

  // ---------------------------------------------------------------- the number and its parts

  const summary = () => {
    const row = chosen();
    const notes = [];
    if (Number.isFinite(row.pose)) notes.push(make("li", {}, make("b", {}, number(row.pose)), " probability that the pose is near-native"));
    if (row.in_domain !== null) {
      notes.push(make("li", {}, make("b", {}, row.in_domain ? "Inside" : "Outside"), " the training domain",
        Number.isFinite(row.nearest_ligand) ? `; nearest ligand there: Tanimoto ${number(row.nearest_ligand)}` : ""));
    }
    if (Number.isFinite(row.pk_ligand_only)) notes.push(make("li", {}, make("b", {}, number(row.pk_ligand_only)), " from the ligand alone, by a fit of its own"));
    const [low, high] = [0, 14];
    const place = value => `${(100 * (Math.max(low, Math.min(high, value)) - low)) / (high - low)}%`;
    const interval = Number.isFinite(row.pk_low);
    const ruler = make("div", {class: "ruler", role: "img", "aria-label": `pK ${number(row.pk)}${interval ? `, 90 % interval ${number(row.pk_low)} to ${number(row.pk_high)}` : ""}`},
      interval ? make("i", {class: "range", style: {left: place(row.pk_low), width: `calc(${place(row.pk_high)} - ${place(row.pk_low)})`}}) : null,
      Number.isFinite(row.pk_std) ? make("i", {class: "inner", style: {left: place(row.pk - row.pk_std), width: `calc(${place(row.pk + row.pk_std)} - ${place(row.pk - row.pk_std)})`}}) : null,
      make("i", {class: "point", style: {left: place(row.pk)}}),
      [["1 mM", 3], ["1 µM", 6], ["1 nM", 9], ["1 pM", 12]].map(([text, value]) => make("span", {style: {left: place(value)}}, text)));
    fill("summary",
      make("p", {class: "big"}, make("b", {}, `pK ${number(row.pk)}`), ` ± ${number(row.pk_std)}`, make("span", {class: "quiet"}, ` K ≈ ${constant(row.pk)}`)),
      ruler,
      interval ? make("p", {class: "quiet"}, `90 % of measurements are expected between ${number(row.pk_low)} and ${number(row.pk_high)}.`) : null,
      make("ul", {class: "facts"}, notes),
      row.warnings ? make("p", {class: "notice"}, row.warnings) : null);
    fill("title", row.id);
    fill("subtitle", [row.protein, row.ligand === row.id ? null : row.ligand, count(row.heavy_atoms, "heavy atom")].filter(Boolean).join(" · "));
    document.title = `${row.id}: pK ${number(row.pk)}`;
  };

  const bar = (start, width, {zero = null, whisker = null, value = 0}) => make("div", {class: "bar", "aria-hidden": "true"},
    zero === null ? null : make("i", {class: "zero", style: {left: `${zero}%`}}),
    make("i", {class: value < 0 ? "less" : "more", style: {left: `${start}%`, width: `${Math.max(width, 0.4)}%`}}),
    whisker ? make("i", {class: "whisker", style: {left: `${whisker[0]}%`, width: `${whisker[1] - whisker[0]}%`}}) : null);

  const parts = () => {
    const {parts: rows, pk} = chosen();
    const spread = rows.some(row => row.std);
    let end = 0;
    const ends = rows.map(row => { end += row.pk; return end; });
    const low = Math.min(0, ...ends), high = Math.max(0.1, ...ends), scale = 100 / (high - low);
    const body = rows.map((row, k) => make("tr", {},
      make("td", {}, row.label),
      make("td", {class: "bars"}, bar(scale * (Math.min(ends[k], ends[k] - row.pk) - low), scale * Math.abs(row.pk), {zero: -scale * low, value: row.pk})),
      make("td", {class: "n"}, signed(row.pk)),
      spread ? make("td", {class: "n quiet"}, Number.isFinite(row.std) ? `± ${number(row.std)}` : "") : null));
    fill("parts", make("table", {class: "parts"},
      make("thead", {}, make("tr", {}, make("th", {scope: "col"}, "Part"), make("th", {"aria-label": "bar"}), make("th", {scope: "col", class: "n"}, "pK"), spread ? make("th", {scope: "col", class: "n"}, "spread") : null)),
      make("tbody", {}, body, make("tr", {class: "sum"}, make("td", {}, "pK"), make("td"), make("td", {class: "n"}, number(pk)), spread ? make("td") : null))));
  };

  // ---------------------------------------------------------------- colours

  /** What can be coloured; that which is known of residues or atoms only has no pairs. */
  const quantities = () => {
    const item = chosen(), has = (rows, name) => rows.some(row => Number.isFinite(row[name]));
    return [
      {name: "pk", label: "contribution of contacts, pK", signed: true},
      has(item.residues, "burial") ? {name: "total", label: "contribution of contacts and burial, pK", signed: true, alone: true} : null,
      has(item.residues, "burial") ? {name: "burial", label: "contribution of burial, pK", signed: true, alone: true} : null,
      item.pairs.gradient ? {name: "gradient", label: "integrated gradient, pK", signed: true} : null,
      has(item.residues, "occlusion") ? {name: "occlusion", label: "loss when deleted, pK", signed: true, alone: true} : null,
      item.attention ? {name: "attention", label: "attention", signed: false} : null,
    ].filter(Boolean);
  };

  /** Values of the pairs, and what residues and atoms have of it. */
  const mapped = () => {
    const item = chosen(), {pairs} = item;
    const kind = quantities().find(one => one.name === state.map.quantity) ?? quantities()[0];
    const most = list => list.reduce((found, value) => Math.max(found, Math.abs(value)), 0);
    const of = row => kind.name === "total" ? row.pk + (row.burial ?? 0) : row[kind.name] ?? 0;
    let residues = item.residues.map(of), atoms = item.atoms.map(of);
    if (kind.alone) return {kind, values: [], residues, atoms, limits: {residue: most(residues), atom: most(atoms)}, cell: 0};
    const part = kind.name === "pk" && state.map.part !== "" && item.heads;
    const values = kind.name === "attention" ? attention(item) : part ? ofHead(item, Number(state.map.part)) : pairs[kind.name];
    if (kind.name === "attention" || part) {
      [residues, atoms] = [item.residues.map(() => 0), item.atoms.map(() => 0)];
      values.forEach((value, k) => { residues[pairs.residue[k]] += value; atoms[pairs.atom[k]] += value; });
    }
    const limits = kind.name === "pk" && !part ? limit() : {residue: most(residues), atom: most(atoms)};
    return {kind, values, residues, atoms, limits, cell: most(values)};
  };

  /** What one of the geometry's heads adds to each pair, pK. */
  const ofHead = (item, head) => {
    const {step, values} = item.heads, pairs = item.pairs.atom.length;
    const read = new DataView((item.heads.read ??= bytes(values)).buffer);
    return [...Array(pairs).keys()].map(k => step * read.getInt16(2 * (head * pairs + k), true));
  };

  /** Mean weights over what is not chosen of networks, layers and heads. */
  const attention = item => {
    const {shape: [networks, layers, , heads], weights} = item.attention;
    item.attention.read ??= bytes(weights);
    const read = item.attention.read, pairs = item.pairs.atom.length;
    const some = (text, n) => text === "" || Number(text) >= n ? [...Array(n).keys()] : [Number(text)];
    const [ms, ls, hs] = [some(state.map.network, networks), some(state.map.layer, layers), some(state.map.head, heads)];
    const values = new Float64Array(pairs), direction = Number(state.map.direction);
    for (const m of ms) for (const l of ls) for (const h of hs) {
      const start = (((m * layers + l) * 2 + direction) * heads + h) * pairs;
      for (let k = 0; k < pairs; k += 1) values[k] += (read[start + k] / 255) ** 2;
    }
    return [...values].map(value => value / (ms.length * ls.length * hs.length));
  };

  const colourOf = (found, part) => {
    const end = found.limits[part];
    return found.kind.signed ? value => BindingColours.diverging(value, end) : value => BindingColours.sequential(value, end);
  };

  const legend = found => {
    const steps = [...Array(21).keys()].map(k => k / 10 - 1);
    const strip = found.kind.signed ? steps.map(step => BindingColours.diverging(step, 1)) : steps.map(step => BindingColours.sequential((step + 1) / 2, 1));
    const ends = [["residue", "residues"], ["atom", "ligand atoms"]].map(([part, text]) => {
      const end = found.limits[part];
      return make("span", {class: "scale"}, make("span", {}, found.kind.signed ? signed(-end) : "0"),
        make("i", {style: {background: `linear-gradient(90deg, ${strip.join(", ")})`}, role: "img", "aria-label": `colour scale of the ${text}`}),
        make("span", {}, found.kind.signed ? signed(end) : number(end)), make("span", {class: "quiet"}, found.kind.signed ? `pK, ${text}` : text));
    });
    return [...ends, make("span", {class: "quiet"}, found.kind.signed ? "Orange: below zero, weaker. Blue: above zero, tighter." : `Colour: ${found.kind.label}.`)];
  };

  // ---------------------------------------------------------------- 3D and 2D

  const scene = item => ({
    residues: item.places.map(([pool, place]) => ({...page.pool[pool], place})),
    ligand: item.ligand3d, lines: item.lines,
  });
  const colours = found => {
    const [ofResidue, ofAtom] = [colourOf(found, "residue"), colourOf(found, "atom")];
    return {residue: place => ofResidue(found.residues[place]), atom: place => ofAtom(found.atoms[place]),
      strong: place => Math.abs(found.residues[place]) > 0.08 * Math.max(...found.residues.map(Math.abs))};
  };

  const drawing = found => {
    const item = chosen();
    const {svg: text, size: [width, height], at: places} = page.drawings[item.drawing];
    const svg = new DOMParser().parseFromString(text, "image/svg+xml").documentElement;
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.removeAttribute("width");
    svg.removeAttribute("height");
    svg.style.maxWidth = `${Math.round(1.5 * width)}px`;
    svg.setAttribute("role", "group");
    svg.setAttribute("aria-label", "The ligand in 2D");
    const colour = colourOf(found, "atom");
    const below = item.atoms.map((_, k) => make("circle", {class: "under", cx: places[k][0], cy: places[k][1], r: 11.5, fill: colour(found.atoms[k])}));
    const above = item.atoms.map((_, k) => make("circle", {class: "over", cx: places[k][0], cy: places[k][1], r: 13, fill: "transparent", "data-a": k}));
    const first = [...svg.children].find(child => ["path", "ellipse", "g"].includes(child.localName)) ?? null;
    below.forEach(circle => svg.insertBefore(circle, first));
    svg.append(...above);
    fill("drawing", document.importNode(svg, true));
  };

  // ---------------------------------------------------------------- the map of pairs

  const option = (value, text, now) => make("option", {value, selected: String(value) === String(now)}, text);
  const chooser = (id, name, label, options) => make("label", {}, `${label} `,
    make("select", {id, onchange: event => { state.map[name] = event.target.value; recolour(); at(id)?.focus(); }}, options));

  const mapChoosers = () => {
    const item = chosen(), shape = item.attention?.shape;
    const numbers = (n, word) => [option("", n === 1 ? `the ${word}` : `mean of ${n}`, null), ...(n === 1 ? [] : [...Array(n).keys()].map(k => option(k, k + 1, null)))];
    const list = [chooser("quantity", "quantity", "colour by", quantities().map(one => option(one.name, one.label, state.map.quantity)))];
    if (state.map.quantity === "pk" && item.heads) {
      list.push(chooser("part", "part", "of", [option("", "all kinds of contact", null), ...item.heads.names.map((text, k) => option(k, text, null))]));
    }
    if (state.map.quantity === "attention" && shape) {
      list.push(
        chooser("direction", "direction", "direction", page.directions.map((text, k) => option(k, text, state.map.direction))),
        chooser("network", "network", "network", numbers(shape[0], "network")),
        chooser("layer", "layer", "layer", numbers(shape[1], "layer")),
        chooser("head", "head", "head", numbers(shape[3], "head")));
    }
    fill("map-order", make("label", {}, "rows ", make("select", {id: "order", onchange: event => { state.order = event.target.value; map(mapped()); }},
      [option("strength", "strongest first", state.order), option("sequence", "by sequence", state.order)])));
    fill("choosers", list);
    for (const name of ["part", "direction", "network", "layer", "head"]) if (at(name)) at(name).value = state.map[name];
  };

  const map = found => {
    const item = chosen(), {pairs} = item;
    show("map", !found.kind.alone);
    show("map-legend", !found.kind.alone);
    show("map-more", !found.kind.alone);
    fill("map-note", found.kind.alone ? "This is known of whole residues and atoms, not of pairs: it colours 3D and 2D."
      : found.kind.name === "attention" && !item.attention.in_pk ? "This attention is of networks that answer for the probability of the pose; they have no weight in this pK." : "");
    if (found.kind.alone) return;
    const byStrength = item.residues.map((_, k) => k).sort((a, b) => Math.abs(found.residues[b]) - Math.abs(found.residues[a]));
    const kept = state.all.map ? byStrength : byStrength.slice(0, 24);
    const rows = state.order === "sequence" ? [...kept].sort((a, b) => a - b) : kept;
    const value = new Map(pairs.atom.map((atom, k) => [`${pairs.residue[k]} ${atom}`, k]));
    const limit = found.cell;
    const shade = found.kind.signed ? one => BindingColours.diverging(one, limit) : one => BindingColours.sequential(one, limit);
    const [total, totalOfAtom] = [colourOf(found, "residue"), colourOf(found, "atom")];
    const decimals = found.kind.signed ? 3 : 3;
    const text = one => found.kind.signed ? `${signed(one, decimals)} pK` : number(one, decimals);
    const head = make("tr", {}, make("td", {class: "corner"}),
      item.atoms.map((row, a) => make("th", {scope: "col", "data-a": a}, make("span", {}, row.label))),
      make("th", {scope: "col", class: "total"}, make("span", {}, "sum")));
    const body = rows.map(r => make("tr", {},
      make("th", {scope: "row", "data-r": r}, item.residues[r].label),
      item.atoms.map((row, a) => {
        const k = value.get(`${r} ${a}`);
        if (k === undefined) return make("td", {class: "none", "data-r": r, "data-a": a, tabindex: -1, "aria-label": `${item.residues[r].label}, ${row.label}: out of reach`});
        return make("td", {"data-r": r, "data-a": a, tabindex: -1, style: {background: shade(found.values[k])},
          "aria-label": `${item.residues[r].label}, ${row.label}: ${text(found.values[k])}, ${number(pairs.distance[k])} Å`});
      }),
      make("td", {class: "total n", "data-r": r, style: {background: total(found.residues[r]), color: BindingColours.onTop(total(found.residues[r]))}}, found.kind.signed ? signed(found.residues[r]) : number(found.residues[r]))));
    const sums = make("tr", {class: "total"}, make("th", {scope: "row"}, "sum"),
      item.atoms.map((_, a) => make("td", {"data-a": a, tabindex: -1, style: {background: totalOfAtom(found.atoms[a])}, "aria-label": `${labelOfAtom(a)}, sum: ${text(found.atoms[a])}`})), make("td"));
    const table = make("table", {role: "grid", class: "map", "aria-label": `${found.kind.label} of each residue and ligand atom`},
      make("thead", {}, head), make("tbody", {}, body, sums));
    const first = table.querySelector("td[tabindex]");
    if (first) first.tabIndex = 0;
    const room = (at("map").clientWidth - 190) / item.atoms.length;
    table.style.setProperty("--cell", `${Math.max(17, Math.min(34, Math.floor(room)))}px`);
    fill("map", table);
    const steps = [...Array(21).keys()].map(k => k / 10 - 1);
    const strip = steps.map(step => found.kind.signed ? BindingColours.diverging(step, 1) : BindingColours.sequential((step + 1) / 2, 1));
    fill("map-legend", make("span", {}, found.kind.signed ? signed(-limit, 3) : "0"), make("i", {style: {background: `linear-gradient(90deg, ${strip.join(", ")})`}}),
      make("span", {}, found.kind.signed ? `${signed(limit, 3)} pK a pair` : number(limit, 3)),
      make("span", {class: "quiet"}, "empty: out of the model's reach"));
    const more = item.residues.length - kept.length;
    fill("map-more", more > 0 || state.all.map ? make("button", {type: "button", onclick: () => { state.all.map = !state.all.map; map(mapped()); }}, state.all.map ? "Show the strongest" : `Show ${more} more`) : null);
    mark("chosen", state);
  };

  // ---------------------------------------------------------------- tables

  /** Sorted as its heading says; each column is {label, note, numeric, of(row), cell(row)}. */
  const table = (id, rows, columns, {key, label, most = Infinity, all = false, toggle = null}) => {
    const order = state.sort[id];
    const places = rows.map((_, k) => k);
    if (order) {
      const of = columns[order.column].of, sign = order.up ? 1 : -1;
      places.sort((a, b) => {
        const [x, y] = [of(rows[a]), of(rows[b])];
        if (typeof x === "number") return sign * ((Number.isFinite(x) ? x : -Infinity) - (Number.isFinite(y) ? y : -Infinity)) || a - b;
        return sign * String(x).localeCompare(String(y), "en", {numeric: true}) || a - b;
      });
    }
    const kept = all ? places : places.slice(0, most);
    const heads = columns.map((column, k) => make("th", {scope: "col", class: column.numeric ? "n" : null, "aria-sort": order?.column === k ? (order.up ? "ascending" : "descending") : null},
      column.of ? make("button", {type: "button", onclick: () => {
        state.sort[id] = {column: k, up: order?.column === k ? !order.up : !column.numeric};
        tables();
        at(id).querySelectorAll("thead th")[k].querySelector("button").focus();
      }}, column.label) : make("span", {class: column.label ? null : "unseen"}, column.label || "bar"), column.note ? make("small", {}, column.note) : null));
    const body = kept.map((place, k) => {
      const row = rows[place];
      return make("tr", {[`data-${key}`]: row.place, tabindex: k ? -1 : 0, "aria-selected": "false"},
        columns.map(column => make("td", {class: [column.numeric ? "n" : "", column.bars ? "bars" : "", column.quiet ? "quiet" : ""].join(" ").trim() || null}, column.cell(row))));
    });
    fill(id, make("table", {role: "grid", "aria-label": label}, make("thead", {}, make("tr", {}, heads)), make("tbody", {}, body)),
      toggle && rows.length > most ? make("button", {type: "button", class: "more", onclick: toggle}, all ? "Show fewer" : `Show all ${rows.length}`) : "");
  };

  const bars = rows => {
    const low = Math.min(0, ...rows.map(row => row.pk - (row.std || 0))), high = Math.max(0.01, ...rows.map(row => row.pk + (row.std || 0)));
    const scale = 100 / (high - low), zero = -scale * low;
    return row => bar(zero + scale * Math.min(row.pk, 0), scale * Math.abs(row.pk),
      {zero, value: row.pk, whisker: Number.isFinite(row.std) && row.std > 0 ? [zero + scale * (row.pk - row.std), zero + scale * (row.pk + row.std)] : null});
  };

  const extra = (rows, name, label, note, text) => rows.some(row => row[name])
    ? [{label, note, numeric: true, of: row => row[name], cell: row => text(row[name])}] : [];

  const shareColumns = (rows, draw) => [
    {label: "", cell: draw, bars: true},
    {label: "pK", numeric: true, of: row => row.pk, cell: row => signed(row.pk)},
    ...extra(rows, "std", "±", "networks", value => number(value)),
  ];
  const tables = () => {
    const item = chosen();
    const strength = rows => rows.map((row, place) => ({...row, place})).sort((a, b) => Math.abs(b.pk) - Math.abs(a.pk));
    const residues = strength(item.residues);
    show("residues-none", !residues.length);
    if (residues.length) {
      table("residues", residues, [
        {label: "Residue", of: row => row.label, cell: row => row.kind === "amino acid" ? row.label : [row.label, make("span", {class: "quiet"}, ` ${row.kind}`)]},
        ...shareColumns(residues, bars(residues)),
        {label: "Distance", note: "Å", numeric: true, of: row => row.distance, cell: row => number(row.distance)},
        ...extra(residues, "burial", "Burial", "pK", value => signed(value)),
        ...extra(residues, "attention", "Attention", "received", value => number(value, 3)),
        ...extra(residues, "gradient", "Gradient", "pK", value => signed(value)),
        ...extra(residues, "occlusion", "Deleted", "loss in pK", value => signed(value)),
        {label: "Contacts", of: row => row.contacts, cell: row => row.contacts},
      ], {key: "r", label: "Residues", most: 12, all: state.all.residues,
        toggle: () => { state.all.residues = !state.all.residues; tables(); }});
    } else fill("residues");
    const atoms = strength(item.atoms);
    table("atoms", atoms, [
      {label: "Atom", of: row => row.label, cell: row => row.label},
      ...shareColumns(atoms, bars(atoms)),
      ...extra(atoms, "attention", "Attention", "received", value => number(value, 3)),
      ...extra(atoms, "gradient", "Gradient", "pK", value => signed(value)),
      ...extra(atoms, "occlusion", "Deleted", "its part, pK", value => signed(value)),
    ], {key: "a", label: "Ligand atoms", most: 12, all: state.all.atoms, toggle: () => { state.all.atoms = !state.all.atoms; tables(); }});
    mark("chosen", state);
  };

  // ---------------------------------------------------------------- what else is known

  const plain = (columns, rows, cells) => make("table", {}, make("thead", {}, make("tr", {}, columns.map(([text, numeric]) => make("th", {scope: "col", class: numeric ? "n" : null}, text)))),
    make("tbody", {}, rows.map(row => make("tr", {}, cells(row).map((cell, k) => make("td", {class: columns[k][1] ? "n" : null}, cell))))));

  const fragments = () => {
    const {fragments: rows} = chosen();
    show("fragments-section", Boolean(rows?.length));
    if (!rows?.length) return;
    fill("fragments", plain([["Part"], ["SMILES"], ["Atoms"], ["loss in pK", true], ["without the prior", true]], rows,
      row => [row.kind, make("code", {}, row.smiles), row.atoms, signed(row.pk), signed(row.pk_network)]));
  };

  const agreement = () => {
    const found = chosen().agreement;
    show("agreement-section", Boolean(found));
    if (!found) return;
    const names = found.measures;
    const body = names.map((name, i) => make("tr", {}, make("th", {scope: "row"}, name), names.map((_, j) => {
      const value = found.spearman[i][j];
      const colour = BindingColours.sequential(Math.max(0, value) ** 3, 5);
      return i === j ? make("td", {class: "n quiet"}, "") : make("td", {class: "n", style: {background: colour, color: BindingColours.onTop(colour)}}, number(value), make("small", {}, `${found.top[i][j]} of ${found.most}`));
    })));
    fill("agreement", make("p", {}, found.sentence), make("div", {class: "wide"}, make("table", {class: "agreement"},
      make("thead", {}, make("tr", {}, make("td"), names.map(name => make("th", {scope: "col"}, name)))), make("tbody", {}, body))),
      make("p", {class: "quiet"}, "Rank correlation over the residues in reach; below it, how many of the highest residues of both are the same."));
  };

  const interactions = () => {
    const rows = chosen().interactions;
    show("interactions-section", Boolean(rows));
    if (!rows) return;
    fill("interactions", rows.length ? plain([["Interaction"], ["Residue"], ["Ligand atoms"], ["Å", true], ["angle", true], ["residue's pK", true]], rows,
      row => [row.kind, row.residue, row.atoms, number(row.distance), Number.isFinite(row.angle) ? `${number(row.angle, 0)}°` : "", signed(row.pk)])
      : make("p", {}, "None was found."));
    rows.forEach((row, k) => {
      const line = at("interactions").querySelectorAll("tbody tr")[k];
      if (row.place !== null) line.dataset.r = row.place;
      line.tabIndex = k ? -1 : 0;
    });
  };

  const evidence = () => {
    const found = chosen().evidence;
    show("evidence-section", Boolean(found));
    if (!found) return;
    fill("evidence", make("p", {class: "quiet"}, found.said), make("div", {class: "wide"}, plain(found.columns, found.rows, row => row.map((cell, k) => found.columns[k][1] ? cell.replace(/^-/, "−") : cell))));
  };

  // ---------------------------------------------------------------- several complexes

  const series = () => {
    show("series-section", complexes.length > 1);
    if (complexes.length < 2) return;
    const of = complexes.map(item => new Map(item.residues.map(row => [row.label, row])));
    const labels = [...new Set(complexes.flatMap(item => item.residues.map(row => row.label)))];
    const reference = state.reference === "" ? null : Number(state.reference);
    const value = (k, label) => {
      const own = of[k].get(label)?.pk ?? 0;
      return reference === null ? own : own - (of[reference].get(label)?.pk ?? 0);
    };
    const shown = complexes.map((_, k) => k);
    const spreadOf = label => {
      const found = shown.map(k => value(k, label));
      return Math.max(...found) - Math.min(...found);
    };
    const strength = label => Math.max(...shown.map(k => Math.abs(value(k, label))));
    const columns = labels.sort((a, b) => strength(b) - strength(a)).slice(0, 16);
    const limit = Math.max(1e-6, ...columns.map(strength));
    const differs = (k, label) => {
      if (reference === null || k === reference) return false;
      const spread = Math.hypot(of[k].get(label)?.std || 0, of[reference].get(label)?.std || 0);
      return Math.abs(value(k, label)) > Math.max(0.05, 2 * spread);
    };
    const most = new Set([...columns].sort((a, b) => spreadOf(b) - spreadOf(a)).slice(0, 3).filter(label => spreadOf(label) > 0.05));
    const head = make("tr", {}, make("th", {scope: "col"}, "Complex"), make("th", {scope: "col", class: "n"}, "pK"), make("th", {scope: "col", class: "n"}, "±"), make("th", {scope: "col", class: "n"}, "pose"),
      columns.map(label => make("th", {scope: "col", class: "turned"}, make("span", {}, most.has(label) ? `◆ ${label}` : label))));
    const body = complexes.map((item, k) => make("tr", {"data-complex": k, tabindex: k === state.complex ? 0 : -1, class: k === state.complex ? "chosen" : null, "aria-selected": String(k === state.complex)},
      make("th", {scope: "row"}, item.id, k === reference ? make("small", {}, " reference") : null),
      make("td", {class: "n"}, reference === null || k === reference ? number(item.pk) : signed(item.pk - complexes[reference].pk)),
      make("td", {class: "n quiet"}, number(item.pk_std)), make("td", {class: "n"}, number(item.pose)),
      columns.map(label => {
        const missing = !of[k].has(label);
        const colour = BindingColours.diverging(value(k, label), limit);
        return make("td", {class: `cell n${differs(k, label) ? " differs" : ""}`, style: missing && reference === null ? {} : {background: colour, color: BindingColours.onTop(colour)}, "aria-label": `${label}: ${missing ? "out of reach" : `${signed(value(k, label))} pK`}`},
          missing && reference === null ? "" : signed(value(k, label)));
      })));
    fill("series", make("table", {role: "grid", class: "series", "aria-label": "Complexes and their residues"}, make("thead", {}, head), make("tbody", {}, body)));
    fill("series-note", reference === null ? "pK of each complex and what its residues add. ◆ marks the three residues in which the complexes differ most. Choose a row to see it below."
      : "Differences from the reference in pK. Outlined: more than twice the spread of the networks, and more than 0.05.");
  };

  const failed = () => {
    show("failed-section", page.missed > 0);
    if (!page.missed) return;
    const more = page.missed - page.failed.length;
    fill("failed", plain([["id"], ["reason"], [""]], page.failed, row => [row.id, make("code", {}, row.error_code), row.message]),
      more > 0 ? make("p", {class: "quiet"}, `${more} more are in parts.csv.`) : "");
  };

  // ---------------------------------------------------------------- all of it

  const recolour = () => {
    mapChoosers();
    const found = mapped();
    fill("legend", legend(found));
    drawing(found);
    map(found);
    viewer?.paint(colours(found));
    mark("chosen", state);
  };

  const open = (place, {keep = false} = {}) => {
    const before = chosen();
    state.complex = place;
    state.residue = state.atom = null;
    const item = chosen();
    if (!quantities().some(one => one.name === state.map.quantity)) state.map.quantity = "pk";
    if (!item.heads) state.map.part = "";
    summary();
    parts();
    tables();
    recolour();
    fragments();
    agreement();
    interactions();
    evidence();
    series();
    if (complexes.length > 1) at("complex").value = String(place);
    viewer?.show(scene(item), colours(mapped()), keep && before.protein === item.protein);
    select({}, {move: false});
  };

  const begin = () => {
    failed();
    show("content", complexes.length > 0);
    if (!complexes.length) return;
    if (complexes.length > 1) {
      fill("complex", complexes.map((item, k) => option(k, `${k + 1}. ${item.id} (pK ${number(item.pk)})`, 0)));
      at("complex").addEventListener("change", event => open(Number(event.target.value), {keep: true}));
      const step = by => open((state.complex + by + complexes.length) % complexes.length, {keep: true});
      at("before").addEventListener("click", () => step(-1));
      at("after").addEventListener("click", () => step(1));
      fill("reference", option("", "contributions", ""), complexes.map((item, k) => option(k, `difference from ${k + 1}. ${item.id}`, "")));
      at("reference").addEventListener("change", event => { state.reference = event.target.value; series(); });
    }
    show("chooser", complexes.length > 1);
    viewer = new BindingViewer(at("view"), {pick: what => select(what), hover});
    window.explanation = {viewer, state, select};  // for tests and the console
    open(0);
  };

  const pressed = event => {
    const row = event.target.closest("tr[data-complex]");
    if (row) {
      open(Number(row.dataset.complex), {keep: true});
      at("series").querySelector(`tr[data-complex="${state.complex}"]`).focus();
      return;
    }
    const what = whatOf(event.target);
    if (what) select(what);
  };

  document.addEventListener("click", event => { if (!event.target.closest("button, select, a, .stage")) pressed(event); });
  document.addEventListener("pointerover", event => {
    if (event.target.closest?.(".stage")) return;
    hover(whatOf(event.target) ?? {});
  });
  document.addEventListener("keydown", event => {
    const row = event.target.closest?.("tr[tabindex]"), cell = event.target.closest?.("table.map td[tabindex]");
    if (event.key === "Escape") { select({}); return; }
    const target = cell ?? row;
    if (!target || event.target.closest("button, select")) return;
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); pressed({target}); return; }
    const move = {ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0]}[event.key];
    if (!move || (!cell && move[0])) return;
    event.preventDefault();
    let next = null;
    if (cell) {
      const rows = [...cell.closest("tbody").rows], column = cell.cellIndex + move[0];
      next = rows[rows.indexOf(cell.parentElement) + move[1]]?.cells[column];
      if (!next?.hasAttribute("tabindex")) return;
    } else next = move[1] < 0 ? row.previousElementSibling : row.nextElementSibling;
    if (!next) return;
    target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
    const what = whatOf(next);
    if (what) { hover(what); if (row && !row.dataset.complex) select(what); }
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (complexes.length) { recolour(); agreement(); series(); viewer.retheme(); } });
  window.addEventListener("beforeprint", () => { if (viewer?.viewer) { at("printed").src = viewer.picture(); } });
  begin();
})();
