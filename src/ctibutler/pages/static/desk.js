// Files may be dropped anywhere on the desk. Without this, they are chosen, or dropped on the field itself.
const form = document.querySelector("form.desk");
const field = form?.querySelector("input[name='file']");
if (field) {
  const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
  form.addEventListener("dragover", (event) => {
    if (holdsFiles(event)) event.preventDefault();
  });
  form.addEventListener("drop", (event) => {
    if (!holdsFiles(event) || event.target.closest("input[type='file']")) return;
    event.preventDefault();
    field.files = event.dataTransfer.files;
    field.focus();
  });
}
