// Results below the search field while somebody types. Without this, the field is a form that leads to the page of results.
const field = document.querySelector("[data-palette]");
const form = field?.closest("form");
const answers = new Map();
const WAIT = 80;
let waiting = 0;
let running = null;
let list = null;
let selected = -1;

const options = () => [...(list?.querySelectorAll("[role=option]") ?? [])];

function made(name, className, text) {
  const element = document.createElement(name);
  if (className) element.className = className;
  if (text) element.textContent = text;
  return element;
}

function close() {
  list?.remove();
  list = null;
  selected = -1;
  field.setAttribute("aria-expanded", "false");
  field.removeAttribute("aria-activedescendant");
}

function select(at) {
  const all = options();
  if (!all.length) return;
  selected = (at + all.length) % all.length;
  all.forEach((option, place) => option.setAttribute("aria-selected", String(place === selected)));
  field.setAttribute("aria-activedescendant", all[selected].id);
  all[selected].scrollIntoView({ block: "nearest" });
}

function show(groups) {
  close();
  if (!groups.length || document.activeElement !== field) return;
  list = made("div", "palette");
  list.id = "palette";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", "Results");
  groups.forEach((group, number) => {
    const box = made("div");
    const title = made("span", "", group.title);
    title.id = `palette-group-${number}`;
    box.setAttribute("role", "group");
    box.setAttribute("aria-labelledby", title.id);
    box.append(title);
    for (const row of group.rows) {
      const option = made("div");
      option.id = `palette-${number}-${box.childElementCount}`;
      option.setAttribute("role", "option");
      option.setAttribute("aria-selected", "false");
      option.dataset.address = row.address;
      const mark = made("span", `kind kind-${row.shape}`);
      mark.setAttribute("aria-hidden", "true");
      const name = row.status === "live" ? row.name : `${row.name} (${row.status})`;
      option.append(mark, made("span", "id", row.id), made("span", "name", name), made("span", "where", `${row.scope} · ${row.kind}`));
      option.addEventListener("mousedown", (event) => event.preventDefault());
      option.addEventListener("click", () => location.assign(row.address));
      box.append(option);
    }
    list.append(box);
  });
  form.append(list);
  field.setAttribute("aria-expanded", "true");
  select(0);
}

async function ask(text) {
  running?.abort();
  if (!text) { close(); return; }
  if (answers.has(text)) { show(answers.get(text)); return; }
  running = new AbortController();
  try {
    const response = await fetch(`/palette.json?text=${encodeURIComponent(text)}`, { signal: running.signal });
    if (!response.ok) { close(); return; }
    const { groups } = await response.json();
    answers.set(text, groups);
    if (field.value.trim() === text) show(groups);
  } catch (problem) {
    if (problem.name !== "AbortError") close();
  }
}

if (field && form) {
  field.setAttribute("role", "combobox");
  field.setAttribute("aria-autocomplete", "list");
  field.setAttribute("aria-expanded", "false");
  field.setAttribute("aria-controls", "palette");
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => ask(field.value.trim()), WAIT);
  });
  field.addEventListener("blur", close);
  field.addEventListener("keydown", (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      if (list) select(selected + (event.key === "ArrowDown" ? 1 : -1));
      else ask(field.value.trim());
    } else if (event.key === "Enter" && list && selected >= 0 && !event.shiftKey) {
      event.preventDefault();
      location.assign(options()[selected].dataset.address);
    } else if (event.key === "Escape") {
      event.preventDefault();
      if (list) close();
      else field.blur();
    }
  });
  document.addEventListener("keydown", (event) => {
    const isCommand = (event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k";
    const isSlash = event.key === "/" && !event.ctrlKey && !event.metaKey && !event.altKey
      && !event.target.closest?.("input, textarea, select, [contenteditable]");
    if (isCommand || isSlash) { event.preventDefault(); field.focus(); field.select(); }
  });
  if ("focus" in field.dataset && matchMedia("(hover: hover)").matches) field.focus();
}
