"""Debian's Chromium without a screen, and what it complains of."""

import shutil
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Page, sync_playwright

# Nothing of what browsers do on their own: no calls home, no second protocol.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip

# A violation of the page's policy is told to the console, whatever the browser makes of it otherwise.
REPORT = """addEventListener('securitypolicyviolation', (event) =>
    console.error('policy: ' + event.violatedDirective + ' ' + event.blockedURI))"""


class Chromium:
    """One browser for many visits."""

    def __enter__(self) -> "Chromium":
        self.driver = sync_playwright().start()
        self.browser: Browser = self.driver.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        return self

    def __exit__(self, *_) -> None:
        self.browser.close()
        self.driver.stop()

    def visit(self, origin: str, **how) -> "Visit":
        """A visitor of `http://origin` with nothing in memory."""
        return Visit(self.browser, origin, **how)


class Visit:
    """One visitor. `complaints` are what went wrong in all pages so far: errors of scripts, of the console, of the policy,
    requests to other hosts and such that failed, dialogues."""

    def __init__(self, browser: Browser, origin: str, width: int = 1280, height: int = 900, **how):
        self.origin = origin
        self.complaints: list[str] = []
        self.weight = 0
        self.room = browser.new_context(viewport={"width": width, "height": height}, **how)
        self.page: Page = self.room.new_page()
        self.page.set_default_timeout(20_000)
        if how.get("java_script_enabled", True):
            self.page.add_init_script(REPORT)
        self._listen()

    def _listen(self) -> None:
        complain = self.complaints.append
        self.page.on("console", lambda said: said.type in ("error", "warning") and complain(f"console: {said.text}"))
        self.page.on("pageerror", lambda error: complain(f"script: {error}"))
        self.page.on("dialog", lambda dialog: (complain(f"dialogue: {dialog.message}"), dialog.dismiss()))
        self.page.on("request", self._asked)
        self.page.on("response", self._answered)

    def _asked(self, request) -> None:
        if urlsplit(request.url).netloc != self.origin:
            self.complaints.append(f"another host: {request.url}")

    def _answered(self, response) -> None:
        self.weight += int(response.headers.get("content-length", 0))
        if response.status >= 400:
            self.complaints.append(f"{response.status}: {response.url}")

    def go(self, path: str) -> Page:
        """The page at `path`, loaded; `weight` is its and that of all it loads, in bytes."""
        self.weight = 0
        self.page.goto(f"http://{self.origin}{path}")
        return self.page

    def close(self) -> None:
        """Ends the visit."""
        self.room.close()
