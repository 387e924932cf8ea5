"""Opens the page for people in a headless Chromium and looks at it as a person would.

    page.py PROGRAM CHROMEDRIVER PICTURES

starts the program's service on a store of its own, fills it by calls, types the key into the page,
and compares what the page shows with what the service says. Leaves pictures in a folder. Needs
nothing but Python, and speaks to the browser by the WebDriver protocol.
"""

import base64
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

PROGRAM, CHROMEDRIVER, PICTURES = sys.argv[1:4]
ROOT = pathlib.Path(__file__).resolve().parent.parent
LIST = ROOT / "examples/data/smartlead-accounts.json"
# Without blanks, which no address may have.
NASTY = "<img/src=x/onerror=window.broken=1>"
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


def http(method, url, body=None, headers=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers or {}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refused:
        return refused.code, json.loads(refused.read() or b"{}")


def wait_for(words, ask, seconds=20):
    """Asks until the answer is true, and gives it back."""
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > end:
            raise SystemExit(f"FAILED: {words}: not within {seconds} s")
        time.sleep(0.1)


def check(words, condition, told=""):
    if not condition:
        raise SystemExit(f"FAILED: {words} {told}")
    print(f"ok: {words}", flush=True)


class Service:
    """The program's service on one store, which may be killed and started again."""

    def __init__(self, folder):
        self.store, self.address = f"{folder}/page.db", "127.0.0.1:0"
        self.key = None
        self.start()

    def start(self, *options):
        command = [PROGRAM, "serve", "--listen", self.address, "--store", self.store, *options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True)
        told = self.process.stdout.readline()
        self.address = re.search(r"http://([0-9.:]+)", told).group(1)
        self.process.stdout.readline()
        if self.key is None:
            self.key = self.process.stdout.readline().rsplit(" ", 1)[1].strip()

    def end(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        self.process.wait(40)

    def keys(self, *words):
        command = [PROGRAM, "keys", *words, "--store", self.store]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    def call(self, method, path, body=None, key=None):
        headers = {"authorization": f"Bearer {key or self.key}"}
        status, answer = http(method, f"http://{self.address}/api/v1{path}", body, headers)
        if status != 200:
            raise SystemExit(f"FAILED: {method} {path} answered {status}: {answer}")
        return answer

    def save(self, address, cap, **more):
        body = {"from_email": address, "max_email_per_day": cap, "is_smtp_success": True,
                "is_imap_success": True, "warmup_reputation": "96%", **more}
        return self.call("POST", "/email-accounts/save", body)["emailAccountId"]

    def campaign(self, name, accounts, status="START"):
        campaign = self.call("POST", "/campaigns/create", {"name": name})["id"]
        if accounts:
            body = {"email_account_ids": accounts}
            self.call("POST", f"/campaigns/{campaign}/email-accounts", body)
        if status:
            self.call("POST", f"/campaigns/{campaign}/status", {"status": status})
        return campaign

    def send(self, campaign, lead, outcome="sent"):
        """Reserves for a lead and settles, or leaves it out. Says which account it was."""
        path = f"/rotation/campaigns/{campaign}/reservations"
        answer = self.call("POST", path, {"lead_id": lead})
        reservation = answer.get("reservation")
        if reservation and outcome:
            path = f"/rotation/reservations/{reservation['id']}/settle"
            self.call("POST", path, {"outcome": outcome})
        return reservation and reservation["email_account_id"]

    def watch(self, campaign):
        return self.call("GET", f"/rotation/campaigns/{campaign}/watch?limit=1000")


class Browser:
    """One tab, by the WebDriver protocol."""

    def __init__(self, folder, chromium):
        self.driver = subprocess.Popen([CHROMEDRIVER, "--port=0"], stdout=subprocess.PIPE,
                                       stderr=subprocess.DEVNULL, text=True)
        port = None
        while port is None:
            line = self.driver.stdout.readline()
            if not line:
                raise SystemExit("FAILED: chromedriver did not start")
            port = re.search(r"successfully on port (\d+)", line)
        self.base = f"http://127.0.0.1:{port.group(1)}/session"
        flags = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                 "--disable-background-networking", "--disable-component-update",
                 "--disable-sync", "--disable-dev-shm-usage", "--window-size=1360,1000",
                 f"--user-data-dir={folder}/profile"]
        options = {"args": flags, "binary": chromium}
        wanted = {"browserName": "chrome", "goog:chromeOptions": options,
                  "goog:loggingPrefs": {"browser": "ALL"}}
        answer = self.ask("POST", "", {"capabilities": {"alwaysMatch": wanted}})
        self.base += f"/{answer['sessionId']}"

    def ask(self, method, path, body=None):
        headers = {"content-type": "application/json"}
        status, answer = http(method, self.base + path, body, headers)
        if status != 200:
            raise SystemExit(f"FAILED: the browser answered {path}: {answer}")
        return answer["value"]

    def run(self, script, *args):
        return self.ask("POST", "/execute/sync", {"script": script, "args": list(args)})

    def text(self, selector):
        return self.run("return document.querySelector(arguments[0])?.textContent ?? null",
                        selector)

    def shown(self, selector):
        return self.run("return document.querySelector(arguments[0]).getClientRects().length > 0",
                        selector)

    def find(self, selector):
        found = self.ask("POST", "/element", {"using": "css selector", "value": selector})
        return found[ELEMENT]

    def type(self, selector, text):
        self.ask("POST", f"/element/{self.find(selector)}/value", {"text": text})

    def click(self, selector):
        self.ask("POST", f"/element/{self.find(selector)}/click", {})

    def tool(self, command, **params):
        self.ask("POST", "/goog/cdp/execute", {"cmd": command, "params": params})

    def look(self, name, width=1360, scheme="light", height=None, whole=True):
        """Takes a picture at a width and in a colour scheme."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.tool("Emulation.setEmulatedMedia", features=features)
        phone = width < 600
        size = {"width": width, "height": height or 900, "deviceScaleFactor": 1, "mobile": phone}
        self.tool("Emulation.setDeviceMetricsOverride", **size)
        time.sleep(0.4)
        if whole:
            high = self.run("return document.documentElement.scrollHeight")
            size["height"] = min(int(high), 4000)
            self.tool("Emulation.setDeviceMetricsOverride", **size)
            time.sleep(0.3)
        wide = self.run("return [document.documentElement.scrollWidth, window.innerWidth]")
        check(f"{name}: nothing is wider than the screen", wide[0] <= wide[1], wide)
        picture = base64.b64decode(self.ask("GET", "/screenshot"))
        (pathlib.Path(PICTURES) / f"{name}.png").write_bytes(picture)
        self.tool("Emulation.clearDeviceMetricsOverride")

    def end(self):
        try:
            self.ask("DELETE", "")
        finally:
            self.driver.terminate()
            self.driver.wait(20)


def fill(service):
    """Accounts as a list has them, two campaigns that send, and some that do not."""
    ids = {}
    for account in json.loads(LIST.read_text())[:6]:
        address, cap = account["from_email"], account["message_per_day"]
        ids[address] = service.save(address, cap, from_name=account["from_name"])
    small = service.save("small@tryacme.example", 3, daily_sent_count=3)
    slow = service.save("slow@tryacme.example", 40, time_to_wait_in_mins=10)
    nasty = service.save(f"{NASTY}@acme.example", 20)
    down = service.save("paused@tryacme.example", 50)
    spring = service.campaign(f"Spring {NASTY}", [*ids.values(), small, slow, nasty, down])
    partners = service.campaign("Partners", list(ids.values())[:3])
    service.call("PUT", f"/email-accounts/suspend/{down}")
    for lead in range(40):
        service.send(spring, lead)
    for lead in range(3):
        service.send(spring, 100 + lead, outcome=None)
    for lead in range(9):
        service.send(partners, lead)
    return spring, partners


ROWS = """return [...document.querySelectorAll('#accounts tr')].map(row =>
    [...row.children].map(cell => cell.textContent))"""


def table(browser):
    """The rows of the page by address."""
    return {row[0]: row[1:] for row in browser.run(ROWS)}


def agree(browser, service, campaign):
    """Whether the page shows, of every account, what the service says."""
    said, rows = service.watch(campaign), table(browser)
    if len(rows) != len(said["accounts"]):
        return None
    for account in said["accounts"]:
        row = rows.get(account["from_email"])
        used, reserved = account["sent"], account["reserved"]
        asked, got = (f"{share / 10_000:.1f} %" if share is not None else "–"
                      for share in (account["share_asked"], account["share_got"]))
        want = [f"{used} + {reserved} out" if reserved else str(used),
                f"{account['headroom']} of {account['allowance']}",
                str(account["campaign_sent"]), asked, got]
        if row is None or row[1:6] != want:
            return None
        ready = account["ready"] == row[6].startswith("ready")
        if not ready or any(reason["message"] not in row[6] for reason in account["reasons"][:3]):
            return None
    figures = [browser.text(f"#{name}") for name in ("sent", "out")]
    return figures == [str(said["day"]["sent"]), str(said["day"]["reserved"])]


def enter(browser, key):
    browser.run("document.getElementById('key').value = ''")
    browser.type("#key", key)
    browser.click("#door button")


def keys(browser, service):
    browser.ask("POST", "/url", {"url": f"http://{service.address}/"})
    wait_for("the page asks for a key", lambda: browser.shown("#door"))
    enter(browser, "mr_1_wrong")
    wait_for("a wrong key is told", lambda: "opens nothing" in browser.text("#wrong"))
    check("a wrong key shows nothing", not browser.shown("#watch"))
    enter(browser, service.key)
    wait_for("the right key opens", lambda: browser.shown("#campaign"))
    key = service.key
    check("the key is in no address", key not in browser.run("return location.href"))
    kept = browser.run("return [Object.values(sessionStorage).join(), localStorage.length, "
                       "document.cookie]")
    check("the key is kept in this tab alone", kept == [key, 0, ""], kept)
    other = browser.run("return performance.getEntriesByType('resource').map(one => one.name)"
                        ".filter(name => !name.startsWith(location.origin))")
    check("nothing is loaded from elsewhere", other == [], other)


def shows(browser, service, spring, partners):
    wait_for("the table agrees with the service", lambda: agree(browser, service, spring))
    check("the table agrees with the service", True)
    nasty = [name for name in table(browser) if name.startswith("<img")]
    heading = browser.text("#name")
    marked = browser.run("return [window.broken ?? null, "
                         "document.querySelectorAll('main img').length]")
    check("markup in names stays text", len(nasty) == 1 and NASTY in heading
          and marked == [None, 0], (nasty, heading, marked))
    rows = table(browser)
    check("who is suspended is said", "suspended" in rows["paused@tryacme.example"][6])
    check("who is at the cap is said", "3 of 3" in rows["small@tryacme.example"][6])
    check("who waits is said", "waits until" in rows["slow@tryacme.example"][6])
    check("the next sends are shown", browser.run(
        "return document.querySelectorAll('#next li').length") == 20)
    check("the day is drawn", browser.run(
        "return document.querySelectorAll('#chart rect.sent').length") >= 1)
    browser.run("window.stays = true")
    before = int(browser.text("#sent"))
    service.send(spring, 900)
    wait_for("a send is shown", lambda: int(browser.text("#sent")) == before + 1)
    check("a send is shown without loading the page again", browser.run("return window.stays"))
    browser.look("light")
    browser.look("dark", scheme="dark")
    browser.look("phone", width=390, height=844)
    browser.look("phone-dark", width=390, scheme="dark", height=844)
    browser.click(f"a[href='#campaign-{partners}']")
    wait_for("another campaign is shown", lambda: browser.text("#name") == "Partners")
    wait_for("and agrees", lambda: agree(browser, service, partners))
    check("another campaign is shown", True)


def hides(browser):
    """A tab that nobody sees asks nothing."""
    browser.run("Object.defineProperty(document, 'hidden', {get: () => true, configurable: true});"
                "document.dispatchEvent(new Event('visibilitychange'));"
                "performance.clearResourceTimings()")
    time.sleep(4.5)
    asked = browser.run("return performance.getEntriesByType('resource').length")
    check("a hidden tab asks nothing", asked == 0 and browser.text("#updated") == "paused", asked)
    browser.run("delete document.hidden; document.dispatchEvent(new Event('visibilitychange'))")
    wait_for("it goes on", lambda: browser.text("#updated").startswith("updated"))


def states(browser, service):
    """Campaigns that do not send, and one with many accounts."""
    empty = service.campaign("Nobody yet", [], status=None)
    one = service.save("alone@acme.example", 0)
    full = service.campaign("No room", [one])
    stopped = service.campaign("Autumn", [one], status="START")
    service.call("POST", f"/campaigns/{stopped}/status", {"status": "STOPPED"})
    for campaign, words in [(empty, "no account is attached"), (full, "Nobody may send until"),
                            (stopped, "ended for good")]:
        browser.run("location.hash = arguments[0]", f"#campaign-{campaign}")
        wait_for(f"campaign {campaign}: {words}",
                 lambda words=words: words in browser.text("#verdict"))
        check(f"a campaign that cannot send says why: {words}", True)
    browser.look("stopped")
    many = [service.save(f"sender-{n:04}@bulk.example", 50) for n in range(1000)]
    bulk = service.campaign("A thousand", many)
    for lead in range(150):
        service.send(bulk, lead)
    browser.run("location.hash = arguments[0]", f"#campaign-{bulk}")
    wait_for("many accounts are shown", lambda: "1,000 accounts" in browser.text("#accounts-note"))
    check("a hundred of many rows are drawn", len(table(browser)) == 100)
    browser.look("thousand", whole=False)
    took = browser.run("const start = performance.now(); document.getElementById('more').click();"
                       "document.body.offsetHeight; return performance.now() - start")
    check(f"all rows are drawn if that is asked for, in {took:.0f} ms",
          len(table(browser)) == 1000 and took < 10_000)


def restarts(browser, service, spring):
    """The service is killed while the page is open, and comes back."""
    browser.run("location.hash = arguments[0]", f"#campaign-{spring}")
    wait_for("the campaign is back", lambda: "Spring" in browser.text("#name"))
    service.end(signal.SIGKILL)
    wait_for("an outage is told", lambda: "does not answer" in browser.text("#notice"))
    browser.look("outage", whole=False)
    check("what was shown stays", len(table(browser)) == 10)
    second = service.keys("add", "--owner", "2").split()
    second = next(word for word in second if word.startswith("mr_"))
    service.start()
    wait_for("it goes on by itself", lambda: browser.text("#notice") == ""
             and browser.text("#updated").startswith("updated"), 40)
    wait_for("and agrees", lambda: agree(browser, service, spring))
    check("after a restart it goes on by itself", browser.run("return window.stays"))
    service.end()
    # So few calls that the page itself meets the limit.
    service.start("--rate", "15", "--burst", "2")
    wait_for("a limit is told", lambda: "Too many calls" in browser.text("#notice"), 60)
    wait_for("and borne", lambda: browser.text("#updated").startswith("updated"), 40)
    check("a limit is told and borne", True)
    service.end()
    service.start()
    browser.click("#forget")
    check("a forgotten key is gone", browser.run("return sessionStorage.length") == 0
          and browser.shown("#door") and browser.run(
              "return document.querySelectorAll('#accounts tr').length") == 0)
    browser.look("door", whole=False)
    enter(browser, second)
    wait_for("an owner without campaigns is told so", lambda: browser.shown("#no-campaigns"))
    check("nothing of another owner is shown", not browser.shown("#campaign"))


def main():
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    folder = tempfile.mkdtemp()
    os.makedirs(PICTURES, exist_ok=True)
    service = browser = None
    try:
        service = Service(folder)
        browser = Browser(folder, chromium)
        spring, partners = fill(service)
        keys(browser, service)
        shows(browser, service, spring, partners)
        hides(browser)
        states(browser, service)
        restarts(browser, service, spring)
        log = browser.ask("POST", "/se/log", {"type": "browser"})
        # Refused calls are logged by the browser itself; all else would be a fault of the page.
        faults = [one["message"] for one in log if one["level"] == "SEVERE"
                  and one["source"] != "network"]
        check("no script failed and no policy was broken", faults == [], faults)
        print("the page is as it should be")
    finally:
        if browser:
            browser.end()
        if service:
            service.process.kill()
            service.process.wait(20)
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
