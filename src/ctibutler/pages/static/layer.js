// A Navigator layer of this machine as set A: read here, never sent. Scores and comments come along.
const field = document.querySelector("[data-layer]");
const status = document.querySelector("[data-layer-status]");
const upgrade = document.querySelector("[data-layer-upgrade]");
const slug = (name) => name.trim().toLowerCase().replace(/[^a-z0-9]+/g, "-");
const idOf = (item) => decodeURIComponent(item.querySelector(":scope > a").pathname.split("/").pop());
const cells = () => [...document.querySelectorAll("[data-matrix] .tactic li")];
const isIn = (item, set) => item.classList.contains(`in-${set}`) || item.classList.contains("in-both");

function put(item, inA) {
  const inB = isIn(item, "b");
  item.classList.remove("in-a", "in-b", "in-both");
  if (inA || inB) item.classList.add(inA && inB ? "in-both" : inA ? "in-a" : "in-b");
  item.querySelector(":scope > .score")?.remove();
  let told = item.querySelector(":scope > .sr");
  if (!told) {
    told = document.createElement("span");
    told.className = "sr";
    item.querySelector(":scope > a").after(told);
  }
  told.textContent = inA || inB ? ` in ${inA && inB ? "A and B" : inA ? "A" : "B"}` : "";
}

function note(item, technique) {
  const link = item.querySelector(":scope > a");
  if (technique.comment) link.title = String(technique.comment);
  if (typeof technique.score !== "number") return;
  const score = document.createElement("b");
  score.className = "score";
  score.textContent = String(technique.score);
  link.after(score);
}

function count(summary) {
  const inside = [...summary.parentElement.querySelectorAll("li")];
  const number = inside.filter((item) => isIn(item, "a")).length;
  const others = [...summary.querySelectorAll("b:not(.a)")];
  const marks = number
    ? [Object.assign(document.createElement("b"), { className: "a", textContent: `A${number}` })]
    : [];
  const parts = [...marks, ...others];
  const total = Object.assign(document.createElement("span"), {
    className: "sr",
    textContent: summary.querySelector(".sr").textContent,
  });
  summary.replaceChildren(
    ...parts.flatMap((part) => [part, " "]),
    `${parts.length ? "of " : ""}${inside.length}`,
    total,
  );
  summary.parentElement.toggleAttribute("data-marked", parts.length > 0);
  summary.parentElement.parentElement.classList.toggle("has-marked", parts.length > 0);
}

function key(name) {
  const ids = (test) => new Set(cells().filter(test).map(idOf)).size;
  const hasB = cells().some((item) => isIn(item, "b"));
  const rows = [["a", "A", name, ids((item) => isIn(item, "a") && !(hasB && isIn(item, "b")))]];
  if (hasB) rows.push(["both", "both", "", ids((item) => isIn(item, "a") && isIn(item, "b"))]);
  let list = document.querySelector("ul.set-key[aria-label='Sets']");
  if (!list) {
    list = document.createElement("ul");
    list.className = "set-key";
    list.setAttribute("aria-label", "Sets");
    document.querySelector(".tools").prepend(list);
  }
  const onlyB = list.querySelector(".in-b .count");
  if (onlyB) onlyB.textContent = String(ids((item) => isIn(item, "b") && !isIn(item, "a")));
  for (const [set, letter, text, number] of rows) {
    list.querySelector(`.in-${set}`)?.remove();
    const row = document.createElement("li");
    row.className = `in-${set}`;
    const bold = document.createElement("b");
    bold.textContent = letter;
    const total = document.createElement("span");
    total.className = "count";
    total.textContent = String(number);
    row.append(bold, ` ${text} `, total);
    if (set === "a") list.prepend(row);
    else list.append(row);
  }
}

function show(layer) {
  const wanted = new Map();
  for (const technique of layer.techniques) {
    if (technique && typeof technique.techniqueID === "string" && technique.enabled !== false) {
      const id = technique.techniqueID;
      wanted.set(id, [...(wanted.get(id) ?? []), technique]);
    }
  }
  const found = new Set();
  for (const item of cells()) {
    const tactic = slug(item.closest(".tactic").querySelector(".tactic-head a").textContent);
    const technique = (wanted.get(idOf(item)) ?? []).find((one) => !one.tactic || one.tactic === tactic);
    put(item, Boolean(technique));
    if (technique) {
      note(item, technique);
      found.add(idOf(item));
    }
  }
  for (const matrix of document.querySelectorAll("[data-matrix]")) matrix.classList.add("has-sets");
  document.querySelectorAll("[data-matrix] summary").forEach(count);
  for (const column of document.querySelectorAll("[data-matrix] .tactic")) {
    const tops = [...column.querySelectorAll(":scope > ul > li")];
    const marked = tops.filter((item) =>
      [item, ...item.querySelectorAll("li")].some((one) => isIn(one, "a") || isIn(one, "b"))
    );
    column.querySelector(".tactic-head .count").textContent = `${marked.length} of ${tops.length}`;
  }
  key(String(layer.name ?? field.files[0].name));
  const missing = [...wanted.keys()].filter((id) => !found.has(id));
  status.textContent = missing.length
    ? `Not in this matrix: ${missing.slice(0, 10).join(", ")}${
      missing.length > 10 ? ` and ${missing.length - 10} more` : ""
    }.`
    : `All ${found.size} techniques are here.`;
}

async function read() {
  upgrade.hidden = true;
  const file = field.files[0];
  if (!file) return;
  try {
    const layer = JSON.parse(await file.text());
    if (!Array.isArray(layer?.techniques)) throw new Error("it has no list of techniques");
    show(layer);
    upgrade.hidden = false;
  } catch (problem) {
    status.textContent = `${file.name} is no Navigator layer: ${problem.message}.`;
  }
}

if (field) {
  field.closest("p").classList.remove("is-waiting");
  field.addEventListener("change", read);
  // The same file, chosen again, is read again.
  field.addEventListener("click", () => {
    field.value = "";
  });
}
