"""`tetik triggers lint | test | list | show` on folders: what is said, where, and with which exit code."""

import json
import shutil
from pathlib import Path
from typing import get_args

import pytest
from click.testing import CliRunner, Result

from schemas.decision import Outcome
from services.cli import main
from services.triggers.showing import listing
from tests.fixtures.shop import SHOP

DOCS = Path(__file__).parents[4] / "docs" / "reference"


def tetik(*words: str | Path) -> Result:
    """Run `tetik triggers …` here; an exception that is no exit is raised."""
    return CliRunner().invoke(
        main, ["triggers", *map(str, words)], env={"TETIK_KAFKA": None}, catch_exceptions=False
    )


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Three triggers in a folder of their own, with their stories."""
    shutil.copytree(SHOP, tmp_path / "shop", ignore=shutil.ignore_patterns("__pycache__", "*.py"))
    return tmp_path / "shop"


def change(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert text.count(old) == 1
    file.write_text(text.replace(old, new), "utf-8")


def test_lint_counts_what_is_fine(shop: Path) -> None:
    (shop / "segments").mkdir()
    (shop / "segments" / "vip.yaml").write_text("id: vip\nwhen: orders.total >= 1000\n", "utf-8")
    result = tetik("lint", shop)
    assert "3 triggers, 1 segment and 7 templates are fine" in result.stdout


def test_lint_sorts_by_file_and_line_and_counts(shop: Path) -> None:
    change(shop / "welcome-series.yaml", "status: live", "status: lvie")
    change(shop / "cart-abandoned.yaml", "kind: marketing", "kind: marketng")
    change(shop / "cart-abandoned.yaml", "cooldown: 7d", "cooldwn: 7d")
    result = tetik("lint", shop)
    assert result.exit_code == 1
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert [line.split(":")[0] for line in lines[:3]] == ["cart-abandoned.yaml"] * 2 + ["welcome-series.yaml"]
    assert lines[-1] == "3 errors"


def test_lint_as_json(shop: Path) -> None:
    change(shop / "cart-abandoned.yaml", "cart.value > 0", "cart.valeu > 0")
    result = tetik("lint", shop, "--format", "json")
    assert result.exit_code == 1
    (finding,) = json.loads(result.stdout)["findings"]
    assert (finding["level"], finding["file"], finding["field"]) == (
        "error",
        "cart-abandoned.yaml",
        "when.where",
    )
    assert finding["line"] > 1
    assert finding["column"] > 1
    assert finding["suggestion"] == "did you mean 'value'?"
    assert json.loads(tetik("lint", "--format", "json").stdout) == {"findings": []}


def test_stories_that_hold(shop: Path) -> None:
    result = tetik("test", shop)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1].endswith("as told, 0 not")
    assert all(line.startswith("ok ") for line in result.stdout.splitlines()[:-1])


def test_a_story_that_fails_shows_its_line_and_the_timeline(shop: Path) -> None:
    change(shop / "cart-abandoned.yaml", "wait: 45m", "wait: 1h")
    result = tetik("test", shop / "stories" / "cart-abandoned.yaml")
    assert result.exit_code == 1
    text = (shop / "stories" / "cart-abandoned.yaml").read_text("utf-8")
    line = next(n for n, each in enumerate(text.splitlines(), 1) if "at: 45m" in each)
    assert f"    stories/cart-abandoned.yaml:{line}: expected mail cart-reminder" in result.stdout
    assert "What happened" in result.stdout
    assert "+0s  03-02 09:00    started     cart-abandoned [due 03-02 10:00]" in result.stdout


def test_the_timeline_of_good_stories_is_shown_when_asked_for(shop: Path) -> None:
    file = shop / "stories" / "order-confirmation.yaml"
    assert "What happened" not in tetik("test", file).stdout
    assert tetik("test", file, "--timeline").stdout.count("What happened") == 4


def test_malformed_stories_fail_and_the_others_are_told(shop: Path) -> None:
    (shop / "stories" / "a.yaml").write_text("stories:\n- {story: It, steps: [{expcet: welcome}]}\n", "utf-8")
    result = tetik("test", shop)
    assert result.exit_code == 1
    assert result.stderr.startswith(
        "stories/a.yaml:2: error: stories[0].steps[0].expcet: unknown field 'expcet'"
    )
    assert "0 not; 3 mistakes in the files" in result.stdout


def test_a_folder_without_stories_says_how_to_write_one(shop: Path) -> None:
    shutil.rmtree(shop / "stories")
    result = tetik("test", shop)
    assert result.exit_code == 1
    assert "docs/reference/stories.md" in result.stderr


def test_files_of_two_folders_are_refused(shop: Path) -> None:
    other = SHOP / "stories" / "welcome-series.yaml"
    assert tetik("test", shop / "stories" / "welcome-series.yaml", other).exit_code == 2


def test_story_files_may_lie_elsewhere(shop: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    shutil.copyfile(shop / "stories" / "welcome-series.yaml", mine)
    assert tetik("test", mine).exit_code == 2
    result = tetik("test", mine, "--folder", shop)
    assert result.exit_code == 0
    assert "mine.yaml:4: A new subscriber gets three mails" in result.stdout
    assert tetik("test", shop, "--folder", shop).exit_code == 2


def test_list_of_a_folder(shop: Path) -> None:
    result = tetik("list", "--folder", shop)
    assert result.exit_code == 0
    (cart,) = [line for line in result.stdout.splitlines() if line.startswith("cart-abandoned ")]
    assert "cart-reminder, cart-questions, cart-last-call" in cart
    assert "45m after product_added" in cart
    rows = json.loads(tetik("list", "--folder", shop, "--format", "json").stdout)["triggers"]
    assert [row["id"] for row in rows] == ["cart-abandoned", "order-confirmation", "welcome-series"]
    assert rows[0]["mails"] == ["cart-reminder", "cart-questions", "cart-last-call"]


def test_show_of_a_folder(shop: Path) -> None:
    result = tetik("show", "cart-abandoned", "--folder", shop)
    assert "    when.where: cart.value > 0\n        def " in result.stdout
    shown = json.loads(tetik("show", "cart-abandoned", "--folder", shop, "--format", "json").stdout)
    assert [each["source"] for each in shown["conditions"]] == ["cart.value > 0", "cart.id"]
    assert shown["runs"] is None
    assert shown["version"] in result.stdout


def test_show_offers_the_nearest_id(shop: Path) -> None:
    result = tetik("show", "cart-abandond", "--folder", shop)
    assert result.exit_code == 1
    assert (
        result.stderr == "there is no trigger 'cart-abandond' in this set; did you mean 'cart-abandoned'?\n"
    )


def test_the_stories_in_the_docs_hold(shop: Path) -> None:
    examples = (DOCS / "stories.md").read_text("utf-8").split("```yaml\n")[1:]
    shutil.rmtree(shop / "stories")
    (shop / "stories").mkdir()
    for number, example in enumerate(examples):
        (shop / "stories" / f"{number}.yaml").write_text(example.split("```")[0], "utf-8")
    result = tetik("test", shop)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines()[-1] == "4 stories: 4 as told, 0 not"


def test_the_docs_explain_every_outcome() -> None:
    table = (DOCS.parent / "triggers" / "README.md").read_text("utf-8").partition("## Outcomes")[2]
    assert [outcome for outcome in get_args(Outcome) if f"`{outcome}`" not in table] == []


ROWS = [
    {
        "id": "cart",
        "status": "live",
        "kind": "marketing",
        "version": "e58c588a4b1f",
        "mails": ["cart-reminder", "cart-questions"],
        "starts": "45m after product_added, cart_updated or checkout_started without order_completed",
    },
    {
        "id": "order-confirmation",
        "status": "paused",
        "kind": "transactional",
        "version": "9e79f00dce47",
        "mails": ["order-confirmation"],
        "starts": "order_completed",
    },
]


@pytest.mark.parametrize("width", [None, 200])
def test_a_list_is_a_table_where_there_is_room(width: int | None) -> None:
    assert listing(ROWS, width) == [
        "id                  status  kind           version       mails                          starts",
        "cart                live    marketing      e58c588a4b1f  cart-reminder, cart-questions  "
        "45m after product_added, cart_updated or checkout_started without order_completed",
        "order-confirmation  paused  transactional  9e79f00dce47  order-confirmation             "
        "order_completed",
    ]


def test_on_a_narrow_terminal_a_trigger_has_a_few_lines() -> None:
    assert listing(ROWS, 80) == [
        "cart                live    marketing      e58c588a4b1f",
        "    mails   cart-reminder, cart-questions",
        "    starts  45m after product_added, cart_updated or checkout_started without",
        "            order_completed",
        "order-confirmation  paused  transactional  9e79f00dce47",
        "    mails   order-confirmation",
        "    starts  order_completed",
    ]
    assert max(map(len, listing(ROWS, 80))) <= 80


def test_a_condition_of_several_lines_is_shown_in_one(shop: Path) -> None:
    cart = shop / "cart-abandoned.yaml"
    cart.write_text(
        cart.read_text("utf-8") + "audience: |\n  profile.country == 'TR'\n  && cart.count > 1\n", "utf-8"
    )
    shown = tetik("show", "cart-abandoned", "--folder", shop).stdout
    assert "  audience   profile.country == 'TR' && cart.count > 1\n" in shown
    assert "    audience: profile.country == 'TR' && cart.count > 1\n" in shown


def test_the_page_shows_what_lint_says(shop: Path) -> None:
    for file in shop.glob("*.yaml"):
        file.unlink()
    head = "id: cart\nstatus: live\nkind: marketing\nsteps: [{mail: cart-reminder}]\n"
    (shop / "cart.yaml").write_text(
        head + "when:\n  event: product_added\n  where: cart.valeu > 0\n", "utf-8"
    )
    result = tetik("lint", shop)
    assert result.exit_code == 1
    assert f"$ tetik triggers lint shop\n{result.stderr}" in (DOCS / "commands.md").read_text("utf-8")


def test_each_command_is_told_in_one_line() -> None:
    assert "..." not in tetik("--help").stdout.partition("Commands:")[2]
