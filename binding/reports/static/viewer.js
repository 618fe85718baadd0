/* A panel that shows a ligand in its pocket in 3D; drawn by 3Dmol.js, which has to be on the page.
 *
 * A scene is plain data, made by binding/reports/viewer.py:
 *   residues  [{label, chain, name, number, kind, names, elements, xyz, bonds, place}] in the order of the chain; xyz flat
 *             in Å, bonds flat pairs; place is what the page calls a residue by, null where it is far from the ligand
 *   ligand    {elements, labels, xyz, bonds}, bonds flat triples: atom, atom, order (4 is aromatic)
 *   lines     [{atom, residue, text, end: [x, y, z]}], dashed, strongest first
 * Text is drawn on a canvas, never parsed as HTML.
 */
"use strict";

const BindingColours = (() => {
  const parse = text => {
    const hex = text.trim().replace("#", "");
    return [0, 2, 4].map(k => parseInt(hex.slice(k, k + 2), 16));
  };
  const css = name => getComputedStyle(document.documentElement).getPropertyValue(name);
  const hex = rgb => "#" + rgb.map(part => Math.round(part).toString(16).padStart(2, "0")).join("");
  const mix = (from, to, share) => from.map((part, k) => part + share * (to[k] - part));
  /** The colour of a value on a scale that is symmetrical about zero. */
  const diverging = (value, limit) => {
    const share = limit > 0 && Number.isFinite(value) ? Math.min(Math.abs(value) / limit, 1) : 0;
    return hex(mix(parse(css("--middle")), parse(css(value < 0 ? "--weaker" : "--tighter")), share));
  };
  /** The colour of a value on a scale from nothing to much. */
  const sequential = (value, limit) => {
    const share = limit > 0 && Number.isFinite(value) ? Math.max(0, Math.min(value / limit, 1)) : 0;
    return hex(mix(parse(css("--nothing")), parse(css("--much")), Math.sqrt(share)));
  };
  /** Black or white, whichever is legible on a colour. */
  const onTop = colour => {
    const [r, g, b] = parse(colour).map(part => (part / 255) ** 2.2);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.22 ? "#111820" : "#ffffff";
  };
  return {css, diverging, sequential, onTop};
})();

const BindingViewer = (() => {
  const ELEMENTS = {N: "#3050f8", O: "#e02020", S: "#c9a800", P: "#ff8000", F: "#5fa82e", Cl: "#1fa01f", Br: "#a62929", I: "#940094"};
  const still = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
  const three = (xyz, k) => ({x: xyz[3 * k], y: xyz[3 * k + 1], z: xyz[3 * k + 2]});
  const mean = points => {
    const sum = points.reduce((total, p) => ({x: total.x + p.x, y: total.y + p.y, z: total.z + p.z}), {x: 0, y: 0, z: 0});
    return {x: sum.x / points.length, y: sum.y / points.length, z: sum.z / points.length};
  };
  const minus = (a, b) => ({x: a.x - b.x, y: a.y - b.y, z: a.z - b.z});
  const dot = (a, b) => a.x * b.x + a.y * b.y + a.z * b.z;
  const scaled = (a, by) => ({x: a.x * by, y: a.y * by, z: a.z * by});
  const cross = (a, b) => ({x: a.y * b.z - a.z * b.y, y: a.z * b.x - a.x * b.z, z: a.x * b.y - a.y * b.x});
  const unit = a => scaled(a, 1 / (Math.sqrt(dot(a, a)) || 1));

  /** Whether this machine draws 3D without a graphics card: then it is spared the smoothing. */
  const slow = () => {
    const context = document.createElement("canvas").getContext("webgl");
    const name = context?.getExtension("WEBGL_debug_renderer_info");
    const found = name ? /swiftshader|llvmpipe|software|basic render/i.test(context.getParameter(name.UNMASKED_RENDERER_WEBGL)) : false;
    context?.getExtension("WEBGL_lose_context")?.loseContext();
    return found;
  };

  /** The direction in which points extend most, by power iteration, across those that are given. */
  const longest = (points, across = []) => {
    const centre = mean(points);
    const free = v => across.reduce((left, axis) => minus(left, scaled(axis, dot(left, axis))), v);
    let axis = unit(free({x: 0.31, y: 0.59, z: 0.74}));
    for (let turn = 0; turn < 60; turn += 1) {
      let next = {x: 1e-9, y: 0, z: 0};
      for (const point of points) {
        const d = free(minus(point, centre));
        const along = dot(d, axis);
        next = {x: next.x + along * d.x, y: next.y + along * d.y, z: next.z + along * d.z};
      }
      axis = unit(free(next));
    }
    return axis;
  };

  /** The quaternion that turns the axes of a frame (rows: right, up, to the viewer) onto those of the screen. */
  const quaternion = (r, u, v) => {
    const m = [[r.x, r.y, r.z], [u.x, u.y, u.z], [v.x, v.y, v.z]];
    const trace = m[0][0] + m[1][1] + m[2][2];
    if (trace > 0) {
      const s = 2 * Math.sqrt(trace + 1);
      return [(m[2][1] - m[1][2]) / s, (m[0][2] - m[2][0]) / s, (m[1][0] - m[0][1]) / s, s / 4];
    }
    const i = m[1][1] > m[0][0] ? (m[2][2] > m[1][1] ? 2 : 1) : m[2][2] > m[0][0] ? 2 : 0;
    const [j, k] = [(i + 1) % 3, (i + 2) % 3];
    const s = 2 * Math.sqrt(1 + m[i][i] - m[j][j] - m[k][k]);
    const q = [0, 0, 0, (m[k][j] - m[j][k]) / s];
    q[i] = s / 4;
    q[j] = (m[j][i] + m[i][j]) / s;
    q[k] = (m[k][i] + m[i][k]) / s;
    return q;
  };

  class BindingViewer {
    /**
     * @param host    An element with a size; gets the canvas and the buttons.
     * @param options pick(what) and hover(what) are called with {atom}, {residue} or {}; shown says which buttons are on
     *                at first: labels, lines, backbone, elements.
     */
    constructor(host, options = {}) {
      this.host = host;
      this.options = options;
      this.shown = {labels: true, lines: true, backbone: true, elements: false, ...options.shown};
      this.stage = host.appendChild(document.createElement("div"));
      this.stage.className = "stage";
      this.stage.tabIndex = 0;
      this.stage.setAttribute("role", "application");
      this.stage.setAttribute("aria-label", "3D view. Arrow keys turn it, plus and minus zoom, Home shows all.");
      try {
        this.viewer = $3Dmol.createViewer(this.stage, {
          backgroundColor: BindingColours.css("--stage").trim(), antialias: !slow(), hoverDuration: 60, cartoonQuality: 5,
        });
      } catch (error) {
        this.viewer = null;
      }
      if (!this.viewer) {
        this.stage.textContent = "This browser draws no 3D: WebGL is off. Everything else on the page works.";
        this.stage.classList.add("without");
        return;
      }
      this._listen();
      this._buttons();
    }

    /** Shows a scene. The view stays as it is where `keep` is set, as between poses in one site. */
    show(scene, colours, keep = false) {
      if (!this.viewer) return;
      this.scene = scene;
      this.viewer.removeAllModels();
      this.viewer.removeAllShapes();
      this.viewer.removeAllLabels();
      this.halos = [];
      this.drawn = [];
      this.tags = [];
      this.pocket = this.viewer.addModel();
      this.pocket.addAtoms(this._pocketAtoms());
      this.ligand = this.viewer.addModel();
      this.ligand.addAtoms(this._ligandAtoms());
      const pick = atom => this.options.pick?.(this._what(atom));
      this.viewer.setClickable({}, true, pick);
      this.viewer.setHoverable({}, true, atom => this.options.hover?.(this._what(atom)), () => this.options.hover?.({}));
      this._style(colours);
      this._lines();
      if (!keep) this._look();
      this.viewer.render();
    }

    /** Colours residues and atoms: {residue(k), atom(k)} give a colour each; strong(k) says whether a residue is drawn thick. */
    paint(colours) {
      if (!this.viewer || !this.scene) return;
      this._style(colours);
      this.viewer.render();
    }

    _style(colours) {
      this.colours = colours;
      const {elements, backbone} = this.shown;
      const grey = BindingColours.css("--middle").trim();
      const far = BindingColours.css("--far").trim();
      const ofElement = (atom, carbon) => ELEMENTS[atom.elem] ?? carbon;
      const ofResidue = atom => elements ? ofElement(atom, grey) : colours.residue(atom.place);
      const ofAtom = atom => elements ? ofElement(atom, BindingColours.css("--ligand").trim()) : colours.atom(atom.place);
      const chain = backbone ? {cartoon: {thickness: 0.18, color: far, opacity: 0.55}} : {};
      const strong = this.scene.residues.filter(residue => residue.place !== null && colours.strong(residue.place)).map(residue => residue.place);
      this.pocket.setStyle({}, chain);
      this.pocket.setStyle({near: true}, {...chain, stick: {radius: 0.06, colorfunc: ofResidue}});
      this.pocket.setStyle({place: strong}, {...chain, stick: {radius: 0.15, colorfunc: ofResidue}});
      this.pocket.setStyle({alone: true}, {sphere: {radius: 0.75, colorfunc: ofResidue}});
      this.ligand.setStyle({}, {stick: {radius: 0.24, colorfunc: ofAtom}, sphere: {radius: 0.34, colorfunc: ofAtom}});
    }

    /** Moves the view to a residue, an atom or both, and marks them. */
    focus({atom = null, residue = null}) {
      if (!this.viewer || !this.scene) return;
      this._mark({atom, residue});
      const chosen = [];
      if (residue !== null) chosen.push(...this._places("residue", residue));
      if (atom !== null) chosen.push(...this._places("atom", atom));
      if (!chosen.length) {
        this.viewer.render();
        return;
      }
      // with the nearest part of the other partner in sight
      const others = residue !== null && atom === null ? this.scene.ligand.elements.map((_, k) => three(this.scene.ligand.xyz, k)) : [];
      const centre = mean(chosen);
      others.sort((a, b) => dot(minus(a, centre), minus(a, centre)) - dot(minus(b, centre), minus(b, centre)));
      this._zoom([...chosen, ...others.slice(0, 3)]);
    }

    /** Shows everything from where the ligand lies flat. */
    reset() {
      if (!this.viewer || !this.scene) return;
      this._mark({});
      this._look();
      this.viewer.render();
    }

    /** The colours of the page have changed. */
    retheme() {
      if (!this.viewer || !this.scene) return;
      this.viewer.setBackgroundColor(BindingColours.css("--stage").trim(), 1);
      this._style(this.colours);
      this._lines();
      this.viewer.render();
    }

    view() {
      return this.viewer ? this.viewer.getView() : [];
    }

    picture() {
      return this.viewer ? this.viewer.pngURI() : "";
    }

    _what(atom) {
      return atom.place === null ? {} : atom.part === "ligand" ? {atom: atom.place} : {residue: atom.place};
    }

    _places(part, place) {
      if (part === "atom") return [three(this.scene.ligand.xyz, place)];
      const residue = this.scene.residues.find(one => one.place === place);
      return residue.names.map((_, k) => three(residue.xyz, k));
    }

    _pocketAtoms() {
      const atoms = [];
      const ends = new Map();  // where C and N of the backbone and S of cysteines are
      this.scene.residues.forEach((residue, row) => {
        const first = atoms.length;
        residue.names.forEach((name, k) => atoms.push({
          ...three(residue.xyz, k), elem: residue.elements[k], atom: name, resn: residue.name, resi: residue.number,
          chain: residue.chain, ss: "c", hetflag: residue.kind !== "amino acid", part: "pocket", place: residue.place,
          near: residue.place !== null, alone: residue.names.length === 1, bonds: [], bondOrder: [],
        }));
        for (let k = 0; k < residue.bonds.length; k += 2) {
          this._bond(atoms, first + residue.bonds[k], first + residue.bonds[k + 1], 1);
        }
        if (residue.kind !== "amino acid") return;
        residue.names.forEach((name, k) => {
          if (name === "C" || name === "N" || name === "SG") ends.set(`${row} ${name}`, first + k);
        });
      });
      const near = (a, b, far) => a !== undefined && b !== undefined
        && dot(minus(atoms[a], atoms[b]), minus(atoms[a], atoms[b])) < far * far;
      const sulfurs = [...ends].filter(([key]) => key.endsWith(" SG")).map(([, atom]) => atom);
      this.scene.residues.forEach((_, row) => {
        const [c, n] = [ends.get(`${row} C`), ends.get(`${row + 1} N`)];
        if (near(c, n, 1.8)) this._bond(atoms, c, n, 1);
      });
      sulfurs.forEach((a, k) => sulfurs.slice(k + 1).forEach(b => near(a, b, 2.5) && this._bond(atoms, a, b, 1)));
      return atoms;
    }

    _ligandAtoms() {
      const {elements, xyz, bonds} = this.scene.ligand;
      const atoms = elements.map((elem, place) => ({
        ...three(xyz, place), elem, atom: elem, resn: "LIG", resi: 1, chain: "", hetflag: true, part: "ligand", place, bonds: [], bondOrder: [],
      }));
      for (let k = 0; k < bonds.length; k += 3) this._bond(atoms, bonds[k], bonds[k + 1], bonds[k + 2] === 4 ? 1 : bonds[k + 2]);
      return atoms;
    }

    _bond(atoms, a, b, order) {
      for (const [one, other] of [[a, b], [b, a]]) {
        atoms[one].bonds.push(other);
        atoms[one].bondOrder.push(order);
      }
    }

    /** Dashed lines of the strongest contacts, and the names of their residues. */
    _lines() {
      this.drawn.forEach(shape => this.viewer.removeShape(shape));
      this.tags.forEach(label => this.viewer.removeLabel(label));
      this.drawn = [];
      this.tags = [];
      const ink = BindingColours.css("--ink").trim(), paper = BindingColours.css("--stage").trim();
      const named = new Set();
      for (const line of this.scene.lines ?? []) {
        const start = three(this.scene.ligand.xyz, line.atom);
        const end = {x: line.end[0], y: line.end[1], z: line.end[2]};
        if (this.shown.lines) {
          this.drawn.push(this.viewer.addCylinder({start, end, radius: 0.055, dashed: true, dashLength: 0.22, gapLength: 0.16, color: BindingColours.css("--line-3d").trim(), fromCap: 1, toCap: 1}));
        }
        if (!this.shown.labels || named.has(line.residue)) continue;
        named.add(line.residue);
        const away = unit(minus(end, start));
        const position = {x: end.x + 0.9 * away.x, y: end.y + 0.9 * away.y, z: end.z + 0.9 * away.z};
        this.tags.push(this.viewer.addLabel(line.text, {
          position, fontSize: 12, fontColor: ink, backgroundColor: paper, backgroundOpacity: 0.78, inFront: true,
          alignment: "center", font: "system-ui, 'Liberation Sans', Arial, sans-serif",
        }, undefined, true));
      }
    }

    _mark({atom = null, residue = null}) {
      this.halos.forEach(shape => this.viewer.removeShape(shape));
      this.halos = [];
      const glow = (centre, radius) => this.halos.push(this.viewer.addSphere({center: centre, radius, color: BindingColours.css("--mark").trim(), opacity: 0.45}));
      if (residue !== null) this._places("residue", residue).forEach(place => glow(place, 0.42));
      if (atom !== null) glow(this._places("atom", atom)[0], 0.62);
    }

    /** Turned so that the ligand lies flat and the pocket behind it, with the ligand and what touches it in sight. */
    _look() {
      const ligand = this.scene.ligand.elements.map((_, k) => three(this.scene.ligand.xyz, k));
      const around = this.scene.residues.flatMap(residue => residue.names.map((_, k) => three(residue.xyz, k)));
      const right = longest(ligand);
      const up = longest(ligand.length > 2 ? ligand : around, [right]);
      const out = cross(right, up);
      const behind = around.length && dot(out, minus(mean(ligand), mean(around))) < 0;
      const turn = behind ? quaternion(scaled(right, -1), up, scaled(out, -1)) : quaternion(right, up, out);
      this._zoom(ligand, {duration: 0, room: 1.5, turn});
    }

    /** Moves the camera to points; atoms are what 3Dmol can zoom to, so the nearest ones stand for them. */
    _zoom(points, {duration = still() ? 0 : 450, room = 1.0, turn = null} = {}) {
      const centre = mean(points);
      const reach = room * Math.max(6.5, ...points.map(point => Math.sqrt(dot(minus(point, centre), minus(point, centre))) + 2));
      const narrow = Math.min(1, this.stage.clientWidth / Math.max(1, this.stage.clientHeight));
      const distance = reach / narrow / Math.tan((Math.PI / 180) * 20 / 2) / 2;
      const from = this.viewer.getView();
      const to = [-centre.x, -centre.y, -centre.z, this.viewer.CAMERA_Z - distance, ...(turn ?? from.slice(4, 8))];
      cancelAnimationFrame(this._moving);
      if (!duration) {
        this.viewer.setView(to);
        return;
      }
      const begin = performance.now();
      const step = now => {
        const t = Math.min(1, (now - begin) / duration);
        const eased = t * t * (3 - 2 * t);
        this.viewer.setView(to.map((value, k) => from[k] + eased * (value - from[k])));
        if (t < 1) this._moving = requestAnimationFrame(step);
      };
      this._moving = requestAnimationFrame(step);
      this.viewer.render();
    }

    _listen() {
      // The wheel scrolls the page until the view has been clicked or tabbed to.
      let active = false;
      this.stage.addEventListener("pointerdown", () => { active = true; });
      this.stage.addEventListener("focus", () => { active = true; });
      this.stage.addEventListener("blur", () => { active = false; });
      this.stage.addEventListener("pointerleave", () => { active = document.activeElement === this.stage; });
      this.stage.addEventListener("wheel", event => { if (!active) event.stopPropagation(); }, {capture: true, passive: true});
      this.stage.addEventListener("keydown", event => {
        const turn = {ArrowLeft: [-8, "y"], ArrowRight: [8, "y"], ArrowUp: [-8, "x"], ArrowDown: [8, "x"]}[event.key];
        if (turn) this.viewer.rotate(...turn);
        else if (event.key === "+" || event.key === "=") this.viewer.zoom(1.15);
        else if (event.key === "-") this.viewer.zoom(0.87);
        else if (event.key === "Home") this.reset();
        else return;
        event.preventDefault();
      });
      new ResizeObserver(() => this.viewer.resize()).observe(this.stage);
    }

    _buttons() {
      const bar = this.host.appendChild(document.createElement("div"));
      bar.className = "stage-buttons";
      const button = (text, title, act) => {
        const made = bar.appendChild(document.createElement("button"));
        made.type = "button";
        made.textContent = text;
        made.title = title;
        made.addEventListener("click", () => act(made));
        return made;
      };
      button("Show all", "Back to the first view", () => { this.reset(); this.options.pick?.({}); });
      const toggle = (name, text, title) => {
        const made = button(text, title, () => {
          this.shown[name] = !this.shown[name];
          made.setAttribute("aria-pressed", String(this.shown[name]));
          this._style(this.colours);
          this._lines();
          this.viewer.render();
        });
        made.setAttribute("aria-pressed", String(this.shown[name]));
      };
      toggle("lines", "Contacts", "Dashed lines of the strongest contacts");
      toggle("labels", "Names", "Names of the residues in contact");
      toggle("backbone", "Backbone", "The chain around the ligand");
      toggle("elements", "Elements", "Colours of the elements instead of contributions");
      button("Save picture", "The view as a PNG file", () => {
        const link = document.createElement("a");
        link.href = this.picture();
        link.download = "pocket.png";
        link.click();
      });
    }
  }
  return BindingViewer;
})();
