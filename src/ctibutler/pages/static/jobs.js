// Progress of the jobs on this page. Without this, the page refreshes itself.
const list = document.querySelector("[data-jobs]");
const status = document.querySelector("[data-jobs-status]");
const SOON = 1000;
const LATER = 10000;
const begun = Date.now();

const open = () => [...list.querySelectorAll("[data-state=pending], [data-state=processing]")];

function shown(row, job) {
  const progress = row.querySelector("progress");
  const stage = row.querySelector("[data-stage]");
  if (!progress || !stage || !job.progress) return;
  const { total, done } = job.progress;
  stage.textContent = total ? `${job.progress.stage}: ${done.toLocaleString("en")} of ${total.toLocaleString("en")}` : job.progress.stage;
  if (total) { progress.max = total; progress.value = done; }
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
          status.textContent = `${row.querySelector("a").textContent}: ${job.state}`;
          location.reload();
          return;
        }
        shown(row, job);
      }
    } catch { /* asked again below */ }
  }
  if (open().length) setTimeout(ask, Date.now() - begun < 60000 ? SOON : LATER);
}

if (list && open().length) setTimeout(ask, SOON);
