"""Uses the page /docs in headless Chromium: authorizes, logs in, authorizes with the token, and
validates. Prints the answers, the console and all requested URLs as JSON.

    docs_page.py ORIGIN E-MAIL PASSWORD SCREENSHOT
"""

import json
import sys
import tempfile

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support import expected_conditions as condition
from selenium.webdriver.support.wait import WebDriverWait

FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-sync"
    " --disable-background-networking --disable-component-update --window-size=1280,1000"
)
# Debian's programs; without these paths selenium downloads others.
BROWSER, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
SECONDS = 20
# Other levels are hints of the browser, such as on autocomplete.
REPORTED_LEVELS = ("SEVERE", "WARNING")


class Page:
    """The page and the actions of a user."""

    def __init__(self, browser):
        self.browser = browser
        self.waiting = WebDriverWait(browser, SECONDS)

    def one(self, selector):
        return self.waiting.until(
            condition.visibility_of_element_located((By.CSS_SELECTOR, selector))
        )

    def click(self, selector):
        element = self.one(selector)
        self.browser.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        self.waiting.until(condition.element_to_be_clickable(element)).click()

    def authorize(self, values):
        """Fills in the fields of an authentication scheme and presses its button."""
        self.click(".auth-wrapper .btn.authorize")
        for field, value in values.items():
            self.one(f".modal-ux #{field}").send_keys(value)
        form = f".modal-ux form:has(#{next(iter(values))})"
        self.click(f"{form} .auth-btn-wrapper .authorize")
        self.click(".modal-ux .btn-done")

    def log_out(self, scheme):
        """Removes the credentials of an authentication scheme."""
        self.click(".auth-wrapper .btn.authorize")
        form = f"//form[.//h4/code[.='{scheme}']]"
        self.browser.find_element(By.XPATH, f"{form}//button[.='Logout']").click()
        self.click(".modal-ux .btn-done")

    def execute(self, operation, status=200):
        """Opens an operation, executes it, waits for the status, and reads the answer."""
        block = f"#operations-{operation}"
        if not self.browser.find_elements(By.CSS_SELECTOR, f"{block}.is-open"):
            self.click(f"{block} .opblock-summary-control")
        self.click(f"{block} .execute")
        answer = f"{block} .live-responses-table .response"
        shown = (By.CSS_SELECTOR, f"{answer} .response-col_status")
        self.waiting.until(condition.text_to_be_present_in_element(shown, str(status)))
        body = self.one(f"{answer} .response-col_description .highlight-code pre").text
        return {"status": status, "body": body}


def start(profile):
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    for flag in [*FLAGS.split(), f"--user-data-dir={profile}"]:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    return webdriver.Chrome(options, webdriver.ChromeService(DRIVER))


def requests(browser):
    """The URLs of all requests of the page."""
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    sent = [event for event in events if event["method"] == "Network.requestWillBeSent"]
    return [event["params"]["request"]["url"] for event in sent]


def visit(browser, origin, email, password, screenshot):
    # Ignore the requests for the browser's own first page.
    browser.get("about:blank")
    browser.get_log("performance")
    browser.get(f"{origin}/docs")
    page = Page(browser)
    page.one("#operations-login-login")
    browser.save_screenshot(screenshot.replace(".png", "-start.png"))
    page.authorize({"auth-basic-username": email, "auth-basic-password": password})
    login = page.execute("login-login")
    page.authorize({"auth-bearer-value": login["body"]})
    validate = page.execute("validate-validate")
    height = browser.execute_script("return document.documentElement.scrollHeight")
    browser.set_window_size(1280, height + 100)
    browser.save_screenshot(screenshot)
    console = [entry for entry in browser.get_log("browser") if entry["level"] in REPORTED_LEVELS]
    # The following 401 appears in the console, so the console is read before. If the browser showed
    # its own login dialog, the next steps would fail.
    page.log_out("basic")
    page.authorize({"auth-basic-username": email, "auth-basic-password": "wrong"})
    refused = page.execute("login-login", 401)
    return {"login": login, "validate": validate, "refused": refused, "console": console}


def main():
    origin, email, password, screenshot = sys.argv[1:]
    with tempfile.TemporaryDirectory() as profile:
        browser = start(profile)
        try:
            seen = visit(browser, origin, email, password, screenshot)
            seen["requests"] = requests(browser)
            print(json.dumps(seen))
        finally:
            browser.quit()


main()
