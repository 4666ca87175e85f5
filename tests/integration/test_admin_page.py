# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of the admin door in a headless Chromium, driven by mouse and keyboard.

The scenarios run against a stub with the answers of the door, in states that a daemon reaches only with time or luck, and the main
ones also against a daemon. Each page ends with a check: no request has left its origin, no script has failed, and nothing has
violated the policy. The pictures (light, dark, narrow, a dialog) are in build/pictures/.
"""

import json
import platform
import time
import urllib.request
import xml.etree.ElementTree

import pytest

from harness import SANITIZED, Config, Echo, eventually, slack
from harness import page_audit as audit
from harness import page_drawing
from harness.admin_stub import AdminStub, busy_stub, rfc3339
from harness.browser import Browser, find_chromium
from harness.util import ROOT, free_port

PICTURES = ROOT / "build" / "pictures"
WITH_CHROMIUM = {"x86_64", "aarch64", "armv7l", "i686", "ppc64le"}
HAS_DOOR = (ROOT / "src" / "server" / "admin_doors.cc").exists()
HTML_NAME = "<img src=x onerror=\"document.title='taken over'\"><script>document.title='taken over'</script>"
ERROR_LINE = "error: [service main] idle-timeout: \"soon\" is not a duration"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if not find_chromium():
        assert platform.machine() not in WITH_CHROMIUM, "Chromium is missing: scripts/install-deps.sh test installs chromium-headless-shell"
        pytest.skip(f"Debian has no Chromium for {platform.machine()}")
    one = Browser(tmp_path_factory.mktemp("chromium"))
    yield one
    one.close()


@pytest.fixture
def show(browser):
    """show(url, width=, scheme=): a page, which is checked in the end."""
    pages = []

    def open_page(url, **look):
        pages.append((browser.page(url, **look), url))
        return pages[-1][0]

    yield open_page
    for page, url in pages:
        page.js("new Promise(done => setTimeout(done, 0))")  # what the page has to say about itself is said
        foreign = [request for request in page.requests if not request.startswith((url, "data:"))]
        complaints = page.complaints()
        page.close()
        assert not foreign, f"requests that left the origin {url}: {foreign}"
        assert not complaints, f"errors in the console: {complaints}"


@pytest.fixture
def stub():
    if SANITIZED:
        pytest.skip("the stub and the browser have no part that a sanitizer sees")
    one = busy_stub().start()
    yield one
    one.stop()


class StubDoor:
    """The door's side of a scenario, against the stub."""

    def __init__(self):
        self.stub = AdminStub()
        self.stub.add_service("main")
        self.stub.start()
        self.url = self.stub.url

    def open_tunnel(self, name):
        return self.stub.add_tunnel("main", sni=name)

    def carry(self, tunnel):
        with self.stub.lock:
            self.stub.tunnels[tunnel]["bytes_in"] += 100_000

    def is_closed(self, tunnel):
        return tunnel not in self.stub.tunnels

    def spoil(self):
        """The next reload fails: returns the file and the line of the error."""
        self.stub.reload_answer = {"done": False, "services": {"added": [], "changed": [], "removed": []}, "listeners": {"added": [], "removed": []},
                                   "certificates": [], "global": [], "warnings": [],
                                   "errors": [{"file": "/etc/culvert/culvert.ini", "line": 42, "text": f"/etc/culvert/culvert.ini:42: {ERROR_LINE}"}]}
        return "/etc/culvert/culvert.ini", 42

    def mend(self):
        """The next reload adds the service `second`."""
        self.stub.reload_answer = {**self.stub.reload_answer, "done": True, "errors": [], "services": {"added": ["second"], "changed": [], "removed": []}}
        self.stub.add_service("second")

    def stop(self):
        self.stub.stop()

    def start(self):
        self.stub.start()

    def end(self):
        self.stub.stop()


class DaemonDoor:
    """The same, with a daemon. Its admin address stays over a restart."""

    def __init__(self, start, backend, connect):
        self._start, self._backend, self._connect = start, backend(Echo), connect
        self._port = free_port()
        self.url = f"http://127.0.0.1:{self._port}/"
        self.daemon = start(self.config())

    def config(self, **services):
        return Config({"main": {"backend": self._backend.address}, **services}, admin=f"127.0.0.1:{self._port}")

    def open_tunnel(self, name):
        client = self._connect(self.daemon, name=name, verify=False)
        client.echo()
        return client

    def carry(self, tunnel):
        tunnel.echo(b"x" * 100_000)

    def is_closed(self, tunnel):
        return tunnel.outcome()[1] in ("reset", "fin", "close_notify")

    def spoil(self):
        broken = self.config(main={"backend": self._backend.address, "idle-timeout": "soon"})
        self.daemon.write(broken)
        lines = self.daemon.config_path.read_text().splitlines()
        return str(self.daemon.config_path), next(n for n, line in enumerate(lines, 1) if "soon" in line)

    def mend(self):
        self.daemon.write(self.config(second={"backend": self._backend.address}))

    def stop(self):
        self.daemon.terminate(expect=8)  # it cuts the open tunnel

    def start(self):
        self.daemon = self._start(self.config())

    def end(self):
        pass


@pytest.fixture(params=["stub", "daemon"])
def door(request):
    """Both sides of the same scenario."""
    if request.param == "daemon":
        if not HAS_DOOR:
            pytest.skip("this culvert has no admin door yet")
        made = DaemonDoor(*map(request.getfixturevalue, ("culvert", "backend", "connect")))
    else:
        if SANITIZED:
            pytest.skip("the stub and the browser have no part that a sanitizer sees")
        made = StubDoor()
    yield made
    made.end()


def ready(page):
    """Waits for the first figures."""
    page.until("document.querySelector('#facts dd') && document.querySelector('#services-body tr')", 20)
    return page


def rows(page, body="#tunnels-body"):
    return page.js(f"[...document.querySelectorAll('{body} > tr')].map(row => row.innerText)")


def search(page, field, text):
    """Types into a field of the search as a hand does."""
    page.js(f"document.querySelector('#find-{field}').focus(); document.querySelector('#find-{field}').select()")
    page.type(text)


def facts(page, selector):
    return dict(page.js(f"[...document.querySelectorAll('{selector} > div')].map(node => [node.firstChild.textContent, node.lastChild.textContent])"))


def posts(stub):
    with stub.lock:
        return [(path, query) for method, path, query in stub.requests if method == "POST"]


# -- the scenarios of the stub and the daemon ------------------------------------------------------------------------------------------


def test_live_numbers_move(door, show):
    tunnel = door.open_tunnel("numbers.test")
    page = ready(show(door.url))
    page.until("document.querySelector('#tunnels-body tr')")
    page.until("document.title.startsWith('culvert: Ready')")
    bytes_in = "document.querySelector('#tunnels-body tr').item.bytes_in"
    before, path = page.js(bytes_in), page.js("document.querySelector('#charts path.first').getAttribute('d')")
    page.js("document.querySelector('#tunnels-body tr').kept = 'the same row'")
    door.carry(tunnel)
    page.until(f"{bytes_in} >= {before + 100_000}")
    page.until(f"document.querySelector('#charts path.first').getAttribute('d') !== {json.dumps(path)}")
    assert page.js("document.querySelector('#tunnels-body tr').kept") == "the same row", "rows are updated and not replaced"
    assert page.complaints(network=True) == []


def test_a_tunnel_is_found_by_search_and_closed(door, show):
    wanted, other = door.open_tunnel("wanted.test"), door.open_tunnel("other.test")
    page = ready(show(door.url))
    page.until("document.querySelectorAll('#tunnels-body tr').length === 2")
    page.key("/")
    assert page.js("document.activeElement.id") == "find-sni"
    page.type("WANTED")
    page.until("document.querySelectorAll('#tunnels-body tr').length === 1")
    assert "wanted.test" in rows(page)[0]
    page.click("#tunnels-body tr td:first-child button")
    page.until("document.querySelector('#tunnel').open && document.querySelector('#tcp-body tr')")
    assert facts(page, "#tunnel-facts")["sni"] == "wanted.test"
    page.click("#tunnel-close")
    page.until("document.querySelector('#question').open")
    assert "wanted.test" in page.text("#question-text")
    page.click("#question-yes")
    page.until("document.querySelector('#said').textContent.endsWith('closed.')")
    assert door.is_closed(wanted)
    page.until("document.querySelectorAll('#tunnels-body tr').length === 0 && !document.querySelector('#tunnel').open")
    assert page.text("#tunnels-none") == "No open tunnel matches."
    search(page, "sni", " ")
    page.until("document.querySelectorAll('#tunnels-body tr').length === 1")
    assert "other.test" in rows(page)[0]
    door.carry(other)


def test_a_reload_with_an_error_shows_its_file_and_line(door, show):
    file, line = door.spoil()
    page = ready(show(door.url))
    page.click("#reload")
    page.until("!document.querySelector('#reloaded').hidden")
    assert page.text("#reload-line").startswith("Reload failed") and "1 error" in page.text("#reload-line")
    assert page.text("#reload-lines code") == f"{file}:{line}"
    assert "idle-timeout" in page.text("#reload-lines") and page.text("#reload-lines").count(file) == 1
    # A page that is opened later shows it, too.
    later = ready(show(door.url))
    later.until("!document.querySelector('#reloaded').hidden")
    assert later.text("#reload-lines code") == f"{file}:{line}"
    later.click("#reload-hide")
    door.mend()
    page.click("#reload")
    page.until("document.querySelector('#reload-line').textContent.startsWith('Reload done')")
    assert "services added: second" in page.text("#reload-lines")
    page.until("document.querySelectorAll('#services-body > tr').length === 2")
    assert later.js("document.querySelector('#reloaded').hidden"), "hidden stays hidden"


def test_a_daemon_that_restarts_under_the_page(door, show):
    door.open_tunnel("before.test")
    page = ready(show(door.url))
    page.until("document.querySelectorAll('#tunnels-body tr').length === 1")
    started = facts(page, "#facts")["Running since"].partition(",")[0]
    door.stop()
    page.until("document.querySelector('#verdict-line').textContent.startsWith('Not reachable since')", 20)
    assert page.js("document.querySelector('#verdict').dataset.mood") == "bad"
    assert "tries again" in page.text("#verdict-note") and "The figures below are from" in page.text("#verdict-note")
    page.click("#reload")
    page.until("document.querySelector('#said').textContent.startsWith('culvert did not answer')")
    time.sleep(1)  # the time of the start has a resolution of a second
    door.start()
    page.until("document.querySelector('#verdict-line').textContent.startsWith('Ready')", 20)
    assert page.text("#verdict-note") == ""
    assert facts(page, "#facts")["Running since"].partition(",")[0] != started
    door.open_tunnel("after.test")
    page.until("document.querySelector('#tunnels-body').innerText.includes('after.test')")


def test_the_answer_has_the_policy(door):
    with urllib.request.urlopen(door.url, timeout=slack(10)) as reply:
        policy, text = reply.headers["Content-Security-Policy"], reply.read().decode()
    nonce = policy.partition("'nonce-")[2].partition("'")[0]
    assert len(nonce) >= 16 and text.count(f'nonce="{nonce}"') == 2 and "{{" not in text
    assert policy.startswith("default-src 'none'; ") and "unsafe" not in policy and "connect-src 'self'" in policy
    with urllib.request.urlopen(door.url, timeout=slack(10)) as reply:
        assert nonce not in reply.headers["Content-Security-Policy"], "a nonce is used once"


# -- what is wrong comes first ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change, mood, words", [
    ({"problems": []}, "good", "Ready. No problem is known."),
    ({}, "bad", "Ready, with 1 error and 2 warnings"),
    ({"ready": {"ok": False, "why": "service postgres has no backend that is up"}}, "bad", "Not ready: service postgres has no backend that is up"),
    ({"draining": True, "ready": {"ok": False, "why": "draining"}}, "warn", "Draining: 24 tunnels left"),
])
def test_the_verdict_is_in_words(stub, show, change, mood, words):
    for name, value in change.items():
        setattr(stub, name, value)
    page = ready(show(stub.url))
    page.until("!document.querySelector('#verdict-line').textContent.startsWith('Connecting')")
    assert page.text("#verdict-line") == words
    assert page.js("document.querySelector('#verdict').dataset.mood") == mood
    assert page.js("document.title") == f"culvert: {words}"
    assert page.js("document.querySelectorAll('#problems li').length") == len(stub.problems)
    assert page.js("document.querySelector('#verdict').compareDocumentPosition(document.querySelector('#charts')) === Node.DOCUMENT_POSITION_FOLLOWING")


def test_a_problem_leads_to_its_service(stub, show):
    page = ready(show(stub.url))
    assert [row.split()[0] for row in rows(page, "#services-body")] == ["postgres", "mail", "edge-passthrough", "redis"], "the worst first"
    page.click("#problems button")
    page.until("document.querySelector('#services-body tr.inside table tbody tr')")
    inside = page.text("#services-body tr.inside")
    assert "10.20.2.9:5432" in inside and "connect: connection refused" in inside
    page.until("document.querySelector('#services-body tr.inside').innerText.includes('postgres.internal.example.net')")
    assert "4 days" in page.text("#services-body tr.inside")
    assert page.js("document.querySelector('#services-body button').getAttribute('aria-expanded')") == "true"
    page.click("#services-body button")
    page.until("!document.querySelector('#services-body tr.inside')")


def test_the_last_hour_in_words(stub, show):
    page = ready(show(stub.url))
    page.until("document.querySelectorAll('#hour-body tr').length === 3")
    assert page.text("#hour-count") == "44 lines"
    assert "backend is failing" in rows(page, "#hour-body")[0] and "41" in rows(page, "#hour-body")[0]
    assert facts(page, "#causes")["client-fin"] == "4,810"
    page.choose("#log-level", "debug")
    page.click("#log-set")
    page.until("document.querySelector('#log-now').textContent.startsWith('now debug until')")
    assert posts(stub) == [("/log-level", {"level": "debug", "for": "10m"})]


# -- search, details, changes ----------------------------------------------------------------------------------------------------------


def test_the_server_filters_and_sorts(stub, show):
    page = ready(show(stub.url))
    page.until("document.querySelectorAll('#tunnels-body tr').length === 24")
    assert page.js("document.querySelector('#close-all').hidden"), "nothing is chosen"
    search(page, "client", "198.51.100.0/24")
    page.until("document.querySelectorAll('#tunnels-body tr').length === 8")
    search(page, "service", "redis")
    page.until("document.querySelectorAll('#tunnels-body tr').length === 4")
    search(page, "client", "198.51.100.0/240")
    page.until("document.querySelector('#tunnels-error').textContent.includes('is not a network')")
    assert rows(page) == [] and page.js("document.querySelector('#close-all').hidden"), "a refused search shows nothing that it did not find"
    assert page.text("#verdict-line").startswith("Ready")
    search(page, "client", " ")
    search(page, "service", " ")
    page.choose("#find-blocked", "client")
    page.until("document.querySelectorAll('#tunnels-body tr').length === 2")
    assert all("client, 12.4 s" in row for row in rows(page))
    page.choose("#find-blocked", "")
    page.until("document.querySelectorAll('#tunnels-body tr').length === 24")
    page.click("#tunnels-head th:nth-child(7) button")
    page.until("document.querySelector('#tunnels-body tr').item.id === 24")
    assert page.js("document.querySelector('#find-sort').value") == "age"
    assert page.js("[...document.querySelectorAll('#tunnels-head th')].map(cell => cell.getAttribute('aria-sort')).filter(Boolean)") == ["descending"]
    sent = [query for method, path, query in stub.requests if path == "/tunnels"]
    assert {"client": "198.51.100.0/24", "service": "redis", "sort": "id", "limit": "100"} in sent
    assert {"blocked": "client", "sort": "id", "limit": "100"} in sent


def test_all_that_match_are_closed_after_a_question(stub, show):
    page = ready(show(stub.url))
    search(page, "sni", "mail")
    page.until("document.querySelectorAll('#tunnels-body tr').length === 6")
    page.click("#close-all")
    page.until("document.querySelector('#question').open")
    assert page.text("#question-title") == "Close 6 tunnels?" and "sni mail" in page.text("#question-text")
    page.click("#question-yes")
    page.until("document.querySelector('#said').textContent === '6 tunnels closed.'")
    assert posts(stub) == [("/tunnels/close", {"sni": "mail"})] and len(stub.tunnels) == 18


@pytest.mark.parametrize("opens", ["#drain", "#services-body tr:nth-child(4) td:last-child button", "#tunnels-body tr td:last-child button"])
@pytest.mark.parametrize("leave", ["Escape", "Cancel", "Enter"])
def test_a_question_can_be_left_without_a_change(stub, show, opens, leave):
    page = ready(show(stub.url))
    page.until("document.querySelector('#tunnels-body tr')")
    page.click(opens)
    page.until("document.querySelector('#question').open")
    assert page.js("document.activeElement.id") == "question-no", "Enter does not change anything"
    page.click("#question-no") if leave == "Cancel" else page.key(leave)
    page.until("!document.querySelector('#question').open")
    assert page.js(f"document.activeElement === document.querySelector({json.dumps(opens)})"), "the focus is back where it was"
    assert posts(stub) == []


def test_draining_a_service_and_all(stub, show):
    page = ready(show(stub.url))
    page.click("#services-body tr:nth-child(4) td:last-child button")
    page.until("document.querySelector('#question').open")
    assert page.text("#question-title") == "Drain service redis?"
    page.click("#question-yes")
    page.until("document.querySelector('#said').textContent === 'redis drains: 12 tunnels left.'")
    page.until("document.querySelector('#services-body').innerText.includes('draining')")
    page.click("#drain")
    page.until("document.querySelector('#question').open")
    page.click("#question-yes")
    page.until("document.querySelector('#verdict-line').textContent === 'Draining: 24 tunnels left'")
    assert posts(stub) == [("/services/redis/drain", {}), ("/drain", {})]


def test_a_tunnel_with_its_details(stub, show):
    page = ready(show(stub.url))
    page.click("#tunnels-body tr:nth-child(6) button")
    page.until("document.querySelector('#tunnel').open && document.querySelector('#tcp-body tr')")
    details = facts(page, "#tunnel-facts")
    keys = {key.replace("_ms", "").replace("_", " ") for key in stub.tunnels[6]} - {"id"}
    assert set(details) == keys, "every key of the answer"
    assert details["blocked"] == "client" and details["blocked for"] == "12.4 s" and details["suite"] == "TLS_AES_128_GCM_SHA256"
    assert rows(page, "#tcp-body")[0].split() == ["rtt", "23", "ms", "24", "ms"]
    with stub.lock:
        del stub.tunnels[6]
    page.until("document.querySelector('#tunnel-note').textContent.includes('has ended')")
    assert page.js("document.querySelector('#tunnel-close').hidden") and facts(page, "#tunnel-facts")["blocked"] == "client"
    page.key("Escape")
    page.until("!document.querySelector('#tunnel').open")


@pytest.mark.parametrize("way", ["row", "details"])
def test_what_culvert_refuses_is_shown(stub, show, way):
    page = ready(show(stub.url))
    page.until("document.querySelector('#tunnels-body tr')")
    if way == "row":
        page.click("#tunnels-body tr:nth-child(2) td:last-child button")
    else:
        page.click("#tunnels-body tr:nth-child(2) button")
        page.until("document.querySelector('#tcp-body tr')")
        page.click("#tunnel-close")
    page.until("document.querySelector('#question').open")
    with stub.lock:
        del stub.tunnels[2]
    page.click("#question-yes")
    page.until("document.querySelector('#said').textContent === 'culvert refused: no tunnel 2'")
    assert page.js("(({x, y, width, height}) => document.elementFromPoint(x + width / 2, y + height / 2).id)"
                   "(document.querySelector('#said').getBoundingClientRect())") == "said", "nothing covers the message"
    assert page.text("#verdict-line").startswith("Ready")


# -- what comes from outside is text ---------------------------------------------------------------------------------------------------


def test_html_from_clients_is_shown_as_text(stub, show):
    """A server name, and every other text that could come from a peer or from a file, contains HTML."""
    with stub.lock:
        stub.tunnels.clear()
        number = stub.add_tunnel("redis", sni=HTML_NAME, alpn=HTML_NAME, client_cert=HTML_NAME, backend=HTML_NAME)
        stub.problems = [{"severity": "error", "service": "redis", "text": HTML_NAME}]
        stub.recent = [{"time": rfc3339(time.time()), "level": "warning", "text": HTML_NAME, "count": 1}]
        stub.causes = {HTML_NAME: 1}
        for certificate in stub.certificates:
            certificate["subject"] = certificate["refused"] = HTML_NAME
        stub.reload_answer = {**stub.reload_answer, "done": False, "errors": [{"file": HTML_NAME, "line": 1, "text": HTML_NAME}]}
    page = ready(show(stub.url))
    page.until("document.querySelector('#tunnels-body tr')")
    page.click("#services-body tr:nth-child(4) button")
    page.until(f"document.querySelector('#services-body tr.inside').textContent.includes({json.dumps(HTML_NAME)})")
    page.click("#reload")
    page.until("!document.querySelector('#reloaded').hidden")
    page.click("#tunnels-body button")
    page.until("document.querySelector('#tcp-body tr')")
    page.click("#tunnel-close")
    page.until("document.querySelector('#question').open")
    for place in ("#tunnels-body", "#problems", "#hour-body", "#causes", "#reload-lines", "#tunnel-facts", "#question-text"):
        assert HTML_NAME in page.js(f"document.querySelector('{place}').textContent"), place
    assert page.js("document.querySelectorAll('img, body script:not([nonce]), iframe').length") == 0
    assert "taken over" not in page.js("document.title")
    assert number in stub.tunnels


# -- calm and bounded ------------------------------------------------------------------------------------------------------------------


def polls(stub):
    with stub.lock:
        return sum(path == "/status" for _, path, _ in stub.requests)


def test_a_hidden_page_asks_nothing(stub, show):
    page = ready(show(stub.url))
    hide = "Object.defineProperty(document, 'hidden', {{value: {}, configurable: true}}); document.dispatchEvent(new Event('visibilitychange'))"
    # In the midst of a round: neither its timer nor the next one may start another.
    page.js(f"new Promise(done => (function wait() {{ if (!round) return setTimeout(wait, 1); {hide.format('true')}; done(); }})())")
    page.until("round === false")
    before = polls(stub)
    page.js("new Promise(done => setTimeout(done, 2.5 * PERIOD_MS))")
    assert polls(stub) == before
    page.js(hide.format("false"))
    eventually(lambda: polls(stub) > before + 1, 10, "the page goes on")


def test_it_is_calm(stub, show):
    """Between two polls only changed texts change: no element comes or goes, and no live region speaks."""
    stub.busy = False
    page = ready(show(stub.url))
    page.until("document.querySelectorAll('#tunnels-body tr').length === 24")
    page.until("performance.now() > 100 && document.querySelector('#verdict-said').textContent")
    page.js("document.querySelector('#find-service').focus()")
    page.js("""window.seen = [];
      new MutationObserver(all => window.seen.push(...all.filter(one => [...one.addedNodes, ...one.removedNodes].some(node => node.nodeType === 1))
        .map(one => 'elements of ' + one.target.id))).observe(document.body, {childList: true, subtree: true});
      for (const node of document.querySelectorAll('[role=status], [aria-live]'))
        new MutationObserver(() => window.seen.push('a live region: ' + node.id)).observe(node, {childList: true, subtree: true, characterData: true})""")
    before = polls(stub)
    eventually(lambda: polls(stub) >= before + 3, 20, "three more polls")
    assert page.js("window.seen") == []
    assert page.js("document.activeElement.id") == "find-service"


def test_no_row_moves_under_the_hand(stub, show):
    page = ready(show(stub.url))
    page.choose("#find-sort", "bytes")
    page.until("document.querySelector('#tunnels-body tr')?.item.id === 24")
    page.js("document.querySelector('#tunnels-body tr:nth-child(2) button').focus()")
    with stub.lock:
        stub.tunnels[1]["bytes_out"] = 10**12
    before = polls(stub)
    page.until("[...document.querySelectorAll('#tunnels-body tr')].some(row => row.item.id === 1 && row.item.bytes_out >= 10 ** 12)")
    eventually(lambda: polls(stub) >= before + 2, 20, "two more polls")
    assert page.js("document.querySelector('#tunnels-body tr').item.id") == 24
    assert page.js("document.activeElement.closest('tr').item.id") == 23
    page.js("document.activeElement.blur()")
    page.move_to(2, 2)
    page.until("document.querySelector('#tunnels-body tr').item.id === 1")


def test_rows_are_bounded(stub, show):
    with stub.lock:
        for number in range(400):
            stub.add_service(f"s{number:03}", backends=[f"10.1.{number % 250}.{n}:80" for n in range(30)])
            stub.problems.append({"severity": "warning", "service": f"s{number:03}", "text": "something"})
            stub.recent.append({"time": rfc3339(1e9 + number), "level": "warning", "text": f"line {number}", "count": 1})
        for number in range(3000):
            stub.add_tunnel("redis", f"10.{number % 250}.0.1:{number}")
    page = ready(show(stub.url))
    page.until("document.querySelectorAll('#tunnels-body tr').length === 100")
    page.click("#services-body tr button")
    page.until("document.querySelector('tr.inside tbody tr')")
    assert page.js("document.querySelectorAll('tr, #problems li').length") <= 300
    assert page.text("#tunnels-count").startswith("the first 100") and page.text("#services-count") == "60 of 404"
    assert "and 383 more" in page.text("#problems")
    first = rows(page, "#services-body")[0]
    page.click("#services-next")
    page.until(f"document.querySelector('#services-body tr').innerText !== {json.dumps(first)}")
    page.click("#services-first")
    page.until("document.querySelector('#services-first').hidden")


# -- design: schemes, width, contrast, names, keyboard -----------------------------------------------------------------------------------


def open_everything(stub, page):
    """The page with as many of its parts as can be seen at once."""
    stub.reload_answer = {**stub.reload_answer, "done": False,
                          "errors": [{"file": "/etc/culvert/culvert.ini", "line": 42, "text": f"/etc/culvert/culvert.ini:42: {ERROR_LINE}"}],
                          "warnings": [{"file": "/etc/culvert/culvert.ini", "line": 7, "text": "/etc/culvert/culvert.ini:7: warning: unused"}]}
    ready(page).until("document.querySelectorAll('#tunnels-body tr').length === 24")
    page.click("#services-body button")
    page.until("document.querySelectorAll('tr.inside tbody tr').length >= 2")
    page.click("#reload")
    page.until("!document.querySelector('#reloaded').hidden && document.querySelector('#said').textContent")
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_contrast_and_width(stub, show, scheme, width):
    page = show(stub.url, width=width, scheme=scheme)
    open_everything(stub, page)
    found, seen, lowest = audit.contrast(page)
    assert found == [] and seen > 300
    print(f"{scheme}, {width} px: {seen} texts and lines judged, lowest contrast of a text {lowest:.2f}")
    assert page.js("document.documentElement.scrollWidth") <= width, "the page does not scroll sideways"
    page.move_to(2, 2)
    page.js("document.activeElement.blur(); document.querySelector('#said').textContent = ''")
    page.whole_picture(PICTURES / f"page-{scheme}-{width}.png", width, scheme)
    page.look(width, 900, scheme)
    page.click("#tunnels-body button")
    page.until("document.querySelector('#tcp-body tr')")
    assert audit.contrast(page)[0] == []
    assert page.js("document.querySelector('#tunnel').scrollWidth <= document.querySelector('#tunnel').clientWidth")
    page.picture(PICTURES / f"page-tunnel-{scheme}-{width}.png", whole=False)
    page.click("#tunnel-close")
    page.until("document.querySelector('#question').open")
    assert audit.contrast(page)[0] == []
    page.picture(PICTURES / f"page-question-{scheme}-{width}.png", whole=False)


def test_the_scheme_can_be_chosen_and_is_remembered(stub, show):
    page = ready(show(stub.url, scheme="light"))
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.js(ground)
    page.look(1280, 900, "dark")
    dark = page.until(f"{ground} !== {json.dumps(light)} && {ground}")
    page.choose("#scheme", "light")
    assert page.js(ground) == light
    page.go(stub.url)
    assert page.js(ground) == light and page.js("document.querySelector('#scheme').value") == "light"
    page.choose("#scheme", "")
    assert page.js(ground) == dark


@pytest.mark.parametrize("width", [1280, 400])
def test_every_control_has_a_name_and_the_keyboard_reaches_it(stub, show, width):
    with stub.lock:
        for number in [number for number in stub.tunnels if number > 4]:
            del stub.tunnels[number]
    page = ready(show(stub.url, width=width))
    page.until("document.querySelectorAll('#tunnels-body tr').length === 4")
    page.click("#services-body button")
    page.until("document.querySelectorAll('tr.inside tbody tr').length >= 2")
    page.click("#reload")
    page.until("!document.querySelector('#reloaded').hidden")
    search(page, "sni", "example")
    page.until("!document.querySelector('#close-all').hidden")
    wrong, controls = audit.nameless(page)
    assert wrong == [] and controls >= 30
    wrong, reached = audit.keyboard(page)
    assert wrong == [] and reached >= 30
    page.click("#tunnels-body button")
    page.until("document.querySelector('#tcp-body tr')")
    for wrong, _ in (audit.nameless(page), audit.keyboard(page)):
        assert wrong == []
    page.js("document.querySelector('#tunnel-close').focus()")
    page.key("Enter")
    page.until("document.querySelector('#question').open")
    for wrong, _ in (audit.nameless(page), audit.keyboard(page)):
        assert wrong == []
    page.key("Escape")
    page.until("!document.querySelector('#question').open && document.querySelector('#tunnel').open")
    page.key("Escape")
    page.until("!document.querySelector('#tunnel').open")
    page.js("document.querySelector('#services-body button').focus()")
    page.key("Enter")
    page.until("!document.querySelector('tr.inside')")


def test_charts_have_words_and_values_under_the_pointer(stub, show):
    page = ready(show(stub.url))
    page.until("document.querySelector('#charts svg[aria-label]')")
    labels = page.js("[...document.querySelectorAll('#charts figure > svg')].map(svg => svg.getAttribute('aria-label'))")
    assert [label.partition(",")[0] for label in labels] == ["Open tunnels", "Traffic", "Handshakes a second", "Handshake time"]
    assert "in now" in labels[1] and "highest" in labels[1] and "B/s" in labels[1]
    box = page.js("(({x, y, width, height}) => [x, y, width, height])(document.querySelector('#charts svg').getBoundingClientRect())")
    page.move_to(box[0] + box[2] / 2, box[1] + box[3] / 2)
    page.until("document.querySelector('#charts figcaption .scale').textContent.endsWith('UTC')")
    assert page.js("[...document.querySelectorAll('#charts .cursor')].map(line => line.getAttribute('visibility'))") == ["visible"] * 4
    page.move_to(2, 2)
    page.until("document.querySelector('#charts figcaption .scale').textContent.startsWith('last ')")


def test_the_picture_for_the_documents(stub, show):
    """docs/admin-page.svg is a copy of build/pictures/admin-page.svg; the numbers are the stub's."""
    with stub.lock:
        for number in [number for number in stub.tunnels if number > 8]:
            del stub.tunnels[number]
    page = ready(show(stub.url))
    page.until("document.querySelectorAll('#tunnels-body tr').length === 8 && !document.querySelector('#services-body').innerText.includes('–\\t–')")
    page_drawing.draw(page, PICTURES / "admin-page.svg", 1280, "light")
    drawn = xml.etree.ElementTree.parse(PICTURES / "admin-page.svg").getroot()
    texts = ["".join(node.itertext()) for node in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert "Ready, with 1 error and 2 warnings" in texts and "cache.example.net" in texts and "198.51.100.7:50000" in texts
    assert {node.tag.partition("}")[2] for node in drawn.iter()} == {"svg", "title", "rect", "text", "path", "line", "g"}
