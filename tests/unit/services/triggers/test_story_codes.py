"""Codes of a story's pools: they are given in their order, and a slip is refused."""

import pytest

from schemas.rule_set import RuleSet
from services.triggers.folder import LIBRARY, check_folder
from services.triggers.story import Names
from services.triggers.story_files import StoryFile, parse_stories
from services.triggers.testing import tell_all

HEAD = "triggers: category-interest\nprofile: {email: ada@example.com, consent: true}\n"
LOOK = "{event: product_viewed, properties: {product_id: p, category: Lamps}%s}"
LOOKS = f"{LOOK % ''}, {LOOK % ''}, {LOOK % ''}, {{after: 1m}}"


@pytest.fixture(scope="module")
def library() -> RuleSet:
    checked = check_folder(LIBRARY, texts=False)
    assert checked.rule_set is not None
    return checked.rule_set


def read(codes: str, steps: str, library: RuleSet) -> StoryFile:
    text = f"{HEAD}codes: {codes}\nstories: [{{story: It, steps: [{steps}]}}]"
    return parse_stories(text, "it.yaml", Names.of(library))


def failures(codes: str, steps: str, library: RuleSet) -> list[str]:
    file = read(codes, steps, library)
    assert file.remarks == ()
    ((_, told),) = tell_all([file], library)
    return [failure.message for failure in told.failures]


def test_a_code_goes_to_each_mail_in_their_order_until_there_is_none(library: RuleSet) -> None:
    for_bob = LOOKS.replace("event:", "customer: bob, event:")
    known = "{profile: {email: bob@example.com, consent: true}, customer: bob}"
    first = "{expect: {mail: category-offer, data: {offer: {code: B-2}}}}"
    second = "{expect: {mail: category-offer, customer: bob, data: {offer: {code: A_1}}}}"
    third = "{expect: {mail: category-picks, customer: bob}}"
    told = f"{LOOKS}, {first}, {known}, {for_bob}"
    assert failures("{category: [B-2, A_1]}", f"{told}, {second}", library) == []
    assert failures("{category: [B-2]}", f"{told}, {third}", library) == []
    (said,) = failures("{category: [A_1, B-2]}", f"{LOOKS}, {first}", library)
    assert "'code': 'A_1'" in said


def test_no_codes_are_as_good_as_no_pool(library: RuleSet) -> None:
    assert failures("{category: []}", f"{LOOKS}, {{expect: category-picks}}", library) == []


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        ("{categori: [A]}", "codes.categori: no offer takes codes from a pool 'categori'; did you mean"),
        ("{nothing-like-it: [A]}", "no offer takes codes from a pool 'nothing-like-it'; there are: "),
        ("{category: A}", "codes.category: the codes of a pool are a list of texts; write [CART-1, CART-2]"),
        ("{category: [1]}", "codes.category: the codes of a pool are a list of texts"),
        ("{category: [A B]}", "codes.category: 'A B' is no code; a code has 1 to 64 of A-Z"),
        ("[A]", "codes: codes: holds pools with their codes, not a list; write {cart: [CART-1, CART-2]}"),
        (f"{{category: [{', '.join(f'C{n}' for n in range(101))}]}}", "101 codes are too many for a story"),
    ],
)
def test_a_slip_is_refused_with_its_place(codes: str, said: str, library: RuleSet) -> None:
    (remark,) = read(codes, "{expect_none: mail}", library).remarks
    assert said in str(remark)
