// Buttons that copy a text: an id, or one of its other forms. Where the browser has no clipboard, there are none.
// Addresses in texts get the name of this server.
for (const code of document.querySelectorAll("[data-address]")) {
  const { address } = code.dataset;
  code.textContent = code.textContent.replace(address, () => new URL(address, location.origin).href);
}
if (navigator.clipboard) {
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(
        button.dataset.copy || button.parentElement.querySelector("code").textContent,
      );
      button.textContent = "copied";
      setTimeout(() => {
        button.textContent = "copy";
      }, 1500);
    });
  }
}

// The menu of forms closes as menus do.
const menu = document.querySelector("details.copying");
if (menu) {
  document.addEventListener("click", (event) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !menu.open) return;
    menu.open = false;
    menu.querySelector("summary").focus();
  });
}

// Copies the id, and offers its other forms.
export function copyId() {
  document.querySelector(".head [data-copy]")?.click();
  if (!menu) return;
  menu.open = true;
  (menu.querySelector("ul button:not([hidden])") ?? menu.querySelector("summary")).focus();
}
