// One-letter keys. They never act in fields or with modifiers, and can be turned off.
import { copyId } from "./copy.js";
import { mark } from "./sets.js";

const key = "ctibutler-letter-keys";
const stored = () => {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
};
let areOn = stored() !== "off";

const rows = () =>
  [...document.querySelectorAll("table.rows tbody tr, ul.columns li")].filter((row) => row.querySelector("a[href]"));
let current = -1;

function step(by) {
  const all = rows();
  if (!all.length) return;
  all[current]?.classList.remove("is-current");
  current = Math.max(0, Math.min(all.length - 1, current + by));
  all[current].classList.add("is-current");
  all[current].querySelector("a[href]").focus();
}

// The row that has the focus, or the one that was gone to last.
const row = () =>
  document.activeElement.closest("main :is(tr, li):has([data-set])") ?? document.querySelector(".is-current");

function release(by) {
  const items = [...document.querySelectorAll(".scope-release li")];
  const here = items.findIndex((item) => item.querySelector("[aria-current]"));
  for (let at = here + by; here >= 0 && at >= 0 && at < items.length; at += by) {
    const link = items[at].querySelector("a");
    if (link) {
      location.assign(link.href);
      return;
    }
  }
}

// The link of a page that a key stands for: one in the content comes before the navigation's.
function follow(letter) {
  const link = `[data-key='${letter}']`;
  (document.querySelector(`main ${link}`) ?? document.querySelector(link))?.click();
}

const actions = {
  j: () => step(1),
  k: () => step(-1),
  "[": () => release(1),
  "]": () => release(-1),
  "?": () => location.assign("/help"),
  c: copyId,
  d: () => follow("d"),
  g: () => follow("g"),
  h: () => follow("h"),
  m: () => follow("m"),
  u: () => follow("u"),
  x: () => mark("a", row()),
  X: () => mark("b", row()),
  y: () => navigator.clipboard?.writeText(document.querySelector("link[rel='canonical']").href),
};

document.addEventListener("keydown", (event) => {
  if (!areOn || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
  if (event.target.closest?.("input, textarea, select, [contenteditable]")) return;
  const action = actions[event.key];
  if (action) {
    event.preventDefault();
    action();
  }
});

const help = document.querySelector("footer .keys");
const button = document.querySelector("[data-keys-switch]");
if (help && button) {
  const name = () => {
    button.textContent = areOn ? "Turn letter keys off" : "Turn letter keys on";
  };
  help.hidden = false;
  name();
  button.addEventListener("click", () => {
    areOn = !areOn;
    try {
      localStorage.setItem(key, areOn ? "on" : "off");
    } catch { /* for this page only */ }
    name();
  });
}
