"""The page of releases and jobs in a real browser: progress is live, with scripts and without."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser, expect

from ctibutler.catalog import jobs
from ctibutler.catalog.job_records import JobProgress
from tests.catalogue import catalogue_with
from tests.faults.processes import ask_for, let_leases_run_out, settings_of, worker_of
from tests.server.serving import running

# Other tests may need the processor meanwhile.
PATIENCE = 60_000


def test_progress_is_shown_as_it_is_made_until_the_end_is_told(browser: Browser, tmp_path: Path) -> None:
    with catalogue_with("sqlite", tmp_path, "tlp@1") as database, running(database) as server:
        job_id = ask_for(database, "tlp", "2")
        page = browser.new_page(base_url=f"http://127.0.0.1:{server.port}")
        page.set_default_timeout(PATIENCE)
        page.goto("/data")
        row = page.locator(f"[data-job='{job_id}']")
        expect(row).to_contain_text("pending")
        job = jobs.claim(database, "a worker", 600, job_id)
        assert job is not None
        jobs.renew(database, job, 600, JobProgress("index", 3, 9))
        expect(row).to_contain_text("index: 3 of 9 objects", timeout=PATIENCE)
        expect(page.locator("[data-jobs-status][role=status]")).to_have_text(
            "Install tlp@2: processing", timeout=PATIENCE
        )
        page.evaluate("window.isTheSame = true")
        jobs.renew(database, job, 600, JobProgress("index", 6, 9))
        expect(row).to_contain_text("index: 6 of 9 objects", timeout=PATIENCE)
        assert row.get_by_role("progressbar").evaluate("bar => [bar.value, bar.max]") == [6, 9]
        assert page.evaluate("window.isTheSame"), "without loading the page again"
        let_leases_run_out(database)
        expect(row).to_contain_text("Its worker is gone", timeout=PATIENCE)
        expect(row.get_by_role("progressbar")).to_have_count(0)
        worker_of(database, settings_of(database.url.text, "")).run_until_idle()
        expect(page.locator("[data-jobs-status][role=status]")).to_have_text(
            "Install tlp@2: completed", timeout=PATIENCE
        )
        row.get_by_role("link", name="What changed since 1").click()
        page.wait_for_url("**/tlp/2/changes?since=1")
        page.close()


def test_without_scripts_the_page_refreshes_itself(browser: Browser, tmp_path: Path) -> None:
    with catalogue_with("sqlite", tmp_path, "tlp@1") as database, running(database) as server:
        job_id = ask_for(database, "tlp", "2")
        page = browser.new_page(base_url=f"http://127.0.0.1:{server.port}", java_script_enabled=False)
        page.goto("/data")
        row = page.locator(f"[data-job='{job_id}']")
        expect(row).to_contain_text("pending")
        worker_of(database, settings_of(database.url.text, "")).run_until_idle()
        expect(row).to_contain_text("completed", timeout=PATIENCE)
        expect(row.get_by_role("link", name="What changed since 1")).to_have_count(1)
        page.close()


def test_a_route_of_the_api_is_asked_without_scripts(browser: Browser, tmp_path: Path) -> None:
    with catalogue_with("sqlite", tmp_path, "tlp@2") as database, running(database) as server:
        base = f"http://127.0.0.1:{server.port}"
        page = browser.new_page(base_url=base, java_script_enabled=False)
        page.goto("/api/schema/swagger-ui/")
        page.get_by_role("link", name="tlp", exact=True).click()
        route = page.locator("#o-get-tlp-objects-by-id")
        route.locator("summary").first.click()
        route.get_by_label("id", exact=True).fill("red")
        with page.expect_popup() as opened:
            route.get_by_role("button", name="Ask").click()
        answer = opened.value
        answer.wait_for_load_state()
        assert answer.url == f"{base}/api/v1/tlp/objects/red/"
        assert '"TLP:RED"' in answer.locator("body").inner_text()
        answer.close()
        page.close()
