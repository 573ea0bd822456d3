"""What holds for every page: accessible, silent in the console, in the reader's language, no wider than the window."""

from collections.abc import Callable
from itertools import product

import pytest
from playwright.sync_api import Page

from customers.models import Customer, DirectoryUser, Selection
from licenses.core.diff import Wish
from licenses.core.template import Line
from licenses.models import LicenseTemplate, Product
from licenses.services import templates
from licensing_portal.sandbox.story import user_id
from licensing_portal.staff.demo_people import PEOPLE
from licensing_portal.staff.models import StaffUser
from tests.browser.conftest import Portal
from tests.integration.saving import ALL, draft, sku

# The two that differ in everything; `make thorough` has the others too.
_USUAL = {(1280, "light", "en"), (390, "dark", "ja")}
COMBINATIONS = [
    pytest.param(*one, marks=[] if one in _USUAL else [pytest.mark.thorough])
    for one in product((1280, 390), ("light", "dark"), ("en", "ja"))
]
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def addresses(portal: Portal) -> list[str]:
    """Return one address of every page that can be opened by GET, with users selected."""
    _select_some(portal.customer)
    user = DirectoryUser.objects.filter(holdings__isnull=False).order_by("sort_key")[0]
    held = Product.objects.filter(holdings__isnull=False).order_by("part_number")[0]
    return [
        f"{portal.url}/customers/",
        f"{portal.url}/customers/?q=@",
        f"{portal.url}/people/?q=山",
        f"{portal.url}/changes/",
        portal.address("users/?size=25"),
        portal.address("users/?q=山"),
        portal.address("users/list/"),
        portal.address("users/selected/"),
        portal.address(f"users/{user.object_id}/"),
        portal.address("licenses/"),
        portal.address("licenses/manage/"),
        portal.address(f"licenses/manage/?from={user.object_id}"),
        f"{portal.url}/templates/",
        f"{portal.url}/templates/{_template(portal.customer).pk}/",
        portal.address(f"licenses/{held.sku_id}/holders/"),
        portal.address(f"licenses/{held.sku_id}/buy/"),
        *_of_a_draft(portal),
        portal.address("changes/"),
        portal.address("changes/?ticket=INC-99&removals=1&from=2026-01-01"),
    ]


def _of_a_draft(portal: Portal) -> list[str]:
    """Return Review with all that it warns of, and the choice of who gets the last seats."""
    staff = StaffUser.objects.get(subject=PEOPLE[0].subject)
    people = [user_id("joiner", 1), user_id("blocked", 1), user_id("sales", 1)]
    people += [user_id("wants-e5", number) for number in range(1, 11)]
    change = draft(staff, portal.customer, people, Wish(products={sku("SPE_E5"): ALL}))
    review = portal.address(f"licenses/review/?change={change.pk}")
    return [review, f"{review}&choose={sku('SPE_E5')}"]


def _template(customer: Customer) -> LicenseTemplate:
    """Keep a template of the customer."""
    staff = StaffUser.objects.get(subject=PEOPLE[0].subject)
    product = Product.objects.get(part_number="SPE_E3")
    plans = product.entitlements.get(customer=customer).plans.values_list("plan_id", flat=True)
    line = Line(sku_id=product.sku_id, disabled=frozenset(plans[:2]))
    return templates.create(staff, "新入社員", [line], customer=customer, location="JP")


def _select_some(customer: Customer) -> None:
    """Select the first users by name for the global admin."""
    staff = StaffUser.objects.get(subject=PEOPLE[0].subject)
    selection, _made = Selection.objects.get_or_create(staff=staff, customer=customer)
    for position, user in enumerate(customer.users.order_by("sort_key")[:12]):
        selection.rows.create(user=user, position=position)


@pytest.mark.parametrize(("width", "scheme", "language"), COMBINATIONS)
def test_pages_are_accessible_and_fit(
    portal: Portal,
    open_page: Callable[..., Page],
    accessibility_problems: Callable[[Page], list[str]],
    width: int,
    scheme: str,
    language: str,
) -> None:
    page = open_page(width=width, scheme=scheme, language=language)
    problems: dict[str, list[str]] = {}
    for address in addresses(portal):
        answer = page.goto(address)
        assert answer is not None
        found = accessibility_problems(page)
        if answer.status != 200:
            found.append(f"answered {answer.status}")
        if page.locator("html").get_attribute("lang") != language:
            found.append("is in another language")
        if page.evaluate(SIDEWAYS) > 0:
            found.append("scrolls sideways")
        if found:
            problems[address.removeprefix(portal.url)] = found

    assert problems == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_signin_page_is_accessible(
    portal: Portal, open_page: Callable[..., Page], accessibility_problems: Callable[[Page], list[str]], scheme: str
) -> None:
    page = open_page(person=None, scheme=scheme)
    page.goto(f"{portal.url}/")

    assert "/signin/" in page.url
    assert accessibility_problems(page) == []


def test_planted_problem_is_found(
    portal: Portal, open_page: Callable[..., Page], accessibility_problems: Callable[[Page], list[str]]
) -> None:
    page = open_page()
    page.goto(f"{portal.url}/customers/")
    page.evaluate("document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=/static/favicon.svg>')")

    assert any(problem.startswith("image-alt") for problem in accessibility_problems(page))


def test_inline_script_is_refused_and_noticed(portal: Portal, open_page: Callable[..., Page]) -> None:
    page = open_page(expected=("Content Security Policy",))
    page.goto(f"{portal.url}/customers/")
    with page.expect_console_message(lambda message: "Content Security Policy" in message.text):
        page.evaluate("document.body.setAttribute('onclick', 'document.title = 1'); document.body.click()")

    assert page.title() != "1"
