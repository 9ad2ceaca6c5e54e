// Results below the search field while somebody types. Without this, the field is a form that leads to the page of results.
const field = document.querySelector("[data-palette]");
const form = field?.closest("form");
const answers = new Map();
const WAIT = 80;
const RECENT = "ctibutler-recent";
const MOST_RECENT = 8;
let waiting = 0;
let running = null;
let panel = null;
let selected = -1;

const options = () => [...(panel?.querySelectorAll("[role=option]") ?? [])];

function made(name, className, text) {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

// The objects that were opened last. They are kept in this browser only.
function recent() {
  try {
    return JSON.parse(localStorage.getItem(RECENT)) ?? [];
  } catch {
    return [];
  }
}

function remember() {
  const head = document.querySelector("[data-object]");
  if (!head) return;
  const { id, name, kind, shape, scope } = head.dataset;
  const row = { id, name, kind, shape, scope, why: "", status: "live", address: location.pathname };
  const others = recent().filter((other) => other.address !== row.address);
  try {
    localStorage.setItem(RECENT, JSON.stringify([row, ...others].slice(0, MOST_RECENT)));
  } catch { /* not kept */ }
}

function close() {
  panel?.remove();
  panel = null;
  selected = -1;
  field.setAttribute("aria-expanded", "false");
  field.removeAttribute("aria-activedescendant");
  field.removeAttribute("aria-controls");
}

function select(at) {
  const all = options();
  if (!all.length) return;
  selected = (at + all.length) % all.length;
  all.forEach((option, place) => option.setAttribute("aria-selected", String(place === selected)));
  field.setAttribute("aria-activedescendant", all[selected].id);
  all[selected].scrollIntoView({ block: "nearest" });
}

// The text, with the part in it that was typed.
function marked(text, typed) {
  const at = typed ? text.toLowerCase().indexOf(typed.toLowerCase()) : -1;
  if (at < 0) return [text];
  const end = at + typed.length;
  return [text.slice(0, at), made("mark", "", text.slice(at, end)), text.slice(end)];
}

function optionOf(row, id, typed) {
  const option = made("div");
  option.id = id;
  option.setAttribute("role", "option");
  option.setAttribute("aria-selected", "false");
  option.dataset.address = row.address;
  const mark = made("span", `kind kind-${row.shape}`);
  mark.setAttribute("aria-hidden", "true");
  const name = made("span", "name");
  name.append(...marked(row.name, typed));
  if (row.why) {
    const why = made("span", "why");
    why.append(...marked(row.why, typed));
    name.append(" ", why);
  }
  const where = [row.scope, row.kind].filter(Boolean).join(" · ");
  option.append(mark, made("span", "id", row.id), " ", name, " ", made("span", "where", where));
  option.addEventListener("mousedown", (event) => event.preventDefault());
  option.addEventListener("click", () => location.assign(row.address));
  return option;
}

function hints() {
  const line = made("div", "palette-keys");
  line.setAttribute("aria-hidden", "true");
  for (const [keys, does] of [["↑ ↓", "move"], ["↵", "open"], ["⇧ ↵", "all results"], ["esc", "close"]]) {
    const hint = made("span");
    hint.append(made("kbd", "", keys), ` ${does}`);
    line.append(hint);
  }
  return line;
}

function show(groups, typed) {
  close();
  if (!groups.length || document.activeElement !== field) return;
  panel = made("div", "palette");
  const list = made("div");
  list.id = "palette";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Results");
  groups.forEach((group, number) => {
    const box = made("div");
    const title = made("span", "", group.title);
    title.id = `palette-group-${number}`;
    box.setAttribute("role", "group");
    box.setAttribute("aria-labelledby", title.id);
    box.append(title, ...group.rows.map((row, place) => optionOf(row, `palette-${number}-${place}`, typed)));
    list.append(box);
  });
  panel.append(list, hints());
  form.append(panel);
  field.setAttribute("aria-expanded", "true");
  field.setAttribute("aria-controls", "palette");
  select(0);
}

function showRecent() {
  const rows = recent();
  show(rows.length ? [{ title: "Opened lately", rows }] : [], "");
}

async function ask(text) {
  running?.abort();
  if (!text) {
    close();
    return;
  }
  if (answers.has(text)) {
    show(answers.get(text), text);
    return;
  }
  running = new AbortController();
  const { kb, release } = form.dataset;
  const asked = new URLSearchParams(kb ? { text, kb, release } : { text });
  try {
    const response = await fetch(`/palette.json?${asked}`, { signal: running.signal });
    if (!response.ok) {
      close();
      return;
    }
    const { groups } = await response.json();
    answers.set(text, groups);
    if (field.value.trim() === text) show(groups, text);
  } catch (problem) {
    if (problem.name !== "AbortError") close();
  }
}

function pressed(event) {
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    const text = field.value.trim();
    if (panel) select(selected + (event.key === "ArrowDown" ? 1 : -1));
    else if (text) ask(text);
    else showRecent();
  } else if (event.key === "Enter" && panel && selected >= 0 && !event.shiftKey) {
    event.preventDefault();
    location.assign(options()[selected].dataset.address);
  } else if (event.key === "Escape") {
    event.preventDefault();
    if (panel) close();
    else field.blur();
  }
}

if (field && form) {
  remember();
  field.setAttribute("role", "combobox");
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-expanded", "false");
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => ask(field.value.trim()), WAIT);
  });
  field.addEventListener("blur", close);
  field.addEventListener("keydown", pressed);
  document.addEventListener("keydown", (event) => {
    const isCommand = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k";
    const isSlash = event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey &&
      !event.target.closest?.("input, textarea, select, [contenteditable]");
    if (isCommand || isSlash) {
      event.preventDefault();
      field.focus();
      field.select();
    }
  });
  if ("focus" in field.dataset && matchMedia("(hover: hover)").matches) field.focus();
}
