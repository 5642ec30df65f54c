"""The card and its charts in a real browser, fed by a page instead of a Home Assistant."""

import itertools
import json
import random
import re
from collections.abc import AsyncIterator
from urllib.parse import urlencode

import pytest
import pytest_asyncio

from tests.browser.chromium import Browser, BrowserError, Page, chromium, program
from tests.browser.colours import DEFICIENCIES, apart
from tests.browser.page_server import pages

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(program() is None, reason="no Chromium on this machine"),
]
ROOT = "card.shadowRoot"
STAGES = ["capture", "inference", "hold", "post", "cloud", "transport"]
LANGUAGES = ["de", "en", "es", "fr", "it", "nl", "pl", "pt-BR", "sv", "zh-Hans"]
SEED = 7


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """A browser for all tests; each has tabs of its own."""
    async with chromium() as running:
        yield running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def address() -> AsyncIterator[str]:
    """The page with the card."""
    async with pages() as url:
        yield url


class Shown:
    """A tab with the card in it."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def texts(self, selector: str) -> list[str]:
        """Return what the visible elements of the card say."""
        found = await self.page.evaluate(
            f"[...{ROOT}.querySelectorAll({json.dumps(selector)})].filter(one => one.checkVisibility())"
            ".map(one => one.textContent.replace(/\\s+/g, ' ').trim())"
        )
        assert isinstance(found, list)
        return found

    async def say(self, event: str) -> None:
        """Have Home Assistant say something; `event` is JavaScript."""
        await self.page.evaluate(f"home.say({event})")


async def show(browser: Browser, address: str, *, width: int = 600, **given: object) -> Shown:
    """Open the page; the card has drawn what it has when this returns."""
    page = await browser.page()
    await page.size(width, 900)
    await page.open(f"{address}?{urlencode({'seed': SEED, **given})}")
    await page.until(f"window.card && {ROOT}.querySelector('.who, .empty:not([hidden]), .said:not([hidden])')")
    return Shown(page)


async def test_each_turn_is_a_line_whose_stages_add_up_beside_the_budget(browser: Browser, address: str) -> None:
    shown = await show(browser, address, turns=12)
    lines = await shown.page.evaluate(f"""(() => {{
        const widths = (svg) => [...svg.querySelectorAll('rect.gap')].map(one => parseFloat(one.getAttribute('width')));
        return [...{ROOT}.querySelectorAll('button.row')].map((row, index) => {{
            const svg = row.querySelector('svg');
            return {{
                share: widths(svg).reduce((sum, one) => sum + one, 0),
                budget: parseFloat(svg.querySelector('.budget').getAttribute('x1')),
                ms: home.turns[index].latency_ms.last_word_to_text,
                said: row.querySelector('.total').textContent,
            }};
        }});
    }})()""")
    assert len(lines) == 8
    for line in lines:
        scale_ms = 300 / line["budget"] * 100
        assert line["share"] == pytest.approx(min(100, 100 * line["ms"] / scale_ms), abs=0.1)
        assert line["said"] == f"{line['ms']:,.0f} ms"
    assert shown.page.errors == []


async def test_a_turn_shows_why_by_mouse_and_by_keyboard(browser: Browser, address: str) -> None:
    shown = await show(browser, address)
    assert await shown.texts(".why") == []
    await shown.page.click(f"{ROOT}.querySelectorAll('button.row')[1]")
    (why,) = await shown.texts(".why")
    turn = await shown.page.evaluate("home.turns[1]")
    assert turn["reason"][1:] in why
    assert re.search(r"Starting point\s*−20", why)
    await shown.page.press("ArrowDown")
    await shown.page.press("Enter")
    assert (await shown.page.evaluate("home.turns[2]"))["reason"][1:] in (await shown.texts(".why"))[0]
    expanded = await shown.page.evaluate(f"{ROOT}.activeElement.getAttribute('aria-expanded')")
    assert expanded == "true"
    await shown.page.press("Escape")
    assert await shown.texts(".why") == []


async def test_a_new_turn_comes_on_top_and_nothing_else_is_drawn_again(browser: Browser, address: str) -> None:
    shown = await show(browser, address)
    await shown.page.click(f"{ROOT}.querySelectorAll('button.row')[0]")
    await shown.page.evaluate(
        f"window.before = {ROOT}.querySelector('li .who'); window.changes = 0;"
        "new MutationObserver(all => changes += all.length)"
        ".observe(before.closest('li'), {subtree: true, childList: true})"
    )
    await shown.say("{turn: {...home.turnsOf(99, 1, Date.now())[0], satellite: 'assist_satellite.bedroom'}}")
    lines = await shown.texts("li .who b")
    assert lines[0] == "Bedroom"
    assert len(lines) == 8
    kept = f"{ROOT}.querySelectorAll('li .who')[1] === before && {ROOT}.activeElement.contains(before)"
    assert await shown.page.evaluate(kept)
    assert len(await shown.texts(".why")) == 1
    assert await shown.page.evaluate("changes") == 0


async def test_the_same_news_twice_changes_nothing(browser: Browser, address: str) -> None:
    shown = await show(browser, address)
    await shown.page.evaluate(
        f"window.changes = 0; new MutationObserver(all => changes += all.length)"
        f".observe({ROOT}, {{subtree: true, childList: true, characterData: true}})"
    )
    await shown.say("{turn: home.turns[0], overview: home.overviewOf(home.turns)}")
    assert await shown.page.evaluate("new Promise(done => setTimeout(() => done(changes), 50))") == 0


async def test_a_slow_turn_is_marked_unless_a_service_took_the_time(browser: Browser, address: str) -> None:
    shown = await show(browser, address, turns=2)
    spans = {"capture": 50, "inference": 300, "hold": 20, "post": 1, "cloud": 0, "transport": 1}
    slow = {"latency_ms": {**spans, "last_word_to_text": 382}}
    asked = {"latency_ms": {**spans, "inference": 100, "cloud": 600, "last_word_to_text": 782}}
    await shown.say(f"{{turn: {{...home.turns[0], turn_id: 'asked', ...{json.dumps(asked)}}}}}")
    await shown.say(f"{{turn: {{...home.turns[0], turn_id: 'slow', ...{json.dumps(slow)}}}}}")
    assert await shown.texts(".total.over") == ["382 ms"]
    await shown.page.click(f"{ROOT}.querySelectorAll('button.row')[0]")
    assert await shown.texts(".number.over") == ["300 of 120 ms"]


async def test_a_turn_that_is_told_again_keeps_its_place(browser: Browser, address: str) -> None:
    shown = await show(browser, address)
    await shown.say("{turn: {...home.turns[2], latency_ms: {last_word_to_text: 777}}}")
    assert [total == "777 ms" for total in await shown.texts(".total")] == [False, False, True] + [False] * 5


async def test_before_the_first_turn_it_says_what_to_do(browser: Browser, address: str) -> None:
    shown = await show(browser, address, turns=0)
    (sentence,) = await shown.texts(".empty")
    assert "Assist pipeline" in sentence
    assert await shown.texts("section, dl") == []
    await shown.say("{turn: home.turnsOf(1, 1, Date.now())[0]}")
    assert await shown.texts(".empty") == []
    assert len(await shown.texts("button.row")) == 1


async def test_a_refusal_is_a_sentence_with_its_cure(browser: Browser, address: str) -> None:
    refusals = {
        "unknown_command": "not set up",
        "no_entry": "not set up",
        "several_entries": "several Edge Voice hubs",
        "entry_not_found": "no longer set up",
        "timeout": "could not get its data: refused",
    }
    shown = await show(browser, address, refusal="other")
    for days, (code, sentence) in enumerate(refusals.items(), start=1):
        await shown.page.evaluate(f"home.refusal.code = '{code}'; card.setConfig({{days: {days}}})")
        said = f"{ROOT}.querySelector('.said').textContent.includes({json.dumps(sentence)})"
        assert await shown.page.until(said), code
        assert await shown.texts(".empty, section, dl, .mode") == [], code


async def test_a_refused_card_asks_again_by_itself(browser: Browser, address: str) -> None:
    shown = await show(browser, address, refusal="unknown_command")
    await shown.page.evaluate("home.refusal = null")
    assert await shown.page.until(f"{ROOT}.querySelectorAll('button.row').length")


async def test_the_mode_and_what_is_wrong_stand_on_top(browser: Browser, address: str) -> None:
    away: dict[str, object] = {"connected": False}
    modes: list[tuple[dict[str, object], str, str]] = [
        ({}, "Normal", ""),
        ({"mode": "edge_only", "mode_reason": "no lane answers"}, "Hub only", "no lane answers"),
        (away, "Away", "The hub cannot be reached."),
        (away | {"state": "setup_retry"}, "Away", "keeps trying"),
        (away | {"state": "setup_error"}, "Away", "could not be set up"),
        (
            {"mode": "edge_only", "mode_reason": "It is away.", "mode_ends": "It returns."},
            "Hub only",
            "It is away. It returns.",
        ),
        ({"mode": "a mode of next year", "mode_reason": "because"}, "a mode of next year", "because"),
    ]
    shown = await show(browser, address)
    for changes, mode, sentence in modes:
        await shown.say(f"{{overview: home.overviewOf(home.turns, {json.dumps(changes)})}}")
        assert await shown.texts(".mode") == [mode]
        said = await shown.texts(".said")
        assert bool(said) == bool(sentence), changes
        assert sentence in "".join(said)
        # What was there stays in sight.
        assert len(await shown.texts("button.row")) == 8
    assert await shown.texts(".waits") == []
    queue = {"waiting": 2, "ready": 0, "started": 1, "needs_you": 1}
    await shown.say(f"{{overview: home.overviewOf(home.turns, {json.dumps({'queue': queue})})}}")
    assert await shown.texts(".waits") == ["Waiting requests: 3 · Requests that need your word: 1"]


async def test_escalation_comes_from_the_recorder_or_else_from_the_turns(browser: Browser, address: str) -> None:
    recorded = await show(browser, address)
    notes = f"{ROOT}.querySelector('[data-part=escalation] .note').textContent"
    assert await recorded.page.until(f"{notes}.includes('7 days')")
    asked = await recorded.page.evaluate("home.asked.find(one => one.type.startsWith('recorder'))")
    assert asked["statistic_ids"] == ["sensor.edge_voice_escalation_rate"]
    label = await recorded.page.evaluate(f"{ROOT}.querySelector('svg.trend').getAttribute('aria-label')")
    assert re.search(r"\d+(\.\d)?% now, \d+(\.\d)?% at most", label)
    without = await show(browser, address, statistics="no")
    assert await without.page.until(f"{notes}.includes('10 before')")


async def test_where_speech_went_adds_up_lane_by_lane(browser: Browser, address: str) -> None:
    shown = await show(browser, address, turns=30)
    lines = await shown.texts(".shares li")
    turns = await shown.page.evaluate("home.turns")
    sent = [turn["lane"] for turn in turns]
    for lane, name in ((None, "Stayed on the hub"), ("OpenAI", "Cloud: OpenAI"), ("Study computer", "Study computer")):
        (line,) = (line for line in lines if name in line)
        assert re.search(rf"\b{sent.count(lane)} \d+(\.\d)?%$", line)
    blocks = f"[...{ROOT}.querySelectorAll('[data-part=destinations] rect.gap')]"
    widths = f"{blocks}.map(one => parseFloat(one.getAttribute('width')))"
    assert sum(await shown.page.evaluate(widths)) == pytest.approx(100, abs=0.1)


async def test_a_lane_that_is_no_longer_known_counts_as_cloud(browser: Browser, address: str) -> None:
    shown = await show(browser, address, turns=30)
    await shown.say("{overview: home.overviewOf(home.turns, {lanes: []})}")
    assert any("Cloud: Study computer" in line for line in await shown.texts(".shares li"))


async def test_a_lane_that_was_never_reached_was_not_asked_and_what_waits_says_so(
    browser: Browser, address: str
) -> None:
    attempt = '{lane: "OpenAI", ending: "%s", seconds: 1.9, took_ms: 10, cost: 0}'
    for action, ending, said, went in (
        ("defer", "lane-unreachable", "kept for later", "Stayed on the hub"),
        ("defer", "lane-timeout", "kept for later", "Cloud: OpenAI"),
        ("confirm", "answered", "asked you back", "Cloud: OpenAI"),
        ("accept", "lane-unreachable", "on the hub", "Stayed on the hub"),
        ("accept", "lane-timeout", "asked OpenAI", "Cloud: OpenAI"),
    ):
        shown = await show(browser, address, turns=1)
        changes = f'action: "{action}", lane: null, lanes: [{attempt % ending}]'
        await shown.say(f"{{turns: home.turns.map((one) => ({{...one, {changes}}}))}}")
        assert said in (await shown.texts("button.row"))[0], (action, ending)
        assert went in (await shown.texts(".shares li"))[0], (action, ending)


async def test_a_home_that_wants_no_cloud_lacks_none(browser: Browser, address: str) -> None:
    shown = await show(browser, address, turns=3)
    alone = 'mode: "edge_only", mode_reason: "The hub answers alone.", drift: [{message: "It became slow."}]'
    lane = '{name: "OpenAI", trust: "cloud", state: "%s"}'
    for lanes, said in (
        ("[]", "It became slow."),
        (f"[{lane % 'not-consented'}]", "It became slow."),
        (f"[{lane % 'broken'}]", "The hub answers alone."),
    ):
        await shown.say(f"{{overview: home.overviewOf(home.turns, {{{alone}, lanes: {lanes}}})}}")
        assert await shown.texts(".said") == [said]


async def test_what_left_the_home_is_listed_upload_by_upload(browser: Browser, address: str) -> None:
    shown = await show(browser, address, turns=60)
    (note,) = await shown.texts("[data-part=uploads] .note")
    assert note == "This month: 42 uploads, 80 s, $0.01"
    lines = await shown.texts(".uploads li")
    assert len(lines) == len(await shown.page.evaluate("home.ledgerOf(home.turns).rows.slice(0, 5)"))
    for said in ("OpenAI", "the hub was unsure", "agreed Nov 1", "1.9 s, 61 kB", "$0.0002"):
        assert said in lines[0]
    assert "to check the hub" in lines[1]
    assert "no answer came" in lines[2]
    assert "nothing was sent after all" in lines[3]
    await shown.say("{ledger: {rows: [], today: [], this_month: []}}")
    assert await shown.texts("[data-part=uploads] .body") == ["Nothing has left your home."]
    await shown.say("{overview: home.overviewOf(home.turns, {lanes: []})}")
    assert await shown.texts("[data-part=uploads]") == []


async def test_slow_changes_for_the_worse_stand_on_top_unless_something_is_worse(
    browser: Browser, address: str
) -> None:
    shown = await show(browser, address)
    drift = {"drift": [{"metric": "escalation", "language": "en", "message": "Since Friday it asks more often."}]}
    worse = {"mode": "edge_only", "mode_reason": "no lane answers"}
    for changes, sentence in ((drift, "Since Friday it asks more often."), (drift | worse, "no lane answers")):
        await shown.say(f"{{overview: home.overviewOf(home.turns, {json.dumps(changes)})}}")
        assert await shown.texts(".said") == [sentence]


async def test_what_others_have_written_is_text_never_markup(browser: Browser, address: str) -> None:
    shown = await show(browser, address, turns=1)
    evil = '<img src=x onerror="window.broken = true">"\'&'
    changes = {"turn_id": evil, "satellite": evil, "reason": evil, "lane": evil, "intent": evil, "points": {evil: 9},
               "lanes": [{"lane": evil, "ending": evil, "seconds": 1, "took_ms": 5}]}  # fmt: skip
    await shown.say(f"{{turn: {{...home.turns[0], ...{json.dumps(changes)}}}}}")
    upload = {"lane": evil, "at": "2026-11-22T10:00:00Z", "reason": evil, "consent": "", "seconds": 1, "bytes": 1,
              "cost": 1, "currency": evil, "ending": evil}  # fmt: skip
    await shown.say(f"{{ledger: {{rows: [{json.dumps(upload)}], today: [], this_month: []}}}}")
    await shown.page.click(f"{ROOT}.querySelector('button.row')")
    await shown.say(f"{{overview: home.overviewOf([], {{title: {json.dumps(evil)}, mode: 'x', mode_reason: 'y'}})}}")
    assert await shown.page.evaluate(f"{ROOT}.querySelectorAll('img').length") == 0
    assert not await shown.page.evaluate("window.broken")
    assert await shown.texts("h2") == [evil]
    assert (await shown.texts(".who b"))[0] == evil
    assert shown.page.errors == []


async def test_what_was_never_known_is_left_out(browser: Browser, address: str) -> None:
    shown = await show(browser, address, turns=1)
    for missing in ("latency_ms", "points", "risk", "threshold", "satellite", "lanes", "quality"):
        changes = {missing: None, "turn_id": missing, "action": "error", "error": "stt-failed", "lane": None}
        await shown.say(f"{{turn: {{...home.turns[0], ...{json.dumps(changes)}}}}}")
        await shown.page.click(f"{ROOT}.querySelector('button.row')")
        (why,) = await shown.texts(".why")
        assert not re.search("NaN|null|undefined", why + (await shown.texts("button.row"))[0]), missing
    assert shown.page.errors == []


async def test_settings_choose_what_is_shown_and_wrong_ones_are_refused(browser: Browser, address: str) -> None:
    settings = {"title": "My voice", "turns": 3, "show": ["turns"]}
    shown = await show(browser, address, config=json.dumps(settings))
    assert await shown.texts("h2") == ["My voice"]
    assert len(await shown.texts("button.row")) == 3
    assert await shown.texts("dl.figures, [data-part=escalation], [data-part=destinations], [data-part=uploads]") == []
    for wrong in ("turns: 0", "turns: 2.5", "days: 99", "show: ['everything']", "show: 'turns'"):
        with pytest.raises(BrowserError, match=r"is a (whole number|list)"):
            await shown.page.evaluate(f"card.setConfig({{{wrong}}})")


async def test_the_editor_shows_what_is_so_anyway_and_writes_only_what_is_not(browser: Browser, address: str) -> None:
    shown = await show(browser, address, language="de")
    await shown.page.evaluate("""
        window.editor = card.constructor.getConfigElement();
        editor.hass = hass;
        editor.setConfig({type: 'custom:edge-voice-card', turns: 5});
        document.body.append(editor);
        window.told = [];
        editor.addEventListener('config-changed', (event) => told.push(event.detail.config));
    """)
    form = "editor.querySelector('ha-form')"
    assert await shown.page.until(f"{form}.computeLabel({{name: 'turns'}}) === 'Äußerungen in der Liste'")
    schema = await shown.page.evaluate(f"{form}.schema.map(field => [field.name, {form}.computeLabel(field)])")
    assert [name for name, _ in schema] == ["title", "entry_id", "turns", "days", "show"]
    assert all(label and "_" not in label for _, label in schema)
    data = await shown.page.evaluate(f"{form}.data")
    assert (data["turns"], data["days"], len(data["show"])) == (5, 7, 5)
    value = data | {"turns": 8, "title": "Mine"}
    await shown.page.evaluate(
        f"{form}.dispatchEvent(new CustomEvent('value-changed', {{detail: {{value: {json.dumps(value)}}}}}))"
    )
    assert await shown.page.evaluate("told") == [{"type": "custom:edge-voice-card", "title": "Mine"}]


async def test_a_dashboard_makes_itself_of_what_the_home_has(browser: Browser, address: str) -> None:
    def entity(key: str, device: str, **more: object) -> dict[str, object]:
        return {
            "entity_id": f"x.{device}_{key}",
            "platform": "edge_voice",
            "translation_key": key,
            "device_id": device,
            **more,
        }

    entities = [
        entity("routing_mode", "hub"),
        entity("latency_p50", "hub"),
        entity("cloud_allowed", "hub", hidden=True),
        entity("snr", "kitchen"),
        entity("mode", "elsewhere", platform="other"),
    ]
    home = {
        "language": "de",
        "entities": {str(number): one for number, one in enumerate(entities)},
        "devices": {
            "hub": {"id": "hub", "name": "Edge Voice", "config_entries": ["one"]},
            "kitchen": {"id": "kitchen", "name": "K", "name_by_user": "Küche", "via_device_id": "hub"},
            "bath": {"id": "bath", "name": "Bath", "via_device_id": "hub"},
        },
    }
    shown = await show(browser, address, turns=0)
    made = "customElements.get('ll-strategy-dashboard-edge-voice').generate({}, "
    dashboard = await shown.page.evaluate(f"{made}{json.dumps(home)})")
    (view,) = dashboard["views"]
    cards = [
        [card.get("heading") or card.get("entity") or card["type"] for card in one["cards"]] for one in view["sections"]
    ]
    assert cards == [
        ["custom:edge-voice-card"],
        ["Steuern", "x.hub_routing_mode", "Kennzahlen", "x.hub_latency_p50", "Küche", "x.kitchen_snr"],
    ]
    two = home | {"entities": {"a": entity("routing_mode", "hub"), "b": entity("routing_mode", "bath")}}
    views = (await shown.page.evaluate(f"{made}{json.dumps(two)})"))["views"]
    assert [view["sections"][0]["cards"][0].get("entry_id", "none") for view in views] == ["one", "none"]
    nothing = await shown.page.evaluate(f"{made}{json.dumps(home | {'entities': {}})})")
    assert "nicht eingerichtet" in nothing["views"][0]["cards"][0]["content"]


async def test_a_card_that_is_taken_away_listens_no_more_and_listens_again_when_it_is_back(
    browser: Browser, address: str
) -> None:
    shown = await show(browser, address)
    assert await shown.page.evaluate("home.listeners.length") == 1
    await shown.page.evaluate("card.remove()")
    assert await shown.page.evaluate("home.listeners.length") == 0
    await shown.page.evaluate("document.body.append(card)")
    assert await shown.page.until("home.listeners.length === 1")
    await shown.page.evaluate("card.setConfig({entry_id: 'other'})")
    assert await shown.page.until("home.listeners.length === 1 && home.asked.at(-1).entry_id === 'other' || null")


async def test_every_language_says_everything_and_fits_a_phone(browser: Browser, address: str) -> None:
    shown = await show(browser, address, width=320, theme="dark")
    await shown.page.click(f"{ROOT}.querySelectorAll('button.row')[0]")
    english = await shown.page.evaluate("import('/card/texts/en.js').then(({ english }) => english)")
    assert await shown.page.evaluate("import('/card/texts.js').then(({ LANGUAGES }) => LANGUAGES)") == LANGUAGES
    for language in LANGUAGES:
        own = await shown.page.evaluate(f"import('/card/texts/{language}.js').then(one => one.default ?? one.english)")
        assert set(own) == set(english), language
        for key, sentence in own.items():
            assert sorted(re.findall(r"\{\w+\}", sentence)) == sorted(re.findall(r"\{\w+\}", english[key])), key
        await shown.page.evaluate(f"card.hass = {{...hass, locale: {{...hass.locale, language: '{language}'}}}}")
        title = f"{ROOT}.querySelector('[data-part=turns] h3').textContent"
        assert await shown.page.until(f"{title} === {json.dumps(own['turns_title'])}")
        assert await shown.page.evaluate("document.documentElement.scrollWidth <= innerWidth"), language
        beyond = f"""[...{ROOT}.querySelectorAll('*')].filter(one => one.checkVisibility() && !one.closest('svg')
            && one.getBoundingClientRect().right > innerWidth).map(one => one.textContent)"""
        assert await shown.page.evaluate(beyond) == [], language


async def test_other_languages_get_their_nearest_relative(browser: Browser, address: str) -> None:
    shown = await show(browser, address, turns=0)
    asked = ["de-CH", "pt", "zh-Hans-CN", "ga", "EN-gb", "xx", None]
    found = await shown.page.evaluate(f"import('/card/texts.js').then(one => {json.dumps(asked)}.map(one.tableFor))")
    assert found == ["de", "pt-BR", "zh-Hans", "en", "en", "en", "en"]


async def test_what_reads_from_right_to_left_grows_from_there(browser: Browser, address: str) -> None:
    shown = await show(browser, address, dir="rtl")
    boxes = await shown.page.evaluate(f"""(() => {{
        const row = {ROOT}.querySelector('button.row');
        const first = row.querySelector('rect.capture').getBoundingClientRect();
        const [place, who] = ['svg', '.who'].map((one) => row.querySelector(one).getBoundingClientRect());
        return {{ bar: first.right, place: place.right, who: who.left }};
    }})()""")
    assert boxes["bar"] == pytest.approx(boxes["place"], abs=1.5)
    assert boxes["who"] > boxes["bar"]


async def test_everything_that_is_drawn_has_a_name_for_those_who_do_not_see_it(browser: Browser, address: str) -> None:
    shown = await show(browser, address)
    await shown.page.click(f"{ROOT}.querySelectorAll('button.row')[0]")
    nameless = f"""[...{ROOT}.querySelectorAll('svg.ev')].filter(one => one.getAttribute('aria-hidden') !== 'true'
        && !(one.getAttribute('role') === 'img' && one.getAttribute('aria-label'))).length"""
    assert await shown.page.evaluate(nameless) == 0
    named = f"{ROOT}.querySelector('[aria-expanded=true]').getAttribute('aria-controls')"
    assert await shown.page.evaluate(f"{ROOT}.getElementById({named}).checkVisibility()")


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_neighbouring_stages_are_told_apart_by_everybody(browser: Browser, address: str, theme: str) -> None:
    shown = await show(browser, address, theme=theme)
    colours = await shown.page.evaluate(f"""{json.dumps(STAGES)}.map((kind) => {{
        const swatch = document.createElement('span');
        swatch.className = `swatch ${{kind}}`;
        {ROOT}.querySelector('.page').append(swatch);
        return getComputedStyle(swatch).backgroundColor.match(/[0-9.]+/g).map(Number).slice(0, 3);
    }})""")
    # Deciding and a service are nothing, mostly: their neighbours meet.
    neighbours = [*itertools.pairwise(STAGES), ("hold", "cloud"), ("hold", "transport"), ("post", "transport")]
    named = dict(zip(STAGES, map(tuple, colours), strict=True))
    for (one, other), deficiency in itertools.product(neighbours, DEFICIENCIES):
        assert apart(named[one], named[other], deficiency) > 10, (one, other, deficiency)


async def test_charts_are_well_formed_whatever_they_are_given(browser: Browser, address: str) -> None:
    chance = random.Random(SEED)
    odd = [0, -1, 1e9, 0.5, 300, 1e-9]
    turns = [
        {
            "turn_id": str(number),
            "at": "2026-11-22T10:00:00Z",
            "action": "accept",
            "latency_ms": {stage: chance.choice(odd) for stage in STAGES},
            "risk": chance.choice([None, *odd]),
            "threshold": chance.choice([None, *odd]),
            "points": {"base": chance.choice(odd), "x": chance.choice(odd)},
            "lanes": [{"lane": "a & b", "seconds": chance.choice(odd), "cost": chance.choice(odd)}],
        }
        for number in range(60)
    ]
    shown = await show(browser, address, turns=0)
    broken = await shown.page.evaluate(f"""(async () => {{
        const views = await import('/card/views.js');
        const {{ inEnglish: say }} = await import('/card/texts.js');
        const {{ formats }} = await import('/card/format.js');
        const words = {{ say, as: formats({{ language: 'en' }}), now: Date.now(), satelliteName: (id) => id }};
        const turns = {json.dumps(turns)}, scale = views.scaleOf(turns);
        const all = turns.flatMap((turn) => [views.rowView(turn, scale, words), views.whyView(turn, words)]);
        const state = {{ turns, overview: {{}}, statistics: null, days: 7 }};
        all.push(views.escalationView(state, words), views.destinationsView(state, words));
        all.push(views.axisView(scale, words));
        // Well-formed as XML, which forgives nothing, but for names that only HTML knows.
        const xml = (html) => new DOMParser().parseFromString(`<p>${{html.replaceAll('<br>', '')}}</p>`, 'text/xml');
        const bad = (html) => /NaN|Infinity|undefined/.test(html) || xml(html).querySelector('parsererror');
        return all.filter(bad).slice(0, 3);
    }})()""")
    assert broken == []
