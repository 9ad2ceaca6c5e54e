// Progress of the jobs on this page. Without this, the page refreshes itself.
const list = document.querySelector("[data-jobs]");
const status = document.querySelector("[data-jobs-status]");
const NEWS = "ctibutler-jobs";
const SOON = 1000;
const LATER = 10000;
const begun = Date.now();

const open =
  () => [...list.querySelectorAll("[data-state=pending], [data-state=processing], [data-state=interrupted]")];

function shown(row, job) {
  const progress = row.querySelector("progress");
  const stage = row.querySelector("[data-stage]");
  if (!progress || !stage) return;
  stage.textContent = job.told;
  if (job.total) {
    progress.max = job.total;
    progress.value = job.done;
  } else {
    progress.removeAttribute("value");
  }
}

async function ask() {
  if (document.visibilityState === "visible") {
    try {
      const response = await fetch("/data/jobs.json");
      const { jobs } = await response.json();
      for (const row of open()) {
        const job = jobs.find((one) => one.id === row.dataset.job);
        if (!job) continue;
        if (job.state !== row.dataset.state) {
          sessionStorage.setItem(NEWS, `${row.querySelector("a").textContent}: ${job.state}`);
          location.reload();
          return;
        }
        shown(row, job);
      }
    } catch { /* asked again below */ }
  }
  if (open().length) setTimeout(ask, Date.now() - begun < 60000 ? SOON : LATER);
}

// What happened is told once the page that shows it is there.
const news = sessionStorage.getItem(NEWS);
if (news && status) {
  sessionStorage.removeItem(NEWS);
  setTimeout(() => {
    status.textContent = news;
  }, 100);
}
if (list && open().length) setTimeout(ask, SOON);
