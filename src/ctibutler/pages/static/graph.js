// The ring: a node that is pointed at, or has the focus, lights up the curves that end in it too, and dims the rest.
function follow(ring) {
  const ending = new Map();
  for (const curve of ring.querySelectorAll("[data-to]")) {
    const to = curve.dataset.to;
    ending.set(to, [...(ending.get(to) ?? []), curve]);
  }
  let lit = [];

  function dark() {
    for (const item of lit) item.classList.remove("lit");
    lit = [];
    ring.classList.remove("has-lit");
  }

  function light(node) {
    dark();
    const curves = [...node.querySelectorAll("[data-to]")];
    const incoming = ending.get(node.dataset.n) ?? [];
    const others = [
      ...curves.map((curve) => ring.querySelector(`[data-n="${curve.dataset.to}"]`)),
      ...incoming.map((curve) => curve.closest("[data-n]")),
    ];
    lit = [node, ...curves, ...incoming, ...others.filter(Boolean)];
    for (const item of lit) item.classList.add("lit");
    ring.classList.add("has-lit");
  }

  const nodeOf = (event) => event.target.closest("a")?.closest("[data-n]");
  for (const kind of ["mouseover", "focusin"]) {
    ring.addEventListener(kind, (event) => {
      const node = nodeOf(event);
      if (node) light(node);
    });
  }
  ring.addEventListener("focusout", dark);
  ring.addEventListener("mouseout", (event) => {
    if (nodeOf(event)) dark();
  });
}

for (const ring of document.querySelectorAll("[data-ring]")) follow(ring);
