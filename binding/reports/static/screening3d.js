/* The best poses of a screen in 3D; the scenes are made by binding/reports/screening_scenes.py. */
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("scenes").textContent);
  const chooser = document.getElementById("hit3d");
  const grey = () => BindingColours.css("--middle").trim();
  const colours = {residue: grey, atom: () => BindingColours.css("--ligand").trim(), strong: () => false};
  const host = document.getElementById("view3d");
  const viewer = new BindingViewer(host);
  const scene = hit => ({
    residues: hit.places.map(([row, place]) => ({...data.pool[row], place})), ligand: hit.ligand, lines: hit.lines,
  });
  let shown = -1;
  const show = k => {
    const keep = shown >= 0;
    shown = (k + data.hits.length) % data.hits.length;
    chooser.value = String(shown);
    viewer.show(scene(data.hits[shown]), colours, keep);
  };
  data.hits.forEach((hit, k) => chooser.append(new Option(`${k + 1}. ${hit.name}`, String(k))));
  chooser.addEventListener("change", () => show(Number(chooser.value)));
  document.getElementById("before3d").addEventListener("click", () => show(shown - 1));
  document.getElementById("after3d").addEventListener("click", () => show(shown + 1));
  document.getElementById("top").tBodies[0].addEventListener("click", event => {
    const row = event.target.closest("td.drawing")?.parentElement;
    const k = row ? data.hits.findIndex(hit => hit.name === row.dataset.name) : -1;
    if (k < 0) return;
    show(k);
    host.scrollIntoView({block: "nearest"});
  });
  show(0);
  [...host.querySelectorAll("button")].find(button => button.textContent === "Elements")?.click();
})();
