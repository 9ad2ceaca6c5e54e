// Rows that were marked for set A or set B, kept per release while this window is open, and the bar that leads to them.
const KEPT = "ctibutler-sets";
const SETS = ["a", "b"];
const MOST_TOLD = 6;
const ROWS = "tr, li";
const own = document.querySelector("[data-release-open]")?.dataset.releaseOpen;
let memory = "{}";

function kept() {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT) ?? "{}");
  } catch {
    return JSON.parse(memory);
  }
}

function keep(sets) {
  memory = JSON.stringify(sets);
  try {
    sessionStorage.setItem(KEPT, memory);
  } catch { /* for this page only */ }
}

function made(name, className, text) {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

// What an element with `data-set` is about: its release, and its id there. It is a link, or the head of the object's own page.
function placeOf(item) {
  const path = item.pathname ?? new URL(document.querySelector("link[rel='canonical']").href).pathname;
  const [kb, label, id] = path.split("/").slice(1, 4).map(decodeURIComponent);
  return { release: `${kb}/${label}`, id };
}

// Links in sentences are about objects too, and have no row to mark.
const items = () => [...document.querySelectorAll(`main :is(${ROWS}) [data-set], main .head[data-set]`)];
const markedIn = (of, set) => of?.[set] ?? [];
const isEmpty = (of) => SETS.every((set) => !markedIn(of, set).length);

// The release of this page, and those of its rows: others have their own pages.
function shownReleases(sets) {
  const here = new Set([own, ...items().map((item) => placeOf(item).release)].filter(Boolean));
  return [...here].filter((release) => !isEmpty(sets[release]));
}

function signRows(sets) {
  for (const sign of document.querySelectorAll(".set-signs")) sign.remove();
  for (const item of items()) {
    const { release, id } = placeOf(item);
    const letters = SETS.filter((set) => markedIn(sets[release], set).includes(id));
    const row = item.closest(`${ROWS}, .head`);
    for (const set of SETS) row.classList.toggle(`marked-${set}`, letters.includes(set));
    if (!letters.length) continue;
    const signs = made("span", "set-signs");
    signs.append(
      made("span", "sr", "In set "),
      ...letters.map((set) => made("b", `set-sign-${set}`, set.toUpperCase())),
    );
    if (item === row) item.prepend(signs);
    else item.before(signs, " ");
  }
}

const bar = made("div", "set-bar");
bar.setAttribute("role", "status");
document.querySelector("main").append(bar);

function told(set, ids) {
  const few = ids.slice(0, MOST_TOLD).join(", ");
  const line = made("span", `set-told marked-${set}`);
  const more = ids.length > MOST_TOLD ? ` and ${ids.length - MOST_TOLD} more` : "";
  line.append(made("b", `set-sign-${set}`, set.toUpperCase()), `: ${few}${more}`);
  return line;
}

function leading(release, word, of) {
  const link = made("a", "button", word === "matrix" ? "Matrix" : "Compare");
  const query = new URLSearchParams(
    SETS.filter((set) => markedIn(of, set).length).map((set) => [set, of[set].join(",")]),
  );
  link.href = `/${release.split("/").map(encodeURIComponent).join("/")}/${word}?${query}`;
  return link;
}

function lineOf(release, of) {
  const line = made("div", "set-line");
  if (release !== own) line.append(made("span", "elsewhere", release.replace("/", " ")));
  const filled = SETS.filter((set) => markedIn(of, set).length);
  filled.forEach((set, place) => line.append(...(place ? [" · "] : []), told(set, of[set])));
  line.append(made("span", "sr", ". "));
  if (filled.length === 2) line.append(leading(release, "compare", of));
  const clear = made("button", "", "Clear");
  clear.type = "button";
  clear.addEventListener("click", () => {
    const sets = kept();
    delete sets[release];
    keep(sets);
    show();
  });
  line.append(leading(release, "matrix", of), clear);
  return line;
}

export function show() {
  const sets = kept();
  signRows(sets);
  bar.replaceChildren(...shownReleases(sets).map((release) => lineOf(release, sets[release])));
}

// Puts what a row is about into a set, or takes it out again; without a row, the object of the page.
export function mark(set, row) {
  const item = row?.querySelector("[data-set]") ?? document.querySelector(".head[data-set]");
  if (!item) return;
  const { release, id } = placeOf(item);
  const sets = kept();
  const of = sets[release] ?? {};
  const ids = markedIn(of, set);
  of[set] = ids.includes(id) ? ids.filter((other) => other !== id) : [...ids, id];
  sets[release] = of;
  if (isEmpty(of)) delete sets[release];
  keep(sets);
  show();
}

show();
// A page that the browser kept shows the marks of its time.
addEventListener("pageshow", (event) => {
  if (event.persisted) show();
});
