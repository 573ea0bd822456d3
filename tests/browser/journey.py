"""Steps of the journey that several tests walk, by the names that people read."""

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

from licensing_portal.sandbox.story import user_id
from tests.browser.conftest import Portal

JOINERS = [user_id("joiner", number) for number in (2, 3)]
SALES = [user_id("sales", number) for number in (1, 2)]


@dataclass(frozen=True)
class Words:
    """Names of controls in one language."""

    select: str
    next: str
    manage: str
    selected: str
    save: str
    review: str
    save_for: str
    title: str
    updated: str
    ticket: str
    assign_all: str
    unassign_all: str
    update_selection: str


WORDS = {
    "en": Words(
        "Select {}",
        "Next",
        "Manage licenses",
        "Selected users ({})",
        "Save",
        "Review changes",
        "Save for {} users of コントソ商事",
        "Licenses updated",
        "Updated ({})",
        "Ticket or reason",
        "Assign to all {}",
        "Unassign from all",
        "Update selection",
    ),
    "ja": Words(
        "{} を選択",
        "次へ",
        "ライセンスの管理",
        "選択したユーザー ({})",
        "保存",
        "変更内容の確認",
        "コントソ商事の {} 人について保存",
        "ライセンスの変更結果",
        "変更済み ({})",
        "チケット番号・理由",
        "{} 人全員に割り当てる",
        "全員の割り当てを解除する",
        "選択を反映",
    ),
}


def name(portal: Portal, object_id: str) -> str:
    """Return a user's display name at Microsoft."""
    tenant = portal.sandbox.tenant(portal.customer.tenant_id)
    assert tenant is not None
    return tenant.users[object_id].name


def direct(portal: Portal, object_id: str) -> set[str]:
    """Return the products that Microsoft has assigned directly."""
    tenant = portal.sandbox.tenant(portal.customer.tenant_id)
    assert tenant is not None
    return set(tenant.users[object_id].direct)


def sign_in(page: Page, portal: Portal) -> None:
    """Sign in as the global admin of the demo and open the customer."""
    page.goto(portal.url)
    page.get_by_role("button", name="Mika Mori").click()
    page.get_by_role("link", name="コントソ商事").click()


def tick(
    page: Page,
    portal: Portal,
    object_ids: list[str],
    words: Words,
    *,
    javascript: bool,
    press: Callable[[Locator], None] = Locator.check,
) -> None:
    """Find each user by sign-in name and tick the box; every search shows another list."""
    tenant = portal.sandbox.tenant(portal.customer.tenant_id)
    assert tenant is not None
    for number, object_id in enumerate(object_ids, start=1):
        page.locator("#q").fill(tenant.users[object_id].upn)
        page.locator("#q").press("Enter")
        box = page.get_by_role("checkbox", name=words.select.format(name(portal, object_id)), exact=True)
        # People of one name are told apart by what was searched for.
        expect(page.locator("tbody input[name=sel]")).to_have_count(1)
        press(box)
        if not javascript:
            page.get_by_role("button", name=words.update_selection).click()
        expect(page.locator("#selected-link")).to_have_text(words.selected.format(number))


def finished(page: Page, words: Words, number: int, *, javascript: bool) -> None:
    """Wait for the result; without script the page asks for itself again."""
    expect(page.get_by_role("link", name=words.updated.format(number))).to_be_visible(timeout=20_000)
    expect(page.get_by_role("heading", level=1)).to_have_text(words.title)
