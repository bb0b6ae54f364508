"""A file's place in the folder says what it is; what is wrong comes in the order of files and lines."""

import os
import shutil
from pathlib import Path

import pytest

from services.triggers.folder import TEMPLATES, Place, check_folder, read_rule_set
from tests.fixtures.shop import SHOP
from trigger_engine.core.template_names import ON_DEMAND, data_read_by

VIP = "id: vip\nwhen: orders.total >= 1000\n"


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """Three triggers in a folder."""
    for file in SHOP.glob("*.yaml"):
        shutil.copyfile(file, tmp_path / file.name)
    return tmp_path


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, "utf-8")


def test_places_say_what_a_file_is(shop: Path) -> None:
    write(shop, "segments/vip.yaml", VIP)
    write(shop, "policy.yaml", "lateness: 12h\n")
    write(shop, "stories/cart.yaml", "stories: []\n")
    place = Place(shop)
    assert [file.name for file in place.triggers] == sorted(file.name for file in SHOP.glob("*.yaml"))
    assert [place.name_of(file) for file in place.segments] == ["segments/vip.yaml"]
    assert [place.name_of(file) for file in place.stories] == ["stories/cart.yaml"]
    assert place.policies == [shop / "policy.yaml"]
    assert place.templates == TEMPLATES


def test_the_triggers_may_lie_in_a_folder_of_their_own(shop: Path) -> None:
    for file in shop.glob("*.yaml"):
        write(shop, f"triggers/{file.name}", file.read_text("utf-8"))
        file.unlink()
    write(shop, "policy.yaml", "lateness: 12h\n")
    by_home, by_triggers = read_rule_set(shop), read_rule_set(shop / "triggers")
    assert by_home == by_triggers
    assert by_home.policy == {"lateness": "12h"}
    assert len(by_home.triggers) == len(list(SHOP.glob("*.yaml")))


def test_templates_beside_the_triggers_are_taken(shop: Path) -> None:
    before = read_rule_set(shop)
    shutil.copytree(TEMPLATES, shop / "templates")
    assert Place(shop).templates == shop / "templates"
    assert read_rule_set(shop) == before


def test_every_kind_of_file_is_checked_and_named_by_its_place(shop: Path) -> None:
    write(shop, "segments/vip.yaml", VIP.replace("when:", "wen:"))
    write(shop, "policy.yaml", "lateness: soon\n")
    checked = check_folder(shop)
    assert checked.rule_set is None
    assert [(remark.level, remark.file) for remark in checked.remarks if remark.line] == sorted(
        [("error", "policy.yaml"), ("error", "segments/vip.yaml"), ("error", "segments/vip.yaml")]
    )
    assert "did you mean 'when'?" in str(checked.remarks[2]) + str(checked.remarks[1])


def test_a_broken_template_is_named_with_its_line(shop: Path) -> None:
    shutil.copytree(TEMPLATES, shop / "templates")
    mail = shop / "templates" / "welcome" / "mail.mjml"
    mail.write_text(
        mail.read_text("utf-8").replace("[% block content %]", "[% block content %]\n<mj-txt/>"), "utf-8"
    )
    checked = check_folder(shop)
    assert checked.rule_set is None
    assert {remark.file for remark in checked.errors} == {"templates/welcome/mail.mjml"}
    assert [remark.message[:4] for remark in checked.errors] == ["(az)", "(en)", "(tr)"]
    assert all("mj-txt" in remark.message for remark in checked.errors)


def test_a_file_that_cannot_be_read_is_named(shop: Path) -> None:
    (shop / "folder.yaml").mkdir()
    (remark,) = check_folder(shop).errors
    assert (remark.file, remark.field) == ("folder.yaml", "file")
    assert remark.message == "it cannot be read: Is a directory"


def test_a_pipe_is_named_and_not_waited_for(shop: Path) -> None:
    os.mkfifo(shop / "pipe.yaml")
    (remark,) = check_folder(shop).errors
    assert str(remark) == "pipe.yaml:1: error: file: it cannot be read: it is a pipe or a device"


def test_a_link_to_itself_and_one_to_nothing_are_named(shop: Path) -> None:
    (shop / "loop.yaml").symlink_to("loop.yaml")
    (shop / "nothing.yaml").symlink_to("nowhere")
    assert [(each.file, each.message) for each in check_folder(shop).errors] == [
        ("loop.yaml", "it cannot be read: Too many levels of symbolic links"),
        ("nothing.yaml", "it cannot be read: No such file or directory"),
    ]


def test_files_that_editors_hide_are_not_read_and_endings_in_capitals_are(shop: Path) -> None:
    write(shop, ".#cart.yaml", "half a file: [")
    write(shop, "segments/VIP.YAML", VIP)
    write(shop, "segments/.vip.yaml.swp.yaml", "half a file: [")
    rule_set = read_rule_set(shop)
    assert [segment["id"] for segment in rule_set.segments] == ["vip"]


@pytest.mark.parametrize("other", ["policy.yml", "triggers/policy.yaml"])
def test_two_policies_are_not_chosen_between(shop: Path, other: str) -> None:
    write(shop, "policy.yaml", "lateness: 12h\n")
    write(shop, other, "lateness: 6h\n")
    (shop / "triggers").mkdir(exist_ok=True)
    shutil.copyfile(SHOP / "welcome-series.yaml", shop / "triggers" / "again.yaml")
    for folder in (shop, shop / "triggers"):
        (remark,) = check_folder(folder).errors
        assert str(remark) == f"{other}:1: error: file: there are two policies; keep one of them"


def test_what_lies_in_the_folder_of_triggers_is_the_same_from_either_side(shop: Path) -> None:
    for file in shop.glob("*.yaml"):
        write(shop, f"triggers/{file.name}", file.read_text("utf-8"))
        file.unlink()
    write(shop, "triggers/policy.yaml", "lateness: 12h\n")
    write(shop, "triggers/segments/vip.yaml", VIP)
    write(shop, "segments/sleepy.yaml", VIP.replace("vip", "sleepy"))
    by_home, by_triggers = read_rule_set(shop), read_rule_set(shop / "triggers")
    assert by_home == by_triggers
    assert by_home.policy == {"lateness": "12h"}
    assert {segment["id"] for segment in by_home.segments} == {"vip", "sleepy"}


def test_a_folder_without_triggers_is_said(tmp_path: Path) -> None:
    (remark,) = check_folder(tmp_path).errors
    assert "there are no trigger files" in remark.message


def test_only_templates_that_are_mailed_belong_to_the_set(shop: Path) -> None:
    (shop / "welcome-series.yaml").unlink()
    (shop / "order-confirmation.yaml").unlink()
    names = [template.name for template in read_rule_set(shop).templates]
    assert names == ["cart-last-call", "cart-questions", "cart-reminder"]


def test_a_mail_that_lacks_a_language_of_the_others_is_warned_of(shop: Path) -> None:
    shutil.copytree(TEMPLATES, shop / "templates")
    (shop / "templates" / "welcome" / "words.tr.toml").unlink()
    checked = check_folder(shop)
    assert checked.rule_set is not None
    assert [str(remark) for remark in checked.remarks] == [
        "templates/welcome:1: warning: template: there is no tr, which other mails have;"
        " it goes out in another language then; write welcome/words.tr.toml, or tr.mjml and tr.txt"
    ]


def test_without_texts_mails_are_given_what_they_would_be_in_production(shop: Path) -> None:
    """A template that is not compiled asks for what it says, and for what its partials may."""
    quick, whole = check_folder(shop, texts=False).rule_set, check_folder(shop).rule_set
    assert quick is not None
    assert whole is not None
    compiled = {template.name: data_read_by(template) for template in whole.templates}
    written = {template.name: data_read_by(template) for template in quick.templates}
    assert compiled.keys() == written.keys()
    assert all(compiled[name] <= written[name] for name in compiled)
    assert {name for read in written.values() for name in read} >= ON_DEMAND.keys()


def test_without_texts_a_template_that_cannot_be_read_is_named(shop: Path) -> None:
    shutil.copytree(TEMPLATES, shop / "templates")
    os.mkfifo(shop / "templates" / "welcome" / "pipe.txt")
    (remark,) = check_folder(shop, texts=False).errors
    assert str(remark) == "templates:1: error: file: it cannot be read: it is a pipe or a device"
