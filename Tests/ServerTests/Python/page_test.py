"""Tries the page of `fovea serve` in a headless Chromium: python3 page_test.py URL PHOTOGRAPH...

    page_test.py http://127.0.0.1:8080/ left.jpg right.jpg --class Drusen --lesion 0.62,0.45,0.1

The server must serve a model with maps, without a token. Each check prints one line; the status is 1 where one fails, and
77 where there is no Chromium. tools/python-tests.txt has the packages.
"""
import argparse
import io
import json
import math
import os
import re
import shutil
import struct
import sys
import tempfile
import traceback
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, unquote

import numpy as np
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import sync_playwright

checks = []
PIXEL = ("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==")  # a red PNG
HOSTILE = ['<img src="x" onerror="document.title=1">', "</script><script>alert(1)</script>", "\"'&amp;&lt;", "a&b=c#d?e/f%2F+g",
           "اعتلال الشبكية السكري", "\u202eoverride", "L" * 90, "with spaces and_underscores_that_go_on_for_very_long_indeed"]


def check(function):
    checks.append(function)
    return function


def expect(condition, text):
    if not condition:
        raise AssertionError(text)


class Tried:
    """The page in a browser window of its own, with what it complained of."""

    def __init__(self, page):
        self.page, self.complaints = page, []
        page.set_default_timeout(30_000)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", self.listen)
        page.on("dialog", lambda dialog: (self.complaints.append("a dialog: " + dialog.message), dialog.dismiss()))
        page.add_init_script("addEventListener('securitypolicyviolation', e => console.error("
                             "'Content Security Policy', e.violatedDirective, e.blockedURI))")

    def listen(self, message):
        # That a request was refused or failed is what some checks are about.
        if message.type in ("error", "warning") and not message.text.startswith("Failed to load resource"):
            self.complaints.append(message.text)

    def load(self, url):
        response = self.page.goto(url)
        self.page.wait_for_selector("#choose:not([hidden]), #token-form:not([hidden]), #problem:not([hidden])")
        return response

    def read(self, *files):
        self.page.set_input_files("#files", list(files))
        self.page.wait_for_selector("#answer:not([hidden])")
        self.page.wait_for_selector("#progress", state="hidden")

    def open_class(self, title=None):
        """Opens a class, the first one where none is named, and waits for its map."""
        for more in self.page.query_selector_all(".more"):
            more.click()
        rows = self.page.query_selector_all(".finding")
        row = next(row for row in rows if title is None or row.get_attribute("data-class") == title)
        row.click()
        self.wait_for_map()

    def wait_for_map(self):
        self.page.wait_for_function("() => { const map = document.getElementById('map');"
                                    "return !map.hidden && map.complete && map.naturalWidth > 0 }")

    def wait_until(self, holds, text):
        """Waits for what no selector says, while the browser goes on."""
        for _ in range(600):
            if holds():
                return
            self.page.wait_for_timeout(50)
        raise AssertionError(text)

    def text(self, selector):
        return self.page.inner_text(selector)

    def violations(self):
        found = Axe().run(self.page).response["violations"]
        return [f"{one['id']}: {one['help']}: {one['nodes'][0]['html'][:200]}" for one in found]


class Bench:
    def __init__(self, browser, arguments):
        self.browser, self.url, self.arguments = browser, arguments.url, arguments
        self.photographs = [str(path) for path in arguments.photograph]
        self.folder = Path(tempfile.mkdtemp())

    @contextmanager
    def window(self, width=1280, height=800, dark=False, load=True, **options):
        context = self.browser.new_context(viewport={"width": width, "height": height},
                                           color_scheme="dark" if dark else "light", **options)
        tried = Tried(context.new_page())
        try:
            if load:
                tried.load(self.url)
            yield tried
            expect(not tried.complaints, f"the browser complained: {tried.complaints}")
        finally:
            tried.page.unroute_all(behavior="ignoreErrors") # or an answer under way would hide what failed
            context.close()

    def file(self, name, content):
        path = self.folder / name
        path.write_bytes(content)
        return str(path)


def answers(route, change, url=None):
    """The server's own answer, changed; an error is passed on."""
    response = route.fetch(url=url)
    body = response.json()
    if response.ok:
        change(body)
    route.fulfill(response=response, body=json.dumps(body))


def refuse(route, status, text, **headers):
    route.fulfill(status=status, body=json.dumps({"error": text}), content_type="application/json",
                  headers={key.replace("_", "-"): value for key, value in headers.items()})


def width_fits(tried):
    wide = tried.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    expect(wide <= 0, f"the page is {wide} pixels wider than the window")


@check
def is_accessible(bench):
    """No violation of axe-core: empty, with a result, with a map, with several; light and dark; wide and 400 px"""
    for dark in (False, True):
        for width in (1280, 400):
            with bench.window(width=width, dark=dark) as tried:
                def examine(what):
                    found = tried.violations()
                    expect(not found, f"{what}, {width} px, {'dark' if dark else 'light'}: {found}")
                examine("empty")
                tried.read(bench.photographs[0])
                examine("one photograph")
                tried.open_class()
                examine("a map")
                tried.read(bench.photographs[0], bench.file("note.txt", b"not an image"))
                tried.page.click("#list li:last-child button")
                examine("several, one not read")
                tried.page.click("#compare")
                examine("side by side")


@check
def fits_narrow_windows(bench):
    """Nothing scrolls sideways at 400 and 320 px, empty, with results and with long names"""
    for width in (400, 320):
        with bench.window(width=width, height=800, load=False) as tried:
            tell_hostile_names(tried)
            tried.load(bench.url)
            width_fits(tried)
            tried.read(*bench.photographs)
            width_fits(tried)
            tried.open_class()
            width_fits(tried)
            tried.page.click("#compare")
            width_fits(tried)
            tried.page.click("#compare")
            notice = tried.page.query_selector(".notice").bounding_box()
            tried.page.evaluate("scrollTo(0, document.body.scrollHeight)")
            expect(tried.page.query_selector(".notice").bounding_box()["y"] == notice["y"], "the notice scrolls away")


@check
def works_by_keyboard(bench):
    """From load to a map and its opacity with the keyboard alone, the focus always visible"""
    with bench.window() as tried:
        page = tried.page

        def tab_to(selector):
            for _ in range(60):
                page.keyboard.press("Tab")
                if page.evaluate("s => document.activeElement.matches(s)", selector):
                    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                    expect(outline != "none", f"the focus on {selector} is not visible")
                    return
            raise AssertionError(f"{selector} is not reached with Tab")

        choosers = []
        page.on("filechooser", lambda chooser: choosers.append(chooser))
        tab_to("#choose-files")
        page.keyboard.press("Enter")
        tried.wait_until(lambda: choosers, "Enter opened no file chooser")
        choosers[0].set_files(bench.photographs[0])
        page.wait_for_selector("#answer:not([hidden])")
        expect(page.evaluate("document.activeElement.id") == "choose-files", "the focus got lost")
        tab_to(".finding")
        page.keyboard.press("Space")
        tried.wait_for_map()
        expect("lies over" in tried.text("#status"), "the map is not announced")
        tab_to("#opacity")
        before = float(page.input_value("#opacity"))
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        after = float(page.input_value("#opacity"))
        expect(after > before, "the arrow key did not move the slider")
        opacity = float(page.evaluate("getComputedStyle(document.getElementById('map')).opacity"))
        expect(abs(opacity - after / 100) < 0.001, f"the slider is at {after} %, the map at {opacity}")
        tab_to(".finding[aria-expanded=true]")
        page.keyboard.press("Enter")
        expect(page.is_hidden("#map"), "the class closed, and its map is still there")
        expect(page.is_hidden("#opacity"), "there is no map, and a slider for it")


@check
def focus_is_not_covered(bench):
    """At 400 px the photograph stays in sight and never covers what has the focus, down or up the list"""
    with bench.window(width=400) as tried:
        tried.read(bench.photographs[0])
        tried.open_class()
        covered = """() => { const box = document.activeElement.getBoundingClientRect()
            const top = document.elementFromPoint(box.x + box.width / 2, box.y + Math.min(box.height / 2, 20))
            return top !== null && !document.activeElement.contains(top) && !top.contains(document.activeElement) }"""
        for key in ["Tab"] * 12 + ["Shift+Tab"] * 12:
            tried.page.keyboard.press(key)
            what = tried.page.evaluate("document.activeElement.outerHTML.slice(0, 80)")
            expect(not tried.page.evaluate(covered), f"{key}: {what} is covered")


@check
def says_why_a_file_is_not_read(bench):
    """A wrong file shows why beside it, the photographs around it are read, and the page stays"""
    with bench.window() as tried:
        tried.read(bench.photographs[0], bench.file("note.txt", b"not an image"), bench.photographs[-1])
        states = [row.inner_text() for row in tried.page.query_selector_all("#list .state")]
        expect(states[1].startswith("Not read. ") and len(states[1]) > 25, f"the list says {states[1]!r}")
        expect(not any(state.startswith("Not read") for state in (states[0], states[2])), f"others failed: {states}")
        tried.page.click("#list li:nth-child(2) button")
        text = tried.text("#failure p")
        expect(len(text) > 15 and text in states[1], f"the error is {text!r}")
        expect(tried.page.is_hidden("#again"), "trying the same file again is offered, but cannot help")
        expect(tried.page.is_visible("#choose-files"), "no other file can be chosen")


@check
def policy_holds(bench):
    """The page comes with a Content-Security-Policy without unsafe-inline, and nothing on it violates it"""
    with bench.window(load=False) as tried:
        outside = []
        tried.page.on("request", lambda request: outside.append(request.url)
                      if not request.url.startswith((bench.url, "data:", "blob:")) else None)
        policy = tried.load(bench.url).headers.get("content-security-policy", "")
        expect("default-src 'none'" in policy and "unsafe" not in policy, f"the policy is {policy!r}")
        tried.read(*bench.photographs)
        tried.open_class()
        tried.page.click("#larger")
        expect(not outside, f"requests to elsewhere: {outside}")
        stored = tried.page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]")
        expect(stored == [0, 0, ""], f"the page stored something: {stored}")


def tell_hostile_names(tried):
    """Replaces the names of the first classes in all that the server says."""
    true_names = {}

    def rename(body):
        for model in body["models"]:
            true_names.update(zip(HOSTILE, model["classes"]))
            model["classes"][:len(HOSTILE)] = HOSTILE[:len(model["classes"])]

    def answer_models(route):
        answers(route, rename)

    def answer_predict(route):
        def change(body):
            back = {old: new for new, old in true_names.items()}
            for finding in body["images"][0]["findings"]:
                finding["class"] = back.get(finding["class"], finding["class"])

        def true_name(found):
            asked = unquote(found[1])
            return "map=" + quote(true_names.get(asked, asked), safe="")
        answers(route, change, re.sub(r"map=([^&]*)", true_name, route.request.url))

    tried.page.route("**/v1/models", answer_models)
    tried.page.route("**/v1/predict?*", answer_predict)


@check
def foreign_names_are_text(bench):
    """Names of classes and files with markup, quotes and other scripts are shown as text"""
    with bench.window(load=False) as tried:
        tell_hostile_names(tried)
        tried.load(bench.url)
        odd = bench.file("<b>bold<b> \"'&.jpg", Path(bench.photographs[0]).read_bytes())
        tried.read(odd)
        for more in tried.page.query_selector_all(".more"):
            more.click()
        names = [row.text_content() for row in tried.page.query_selector_all(".finding .class")]
        classes = [row.get_attribute("data-class") for row in tried.page.query_selector_all(".finding")]
        expect(names == [name.replace("_", " ") for name in classes], f"a name is shown otherwise: {names}")
        used = [name for name in HOSTILE if name in classes]
        expect(used, "no hostile name was tried")
        expect(tried.text("#name") == Path(odd).name, "the file's name is shown otherwise")
        made = tried.page.query_selector_all("#result b, #list b, #result script, #about script, #findings img, #about img")
        expect(not made, "a name became markup")
        tried.open_class(used[0])
        expect(used[0].replace("_", " ") in tried.page.text_content("#caption"), "the caption does not name the class")


@check
def map_lies_where_it_should(bench):
    """The map and the photograph share one box, and the strongest place of the map is the lesion"""
    with bench.window() as tried:
        page = tried.page
        tried.read(bench.photographs[0])
        tried.open_class(bench.arguments.class_name)
        boxes = [page.query_selector(selector).bounding_box() for selector in ("#photograph", "#map", "#stage")]
        expect(boxes[0] == boxes[1] == boxes[2], f"photograph, map and stage lie at {boxes}")

        def shot(opacity):
            page.fill("#opacity", str(opacity))
            return np.asarray(Image.open(io.BytesIO(page.locator("#pane").screenshot())).convert("RGB")).astype(float)

        seen = np.abs(shot(100) - shot(0)).max()
        expect(seen > 20, f"over the photograph the map changes pixels by at most {seen}")
        if bench.arguments.lesion is None:
            return
        # On white, what is redder and less transparent differs more; on the photograph that depends on what lies below.
        page.evaluate("""() => { document.getElementById("photograph").style.visibility = "hidden"
                                 document.getElementById("pane").style.background = "#fff" }""")
        change = np.abs(shot(100) - shot(0)).sum(2)
        height, width = change.shape
        y, x = np.argwhere(change == change.max()).mean(0)
        at_x, at_y, radius = bench.arguments.lesion
        off = math.hypot(x / width - at_x, (y / height - at_y) * height / width)
        expect(off <= radius, f"the strongest place is {x / width:.3f},{y / height:.3f}: {off:.3f} of the width off")


@check
def compares_side_by_side(bench):
    """Several photographs lie side by side with the same classes and the map of one class over each; one is opened from there"""
    with bench.window() as tried:
        page = tried.page
        tried.read(bench.photographs[0])
        expect(page.is_hidden("#compare"), "one photograph has nothing beside it")
        tried.read(*bench.photographs[1:], bench.file("note.txt", b"not an image"))
        page.click("#compare")
        expect(page.is_hidden("#result"), "the result of one is still shown")
        rows = page.query_selector_all("#comparison > ul > li")
        expect(len(rows) == len(bench.photographs) + 1, f"{len(rows)} photographs lie side by side")
        expect(rows[0].bounding_box()["y"] == rows[1].bounding_box()["y"], "they lie one below the other")
        expect("Not read" in rows[-1].inner_text(), f"of a wrong file it says {rows[-1].inner_text()!r}")
        classes = [[term.inner_text() for term in row.query_selector_all("dt .class")] for row in rows[:-1]]
        expect(classes[0] and all(one == classes[0] for one in classes), f"they show other classes: {classes}")
        places = lambda: [page.query_selector(one).bounding_box() for one in ("#shared-class", "#opacity", "#comparison .view")]
        before = places()
        page.select_option("#shared-class", classes[0][0])
        expect(places() == before, f"with the map the page moves from {before} to {places()}")
        expect("little" in tried.text("#shared-caption") and page.is_visible("#shared-caption"), "the colours are not explained")
        page.wait_for_function("number => [...document.querySelectorAll('#comparison .map')].filter(map => !map.hidden"
                               " && map.complete && map.naturalWidth > 0).length === number", arg=len(bench.photographs))
        for row in rows[:-1]:
            boxes = [row.query_selector(selector).bounding_box() for selector in (".view", ".view img", ".map")]
            expect(boxes[0] == boxes[1] == boxes[2], f"view, photograph and map lie at {boxes}")
        page.select_option("#shared-class", "")
        expect(page.is_hidden("#comparison .map") and page.is_hidden("#shared-caption"), "the map is still there")
        rows[1].query_selector(".open").click()
        expect(page.is_visible("#result") and page.is_hidden("#comparison"), "the photograph was not opened")
        expect(tried.text("#name") == Path(bench.photographs[1]).name, "another photograph was opened")


@check
def turned_photographs_agree(bench):
    """A JPEG that is turned by its EXIF tag is shown upright, as it was read"""
    plain = next((path for path in bench.photographs if Path(path).read_bytes()[:2] == b"\xff\xd8"), None)
    expect(plain is not None, "give a JPEG among the photographs")
    content = Path(plain).read_bytes()
    tiff = b"MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHH", 0x0112, 3, 1, 6, 0) + b"\0\0\0\0"
    exif = b"Exif\0\0" + tiff
    content = content[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + content[2:]
    with bench.window() as tried:
        tried.read(plain)
        size = [int(number) for number in re.findall(r"\d+", tried.text("#size"))]
        tried.page.click("#remove")
        tried.read(bench.file("turned.jpg", content))
        turned = [int(number) for number in re.findall(r"\d+", tried.text("#size"))]
        expect(turned == size[::-1], f"{size} became {turned}")
        box = tried.page.query_selector("#photograph").bounding_box()
        expect(tried.page.is_visible("#photograph"), "it is not shown")
        expect(abs(box["width"] / box["height"] - turned[0] / turned[1]) < 0.02, f"its box is {box}")


@check
def files_without_preview(bench):
    """A TIFF file, which the browser does not show, has its result and its map all the same"""
    path = str(bench.folder / "photograph.tif")
    Image.open(bench.photographs[0]).convert("RGB").save(path)
    with bench.window() as tried:
        tried.read(path)
        tried.page.wait_for_selector("#no-preview:not([hidden])")
        expect(tried.page.is_hidden("#photograph"), "a broken image is shown")
        tried.open_class(bench.arguments.class_name)
        expect(tried.page.query_selector("#map").bounding_box() == tried.page.query_selector("#stage").bounding_box(),
               "the map does not fill the ground")


@check
def waits_for_a_busy_server(bench):
    """A photograph is sent again after 503 with Retry-After, and the wait is told"""
    with bench.window(load=False) as tried:
        requests = []

        def answer(route):
            requests.append(route)
            if len(requests) == 1:
                refuse(route, 503, "The server is busy.", Retry_After="1")
            elif len(requests) == 3:
                route.continue_()
        tried.page.route("**/v1/predict?*", answer)
        tried.load(bench.url)
        tried.page.set_input_files("#files", bench.photographs[0])
        # The second request is not answered until the wait was told.
        tried.page.wait_for_function("() => document.getElementById('waiting').innerText.includes('busy')")
        tried.wait_until(lambda: len(requests) == 2, "it was not asked again")
        refuse(requests[1], 503, "The server is busy.", Retry_After="1")
        tried.page.wait_for_selector("#answer:not([hidden])")
        expect(len(requests) == 3, f"there were {len(requests)} requests")


@check
def asks_for_a_token(bench):
    """After 401 the token is asked for, a wrong one is told, the right one is sent and nowhere stored"""
    with bench.window(load=False) as tried:
        def guard(route):
            if route.request.headers.get("authorization") == "Bearer right":
                headers = {key: value for key, value in route.request.headers.items() if key != "authorization"}
                route.continue_(headers=headers)
            else:
                refuse(route, 401, "Give the token.")
        tried.page.route("**/v1/**", guard)
        tried.load(bench.url)
        expect(not tried.violations(), str(tried.violations()))
        for token in ("wrong", "right"):
            expect(tried.page.evaluate("document.activeElement.id") == "token", "the focus is not on the token")
            tried.page.keyboard.type(token)
            tried.page.keyboard.press("Enter")
            if token == "wrong":
                tried.page.wait_for_function("() => document.getElementById('token-error').innerText !== ''")
                expect(tried.page.get_attribute("#token", "aria-invalid") == "true", "the field is not marked")
                red, green, blue = map(int, re.findall(r"\d+", tried.page.evaluate(
                    "getComputedStyle(document.getElementById('token-error')).color"))[:3])
                expect(red > 1.5 * max(green, blue), "the message is not marked as an error")
                expect(not tried.violations(), str(tried.violations()))
        tried.page.wait_for_selector("#choose:not([hidden])")
        tried.read(bench.photographs[0])
        stored = tried.page.evaluate("[localStorage.length, sessionStorage.length, document.cookie, location.href]")
        expect(stored == [0, 0, "", bench.url], f"stored: {stored}")


@check
def survives_a_lost_server(bench):
    """Where the server does not answer, the page says so and tries again when asked"""
    with bench.window(load=False) as tried:
        tried.page.route("**/v1/models", lambda route: route.abort())
        tried.load(bench.url)
        expect("does not answer" in tried.text("#problem"), "the page does not say it")
        tried.page.unroute("**/v1/models")
        tried.page.click("#problem-again")
        tried.page.wait_for_selector("#choose:not([hidden])")
        tried.page.route("**/v1/predict?*", lambda route: route.abort())
        tried.page.set_input_files("#files", bench.photographs[0])
        tried.page.wait_for_selector("#failure:not([hidden])")
        expect("does not answer" in tried.text("#failure"), "the photograph's error does not say it")
        tried.page.unroute("**/v1/predict?*")
        tried.page.click("#again")
        tried.page.wait_for_selector("#answer:not([hidden])")


@check
def few_at_once_in_order(bench):
    """At most two photographs are under way, they start in order, and Cancel stops the rest"""
    with bench.window(load=False) as tried:
        held, started = [], []

        def hold(route):
            started.append(route.request.post_data_buffer[-1:])
            held.append(route)
        tried.page.route("**/v1/predict?*", hold)
        tried.load(bench.url)
        content = Path(bench.photographs[0]).read_bytes()
        tried.page.set_input_files("#files", [bench.file(f"{i}.jpg", content + bytes([i])) for i in range(5)])
        tried.wait_until(lambda: len(started) == 2, "two photographs were not started")
        tried.page.wait_for_timeout(500) # in which no more are
        expect(started == [b"\0", b"\1"], f"started: {started}")
        held[0].continue_()
        tried.page.wait_for_function("() => document.querySelector('#progress-text').innerText.startsWith('1 of 5')")
        tried.wait_until(lambda: len(started) == 3, "the third photograph was not started")
        tried.page.wait_for_timeout(300)
        expect(started == [b"\0", b"\1", b"\2"], f"started: {started}")
        tried.page.click("#cancel")
        tried.page.wait_for_selector("#progress", state="hidden")
        expect(tried.page.evaluate("document.activeElement.id") == "choose-files", "the focus got lost")
        states = [row.inner_text() for row in tried.page.query_selector_all("#list .state")]
        cancelled = [state.startswith("Not read. Cancelled") for state in states]
        expect(cancelled == [False, True, True, True, True], str(states))
        tried.page.unroute("**/v1/predict?*")
        tried.page.click("#list li:last-child button")
        tried.page.click("#again")
        tried.page.wait_for_selector("#answer:not([hidden])")
        tried.page.click("#clear")
        expect(tried.page.is_hidden("#result") and tried.page.is_visible("#choose .lead"), "Remove all leaves something")


@check
def takes_dropped_files(bench):
    """A photograph that is dropped anywhere on the page is read"""
    with bench.window() as tried:
        content = list(Path(bench.photographs[-1]).read_bytes())
        tried.page.evaluate("""bytes => {
            const data = new DataTransfer()
            data.items.add(new File([new Uint8Array(bytes)], "dropped.jpg", { type: "image/jpeg" }))
            for (const kind of ["dragover", "drop"])
                document.body.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }))
        }""", content)
        tried.page.wait_for_selector("#answer:not([hidden])")
        expect(tried.text("#name") == "dropped.jpg", "another file is shown")


@check
def offers_the_camera(bench):
    """A telephone is offered its camera, a desk's computer is not"""
    with bench.window(width=400, has_touch=True, is_mobile=True) as tried:
        expect(tried.page.is_visible("#take"), "no camera on a telephone")
        expect(tried.page.get_attribute("#camera", "capture") == "environment", "it is not the camera that looks away")
    with bench.window() as tried:
        expect(tried.page.is_hidden("#take"), "a camera at a desk")


@check
def changes_the_model(bench):
    """With several models one is chosen, and the photographs are read again with it"""
    with bench.window(load=False) as tried:
        asked = []

        def add_model(body):
            body["models"].append(dict(body["models"][0], name="another & one", calibration=None))

        def answer(route):
            asked.append(re.search(r"model=([^&]*)", route.request.url)[1])
            answers(route, lambda body: None, re.sub(r"model=[^&]*&?", "", route.request.url))
        tried.page.route("**/v1/models", lambda route: answers(route, add_model))
        tried.page.route("**/v1/predict?*", answer)
        tried.load(bench.url)
        expect(not tried.violations(), str(tried.violations()))
        tried.read(bench.photographs[0])
        tried.page.select_option("#model", "another & one")
        tried.page.wait_for_function("() => document.getElementById('notes').innerText.includes('not calibrated')")
        expect(asked[1:] == [quote("another & one")], f"asked for {asked}")
        expect("another & one" in tried.text("#facts"), "the facts are of the first model")


@check
def says_what_numbers_mean(bench):
    """Calibrated or not, with a threshold or without, blurred, unfamiliar, approximate: all is said"""
    with bench.window(load=False) as tried:
        def change(body):
            image = body["images"][0]
            image["quality"]["warnings"], image["familiarity"] = ["blurred"], 0.002
            first, second, third = (dict(image["findings"][0], map=None) for _ in range(3))
            first.update({"class": "first", "probability": 0.91, "calibrated": 0.87, "threshold": 0.5,
                          "threshold_applies_to": "probability", "calibrated_threshold": 0.445, "above": True})
            second.update({"class": "second", "probability": 0.6, "calibrated": None, "threshold": None,
                           "threshold_applies_to": None, "calibrated_threshold": None, "above": None,
                           "map": {"png": PIXEL, "exact": False, "coarse": False, "highest": 1.0, "highest_outside": True}})
            third.update({"class": "third", "probability": 0.2, "calibrated": 0.001, "threshold": 0.4,
                          "threshold_applies_to": "calibrated", "calibrated_threshold": 0.4, "above": False})
            image["findings"], image["normal"] = [third, second, first], None

        def describe(body):
            for model in body["models"]:
                model.update(labels="multi", has_maps=True, classes=["first", "second", "third"], class_labels=None,
                             training_images=[120, 40, 25], maps_are_coarse=False, enough_images=20,
                             calibration={"images": 812, "split": "validation", "positives": [45, 30, 20]})

        def answer(route):
            answers(route, change, re.sub(r"map=[^&]*", "maps=none", route.request.url)) # the server knows other classes
        tried.page.route("**/v1/models", lambda route: answers(route, describe))
        tried.page.route("**/v1/predict?*", answer)
        tried.load(bench.url)
        tried.read(bench.photographs[0])
        order = [row.get_attribute("data-class") for row in tried.page.query_selector_all(".finding")]
        expect(order == ["first", "second", "third"], f"the order is {order}")
        said = {}
        for index, title in enumerate(order):
            tried.page.click(f".finding >> nth={index}")
            tried.page.wait_for_function(
                "() => document.querySelector('.text:not([hidden]) .map-words').innerText.length > 30")
            said[title] = tried.text(f"li:has([data-class={title}])")
        expect(re.search(r"Of 100 photographs with this answer, about 87 had it, .* 812 photographs \(validation\), "
                         "45 of them with it", said["first"]), said["first"])
        expect(re.search(r"87.0\s%, reaches the threshold of 44.5\s%", said["first"]), said["first"])
        expect("only" not in said["first"] + said["third"], said)
        expect("Not calibrated" in said["second"] and "no threshold" in said["second"], said["second"])
        expect("approximate" in said["second"] and "beyond the field of view" in said["second"], said["second"])
        expect("fewer than 1 had it" in said["third"] and "is below the threshold" in said["third"], said["third"])
        expect("blurred" in tried.text("#quality") and "Unlike" in tried.text("#familiarity"), "quality or familiarity")


@check
def does_not_promise_too_much(bench):
    """Few photographs, a coarse map, the class of no finding and names for people: all is said, and normal is not counted"""
    with bench.window(load=False) as tried:
        def describe(body):
            for model in body["models"]:
                model.update(labels="multi", has_maps=True, maps_are_coarse=True, map_shape=[2, 2], enough_images=20,
                             classes=["few_ones", "N", "D", "well"], class_labels=["few_ones", "No disease", "Diabetes", "well"],
                             normal_class="N", training_images=[5, 300, 200, 90],
                             calibration={"images": 812, "split": "validation", "positives": [3, 400, 19, 50]})

        def change(body):
            image = body["images"][0]
            one = {"probability": 0.91, "calibrated": 0.87, "threshold": 0.5, "threshold_applies_to": "probability",
                   "calibrated_threshold": 0.4, "above": True,
                   "map": {"png": PIXEL, "exact": True, "coarse": True, "highest": 1.0}}
            image["findings"] = [one | {"class": "few_ones"}, one | {"class": "D", "calibrated": 0.1, "above": False},
                                 one | {"class": "well", "calibrated": 0.5}]
            image["normal"] = one | {"class": "N", "calibrated": 0.95, "above": None, "threshold": None,
                                     "threshold_applies_to": None, "calibrated_threshold": None}

        tried.page.route("**/v1/models", lambda route: answers(route, describe))
        tried.page.route("**/v1/predict?*", lambda route: answers(route, change, re.sub(r"map=[^&]*", "maps=none", route.request.url)))
        tried.load(bench.url)
        tried.read(bench.photographs[0])
        names = [row.text_content() for row in tried.page.query_selector_all(".finding .class")]
        # What is well known comes first, and "no finding" before what is below its threshold.
        expect(names == ["well", "few ones", "No disease", "Diabetes"], f"the classes are {names}")
        expect(tried.text("#summary") == "2 findings", tried.text("#results"))
        expect(tried.text("#advice") == "2 of 3 classes reach their thresholds, 1 of them from few examples.", tried.text("#advice"))
        marks = [row.inner_text() for row in tried.page.query_selector_all("#findings .mark")]
        expect(marks == ["only 5 examples", "calibrated on 19"], str(marks))
        expect("fewer than 20 photographs" in tried.text("#marks"), tried.text("#marks"))
        expect(tried.text("#result").count("does not say how often") == 1, "what the mark means is not said once")
        texts = []
        for index in range(4):
            tried.page.click(f".finding >> nth={index}")
            tried.wait_for_map()
            text = tried.page.query_selector_all("#findings li")[index].inner_text()
            expect(("Of 100" in text) == (index in (0, 2)), text)
            expect(re.search(r"2\s×\s2\scells, too few", text) and "not where" in tried.text("#caption"), text)
            texts.append(text)
        expect("earned from only 5 photographs with it, calibrated on only 3 photographs with it." in texts[1], texts[1])
        expect("Calibrated on only 19 photographs with it." in texts[3], texts[3])
        expect("never one" in texts[2], texts[2])
        tried.read(bench.photographs[-1])
        tried.page.click("#compare")
        shown = [" ".join(row.inner_text().split()) for row in tried.page.query_selector_all("#comparison li:first-child dt")]
        expect(shown == ["well", "few ones only 5 examples", "Diabetes calibrated on 19", "No disease"], str(shown))
        expect("fewer than 20 photographs" in tried.text("#shared-marks"), tried.text("#comparison"))
        tried.page.click("#compare")
        facts = tried.text("#facts") + tried.text(".lead")
        expect("too coarse" in facts and "exact" not in facts and "where it saw it" not in facts, facts)
        expect(not tried.violations(), str(tried.violations()))


@check
def prints_on_one_page(bench):
    """A result is printed on one page, in light colours, without controls"""
    with bench.window(dark=True) as tried:
        tried.read(bench.photographs[0])
        tried.open_class(bench.arguments.class_name)
        rows = len(tried.page.query_selector_all(".finding"))
        pages = len(re.findall(rb"/Type\s*/Page\b(?!s)", tried.page.pdf(format="A4")))
        expect(pages == 1 or rows > 50, f"{rows} classes took {pages} pages")
        tried.page.emulate_media(media="print")
        expect(tried.page.is_hidden("#print") and tried.page.is_visible("#print-facts"), "controls are printed")
        expect(tried.page.is_visible(".notice"), "the notice is not printed")


@check
def works_without_script(bench):
    """Without JavaScript the page says what to do"""
    with bench.window(load=False, java_script_enabled=False) as tried:
        tried.page.goto(bench.url)
        expect("needs JavaScript" in tried.text("main"), "no word about JavaScript")


def chromium():
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return os.environ.get("FOVEA_CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


def shares(text):
    return tuple(float(number) for number in text.split(","))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("url", type=lambda text: text.rstrip("/") + "/")
    parser.add_argument("photograph", nargs="+", type=Path)
    parser.add_argument("--class", dest="class_name", help="whose map is tried; the first that is shown without it")
    parser.add_argument("--lesion", type=shares, metavar="X,Y,RADIUS",
                        help="where the first photograph's map must be strongest, in shares of its width and height, "
                        "and how far off it may be, in shares of the width")
    parser.add_argument("--only", metavar="REGEX", help="the checks whose names match")
    arguments = parser.parse_args()
    program = chromium()
    if program is None:
        print("Skipped: no chromium on PATH; FOVEA_CHROMIUM may name one.")
        return 77
    failed = 0
    with sync_playwright() as playwright:
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=program, args=sandbox)
        bench = Bench(browser, arguments)
        for function in checks:
            if arguments.only and not re.search(arguments.only, function.__name__):
                continue
            try:
                function(bench)
                print(f"PASS {function.__name__}: {function.__doc__}", flush=True)
            except Exception as error:
                failed += 1
                where = traceback.extract_tb(error.__traceback__)[-1]
                print(f"FAIL {function.__name__}: {function.__doc__}\n     {error} (line {where.lineno})", flush=True)
        browser.close()
        shutil.rmtree(bench.folder)
    print(f"{failed} failed" if failed else "All passed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
