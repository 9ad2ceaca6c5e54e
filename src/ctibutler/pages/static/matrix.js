// The matrix by keys: one tab stop, arrows between cells, Space folds. Without this, cells are ordinary links and folds.
const visible = (link) => link.offsetParent !== null && !link.closest("details:not([open]) > ul");
const columnsOf = (matrix) => [...matrix.querySelectorAll(":scope > .tactic")];
const linksOf = (column) => [...column.querySelectorAll(".tactic-head a, li > a")].filter(visible);

function begin(matrix) {
  const all = [...matrix.querySelectorAll("a, summary")];
  let current = matrix.querySelector("li > a");
  if (!current) return;
  for (const item of all) item.tabIndex = -1;
  current.tabIndex = 0;

  function go(link) {
    if (!link) return;
    current.tabIndex = -1;
    current = link;
    current.tabIndex = 0;
    current.focus();
    current.scrollIntoView({ block: "nearest", inline: "nearest" });
  }

  function across(by) {
    const columns = columnsOf(matrix);
    const here = columns.indexOf(current.closest(".tactic"));
    const middle = current.getBoundingClientRect();
    const height = middle.top + middle.height / 2;
    for (let at = here + by; at >= 0 && at < columns.length; at += by) {
      const links = linksOf(columns[at]);
      if (!links.length) continue;
      const distance = (link) => {
        const box = link.getBoundingClientRect();
        return Math.abs(box.top + box.height / 2 - height);
      };
      go(links.reduce((best, link) => (distance(link) < distance(best) ? link : best)));
      return;
    }
  }

  function along(by) {
    const links = linksOf(current.closest(".tactic"));
    go(links[links.indexOf(current) + by]);
  }

  const ends = (at) => go(linksOf(current.closest(".tactic")).at(at));
  const actions = {
    ArrowDown: () => along(1),
    ArrowUp: () => along(-1),
    ArrowRight: () => across(1),
    ArrowLeft: () => across(-1),
    Home: () => ends(0),
    End: () => ends(-1),
    " ": () => {
      const fold = current.parentElement.querySelector(":scope > details") ?? current.closest("details");
      if (!fold) return;
      fold.open = !fold.open;
      if (!visible(current)) go(fold.parentElement.querySelector(":scope > a"));
    },
  };

  matrix.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return;
    const action = actions[event.key];
    if (!action || event.target.tagName === "SUMMARY") return;
    event.preventDefault();
    action();
  });
  matrix.addEventListener("focusin", (event) => {
    if (event.target === current || event.target.tagName !== "A") return;
    current.tabIndex = -1;
    current = event.target;
    current.tabIndex = 0;
  });
}

document.querySelectorAll("[data-matrix]").forEach(begin);
// Its place is kept, so that nothing moves when it appears.
const hint = document.getElementById("matrix-keys");
hint?.classList.remove("is-waiting");

// On paper, folds with marks are open.
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("[data-matrix] details[data-marked]:not([open])")];
  for (const fold of opened) fold.open = true;
});
addEventListener("afterprint", () => {
  for (const fold of opened) fold.open = false;
});
