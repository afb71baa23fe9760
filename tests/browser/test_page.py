"""The page in a browser: it draws, switches, finds and sorts, fetches nothing and complains of nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.browser.chromium import Browser

pytestmark = pytest.mark.browser
WIDTHS = (400, 1000, 1600)


def drawn(browser: Browser) -> list[dict[str, Any]]:
    """The lines that Plotly has, and whether each is seen."""
    lines: list[dict[str, Any]] = browser.run(
        """return document.querySelector(".plot").data.map(
          ({ name, x, y, customdata, visible }) => ({ name, x, y, phase: customdata, visible })
        );"""
    )
    return lines


def paths(browser: Browser) -> int:
    """The lines that stand in the picture."""
    return len(browser.all(".plot .scatterlayer .js-line"))


def column(browser: Browser, table: str, label: str) -> list[str]:
    """What stands in a table's column now."""
    cells: list[str] = browser.run(
        """const box = document.querySelector(`.box[aria-label="${arguments[0]}"]`);
        const at = [...box.querySelectorAll("th")].findIndex(th => th.textContent === arguments[1]);
        return [...box.querySelectorAll("tbody tr")].map(row => row.children[at].textContent);""",
        table,
        label,
    )
    return cells


def test_it_draws_a_line_for_each_rate_and_complains_of_nothing(opened: Browser) -> None:
    assert opened.driver.title == "two layers"
    assert paths(opened) == 2
    body, head = drawn(opened)
    # a triangle: 0 at 0, the rate at 100, and the last of 300 steps down before 0
    at = dict(zip(body["x"], body["y"], strict=True))
    assert [at[tick] for tick in (0, 50, 100, 250, 399)] == pytest.approx([0, 0.005, 0.01, 0.005, 0.01 / 300])
    assert head["y"] == pytest.approx([10 * value for value in body["y"]])
    assert [body["phase"][body["x"].index(tick)] for tick in (0, 99, 100, 399)] == [
        "warmup",
        "warmup",
        "decay",
        "decay",
    ]
    assert opened.complaints() == []


def test_it_fetches_nothing(opened: Browser, page: Path) -> None:
    asked = [address for address in opened.requests() if not address.startswith(("data:", "blob:"))]
    assert asked == [page.as_uri()]
    assert opened.run("return performance.getEntriesByType('resource').length") == 0


def test_nothing_can_be_fetched_from_it(opened: Browser) -> None:
    refused = opened.driver.execute_async_script(
        "const done = arguments[0]; fetch('https://example.org/').then(() => done('fetched'), e => done(e.name))"
    )
    assert refused == "TypeError"
    assert any("Content Security Policy" in message for message in opened.complaints())


def test_a_group_can_be_hidden_and_shown_again(opened: Browser) -> None:
    _, head = opened.all(".legend button")
    assert head.text.startswith("no_decay+head, head")
    head.click()
    assert [line["visible"] for line in drawn(opened)] == [True, False]
    assert paths(opened) == 1
    assert [each.get_attribute("aria-pressed") for each in opened.all(".legend button")] == ["true", "false"]
    # by the keyboard, which is still there
    opened.driver.switch_to.active_element.send_keys(" ")
    assert paths(opened) == 2


def test_another_setting_is_drawn_when_it_is_chosen(opened: Browser) -> None:
    _, decay = opened.all(".tabs button")
    assert decay.text == "weight decay"
    decay.click()
    lines = drawn(opened)
    # 0.1 grows to 0.2 in 400 steps; what is not decayed stays
    assert sorted(line["y"][line["x"].index(200)] for line in lines) == pytest.approx([0, 0.15])
    assert opened.complaints() == []


def test_the_axis_of_rates_can_be_logarithmic(opened: Browser) -> None:
    assert opened.run("return document.querySelector('.plot').layout.yaxis.type") == "linear"
    opened.all(".curves input[type=checkbox]")[0].click()
    assert opened.run("return document.querySelector('.plot').layout.yaxis.type") == "log"


def test_the_pointer_is_told_step_rate_and_phase(opened: Browser) -> None:
    from selenium.webdriver.common.action_chains import ActionChains

    plot = opened.all(".plot .nsewdrag")[0]
    ActionChains(opened.driver).move_to_element(plot).perform()
    opened.wait("return document.querySelectorAll('.plot .hoverlayer text').length")
    said = " ".join(opened.texts(".plot .hoverlayer text"))
    assert "step 200" in said or "step 199" in said
    assert "0.0066" in said
    assert "decay" in said
    assert "warmup" not in said


def test_the_search_finds_a_parameter(opened: Browser) -> None:
    assert column(opened, "Parameters", "parameter") == ["0.weight", "0.bias", "1.weight", "1.bias"]
    search = opened.all("input[type=search]")[1]
    search.send_keys("BIAS head")
    assert column(opened, "Parameters", "parameter") == ["1.bias"]
    assert column(opened, "Parameters", "decay decided by") == ["no_decay"]
    assert column(opened, "Parameters", "rate decided by") == ["head"]
    search.send_keys(" nowhere")
    assert opened.texts(".box[aria-label=Parameters] tbody") == ["Nothing is found."]


def test_tables_are_sorted_by_their_heads_and_say_so(opened: Browser) -> None:
    head = next(each for each in opened.all(".box[aria-label=Parameters] th") if each.text.startswith("values"))
    button = head.find_element("css selector", "button")
    button.click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert column(opened, "Parameters", "values") == ["2", "4", "8", "12"]
    button.send_keys("\n")
    assert head.get_attribute("aria-sort") == "descending"
    assert column(opened, "Parameters", "values") == ["12", "8", "4", "2"]
    button.click()
    assert head.get_attribute("aria-sort") is None
    assert column(opened, "Parameters", "values") == ["12", "4", "8", "2"]


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_stands_out_of_the_page_at_any_width(width: int, opened: Browser) -> None:
    opened.size(width)
    assert opened.run("return document.documentElement.scrollWidth") == width
    # the picture is drawn anew, as wide as its place
    place = opened.run("return document.querySelector('.plot').clientWidth")
    assert place < width
    width_of_picture = "document.querySelector('.plot .main-svg').getBoundingClientRect().width"
    opened.wait(f"return Math.abs({width_of_picture} - arguments[0]) <= 1", place)
    # what is too wide scrolls in its own box
    assert all(
        opened.run("return [...document.querySelectorAll('.box')].map(b => getComputedStyle(b).overflowX === 'auto')")
    )


def test_the_theme_is_the_systems_until_it_is_switched(opened: Browser) -> None:
    ground = "return getComputedStyle(document.body).backgroundColor"
    light = opened.run(ground)
    opened.all("#theme")[0].click()
    dark = opened.run(ground)
    assert sum(map(int, light[4:-1].split(", "))) > 600 > 200 > sum(map(int, dark[4:-1].split(", ")))
    opened.prefer("dark")
    opened.driver.refresh()
    assert opened.run(ground) == dark
    assert opened.run("return document.querySelector('.plot').layout.font.color") == "rgb(231, 236, 243)"
