"""Users and licenses as it is read: search, filters, order, pages, and what each row says."""

import html
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from customers import selection as selections
from customers.models import Customer, CustomerFacet, DirectoryUser, Selection
from customers.user_query import SIZES
from licensing_portal.staff.models import StaffUser
from tests.factories import AssignmentFactory, DirectoryUserFactory, HoldingFactory, ProductFactory

pytestmark = pytest.mark.django_db

_NAMES = re.compile(r'aria-label="Select ([^"]+)"')


def _address(customer: Customer) -> str:
    return f"/customers/{customer.tenant_id}/users/"


def _names(client: Client, customer: Customer, query: str = "") -> list[str]:
    """Return the names shown, without the box of the whole page."""
    response = client.get(_address(customer) + query)
    assert response.status_code == 200
    return [name for name in _NAMES.findall(response.content.decode()) if name != "all users on this page"]


def _facets(customer: Customer, **values: list[str]) -> None:
    for kind, entries in values.items():
        for value in entries:
            CustomerFacet.objects.create(customer=customer, kind=kind, value=value, label=value, number=1)


@pytest.fixture
def customer() -> Customer:
    """Five users who differ in all that can be asked for."""
    row = DirectoryUserFactory.create(display_name="Aiko", department="営業部").customer
    make = DirectoryUserFactory.create
    make(customer=row, display_name="Bruno", usage_location="", department="人事部")
    make(customer=row, display_name="髙橋 一郎", usage_location="US", enabled=False)
    make(customer=row, display_name="Dmitri", is_guest=True, usage_location="")
    make(customer=row, display_name="Emma", has_errors=True)
    make(customer=row, display_name="Gone", deleted_at=timezone.now())
    make(display_name="Stranger")
    return row


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["Aiko", "Bruno", "Dmitri", "Emma", "髙橋 一郎"]),
        ("?q=aIk", ["Aiko"]),
        ("?q=高橋一郎", ["髙橋 一郎"]),
        ("?q=営業", ["Aiko"]),
        ("?q=%25", []),
        ("?q=_", []),
        ("?q=%00aiko", ["Aiko"]),
        ("?q=gone", []),
        ("?q=stranger", []),
        ("?location=US", ["髙橋 一郎"]),
        ("?location=none", ["Bruno", "Dmitri"]),
        ("?status=active", ["Aiko", "Bruno", "Dmitri", "Emma"]),
        ("?status=blocked", ["髙橋 一郎"]),
        ("?status=guest", ["Dmitri"]),
        ("?status=member", ["Aiko", "Bruno", "Emma", "髙橋 一郎"]),
        ("?department=営業部", ["Aiko"]),
        ("?errors=1", ["Emma"]),
        ("?location=none&status=guest", ["Dmitri"]),
        ("?sort=-name", ["髙橋 一郎", "Emma", "Dmitri", "Bruno", "Aiko"]),
        ("?sort=location", ["Bruno", "Dmitri", "Aiko", "Emma", "髙橋 一郎"]),
        ("?sort=-location", ["髙橋 一郎", "Emma", "Aiko", "Dmitri", "Bruno"]),
        ("?sort=status", ["髙橋 一郎", "Aiko", "Bruno", "Emma", "Dmitri"]),
    ],
)
def test_search_filter_and_order(staff_client: Client, customer: Customer, query: str, expected: list[str]) -> None:
    _facets(customer, department=["営業部", "人事部", ""], location=["JP", "US", ""])

    assert _names(staff_client, customer, query) == expected


def test_licence_filters_ask_for_what_is_held(staff_client: Client, customer: Customer) -> None:
    aiko, bruno, emma = (customer.users.get(display_name=name) for name in ("Aiko", "Bruno", "Emma"))
    e3, e5 = ProductFactory.create_batch(2)
    HoldingFactory.create(user=aiko, product=e3)
    HoldingFactory.create(user=bruno, product=e3, direct=False)
    HoldingFactory.create(user=bruno, product=e5)
    AssignmentFactory.create(user=emma, product=e3, state="Error", error="CountViolation")
    _facets(customer, product=[e3.sku_id, e5.sku_id])

    assert _names(staff_client, customer, "?licence=any") == ["Aiko", "Bruno"]
    assert _names(staff_client, customer, "?licence=none") == ["Dmitri", "Emma", "髙橋 一郎"]
    assert _names(staff_client, customer, f"?licence={e3.sku_id}") == ["Aiko", "Bruno"]
    assert _names(staff_client, customer, f"?product={e5.sku_id.upper()}") == ["Bruno"]


def test_group_filter_asks_for_those_whom_a_group_licenses(staff_client: Client, customer: Customer) -> None:
    assignment = AssignmentFactory.create(user=customer.users.get(display_name="Emma"), via="a" * 36)
    _facets(customer, group=[assignment.via])

    assert _names(staff_client, customer, f"?group={'A' * 36}") == ["Emma"]


def _options(page: str, field: str) -> list[str]:
    """Return what a filter offers."""
    control = page.split(f'<select id="f-{field}"')[1].split("</select>")[0]
    return [html.unescape(text) for text in re.findall(r"<option[^>]*>([^<]*)</option>", control)]


@pytest.mark.parametrize(("query", "is_open"), [("", False), ("?status=blocked", False), ("?errors=1", True)])
def test_every_filter_is_within_reach(staff_client: Client, customer: Customer, query: str, is_open: bool) -> None:
    _facets(customer, group=["全社員"], department=["営業部"])

    page = staff_client.get(_address(customer) + query).content.decode()

    assert _options(page, "group") == ["Any group", "全社員 (1)"]
    assert _options(page, "errors") == ["With and without errors", "Users with errors"]
    assert _options(page, "department") == ["Any department", "Not set", "営業部 (1)"]
    assert (" open><summary>More filters" in page) == is_open
    assert "<summary>More filters</summary>" in page


@pytest.mark.parametrize(
    ("language", "expected"),
    [
        ("en", ["Any location", "Not set", "Germany (DE) (1)", "Japan (JP) (1)", "United States (US) (1)", "ZZ (1)"]),
        ("ja", ["すべての利用場所", "未設定", "ZZ (1)", "アメリカ合衆国 (US) (1)", "ドイツ (DE) (1)", "日本 (JP) (1)"]),
    ],
)
def test_locations_are_offered_by_name(
    staff_client: Client, customer: Customer, language: str, expected: list[str]
) -> None:
    _facets(customer, location=["JP", "US", "ZZ", "DE", ""])

    page = staff_client.get(_address(customer), headers={"accept-language": language}).content.decode()

    assert _options(page, "location") == expected


@pytest.mark.parametrize(
    ("query", "label"),
    [
        ("sort=salary", "Order"),
        ("sort=--name", "Order"),
        ("status=retired", "Status"),
        ("location=XX", "Usage location"),
        ("licence=e3", "License"),
        ("department=x", "Department"),
        ("group=x", "Group"),
        ("errors=2", "Errors"),
        ("location=XX&status=x", "Usage location&quot;, &quot;Status"),
    ],
)
def test_an_unknown_sort_or_filter_shows_everybody_and_says_so(
    staff_client: Client, customer: Customer, query: str, label: str
) -> None:
    response = staff_client.get(f"{_address(customer)}?q=aiko&{query}")

    page = response.content.decode()
    assert response.status_code == 422
    assert f"The value of &quot;{label}&quot; is not known; the list shows all users." in page
    assert "Select Bruno" in page


def test_a_refused_list_keeps_what_was_typed(staff_client: Client, customer: Customer) -> None:
    _facets(customer, department=["営業部"])

    response = staff_client.get(
        f"{_address(customer)}?q=aiko&department=営業部&location=X<&size=25&sort=-name&errors=1"
    )

    page = response.content.decode()
    assert response.status_code == 422
    assert 'name="q" data-slash value="aiko"' in page
    assert '<option value="営業部" selected>' in page
    assert '<option value="1" selected>Users with errors' in page
    # What nobody knows is shown, but not asked for again.
    assert '<option value="" selected>X&lt; (not known)</option>' in page
    assert page.count('aria-invalid="true" aria-describedby="problem"') == 1
    assert '<option value="25" selected>' in page
    assert "Show all" in page
    # Their number is that of everybody, not of those who match what was typed.
    assert "matching users" not in page


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("page=0", "Page 1 of 3"),
        ("page=-4", "Page 1 of 3"),
        ("page=x", "Page 1 of 3"),
        ("page=", "Page 1 of 3"),
        ("page=2", "Page 2 of 3"),
        ("page=99", "Page 3 of 3"),
        (f"page={'9' * 5000}", "Page 1 of 3"),
        ("size=25&page=9", "Page 5 of 5"),
        ("size=26", "Page 1 of 3"),
        (f"size={'9' * 5000}", "Page 1 of 3"),
        ("size=x", "Page 1 of 3"),
        ("size=200", "Page 1 of 1"),
    ],
)
def test_odd_page_numbers_and_sizes_show_a_page(
    staff_client: Client, customer: Customer, query: str, expected: str
) -> None:
    DirectoryUserFactory.create_batch(100, customer=customer)

    assert expected in staff_client.get(f"{_address(customer)}?{query}").content.decode()


def test_pages_hold_everybody_once_from_both_ends(staff_client: Client, customer: Customer) -> None:
    # Equal names, so that only the row id orders them.
    DirectoryUserFactory.create_batch(108, customer=customer, display_name="Same")
    for sort in ("name", "-name", "location", "-status"):
        ids: list[str] = []
        for page in range(1, 6):
            response = staff_client.get(f"{_address(customer)}?size=25&page={page}&sort={sort}")
            ids += re.findall(r'name="shown" value="([^"]+)"', response.content.decode())
        assert len(ids) == 113
        assert set(ids) == set(DirectoryUser.objects.of(customer).values_list("object_id", flat=True))


def test_backwards_is_the_exact_reverse(staff_client: Client, customer: Customer) -> None:
    DirectoryUserFactory.create_batch(30, customer=customer)

    assert _names(staff_client, customer, "?sort=-name") == _names(staff_client, customer)[::-1]


def test_a_page_costs_twelve_queries_whatever_it_shows(staff_client: Client, customer: Customer) -> None:
    for user in DirectoryUserFactory.create_batch(max(SIZES), customer=customer):
        HoldingFactory.create(user=user)
    staff_client.get(_address(customer))

    for size in SIZES:
        for query in ("", "&q=user&sort=-location&page=2", "&licence=any"):
            with CaptureQueriesContext(connection) as captured:
                staff_client.get(f"{_address(customer)}?size={size}{query}")
            assert len(captured) <= 12, (size, query)


def test_three_licences_are_named_and_the_others_counted(staff_client: Client, customer: Customer) -> None:
    aiko = customer.users.get(display_name="Aiko")
    # Two products of one name stay two.
    for name in ("Alpha", "Alpha", "Beta", "Gamma"):
        HoldingFactory.create(user=aiko, product=ProductFactory.create(display_name=name))
    HoldingFactory.create(user=aiko, direct=False, product=ProductFactory.create(display_name="AA"))
    broken = ProductFactory.create(display_name="Zulu")
    AssignmentFactory.create(user=aiko, product=broken, state="Error", error="CountViolation")

    page = staff_client.get(f"{_address(customer)}?q=aiko").content.decode()
    cell = page[page.index('<td class="all"><span class="tags">') :].split("</td>")[0]

    shown, more = (re.sub(r"<[^>]+>", "", part).strip() for part in cell.split('<span class="tag more">'))
    assert shown == "Error: Zuluby group AAAlpha"
    assert more == "+3: Alpha, Beta, Gamma"


def test_row_says_location_and_status_in_words(staff_client: Client, customer: Customer) -> None:
    def words(name: str) -> str:
        page = staff_client.get(f"{_address(customer)}?q={name}").content.decode()
        return re.sub(r"<[^>]+>", " ", page.split("<tbody")[1].split("</tbody>")[0])

    assert {"Not set", "Guest", "Unlicensed"} <= {part.strip() for part in words("Dmitri").split("  ")}
    assert "Active" in words("Dmitri")
    customer.users.filter(display_name="髙橋 一郎").update(is_guest=True)
    assert "Blocked" in words("髙橋")
    assert "Guest" in words("髙橋")
    assert "Active" not in words("髙橋")
    assert "Guest" not in words("Aiko")
    assert "US" in words("髙橋")
    assert "Active" in words("Aiko")


def test_names_are_text_whatever_they_hold(staff_client: Client, customer: Customer) -> None:
    DirectoryUserFactory.create(customer=customer, display_name="<script>alert(1)</script>", department='"><img>')

    page = staff_client.get(_address(customer)).content.decode()

    assert "<script>alert" not in page
    assert "<img>" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_each_name_leads_to_the_user(staff_client: Client, customer: Customer) -> None:
    page = staff_client.get(_address(customer)).content.decode()

    for user in DirectoryUser.objects.of(customer):
        assert f'href="{_address(customer)}{user.object_id}/"' in page


def test_one_match_is_a_singular(staff_client: Client, customer: Customer) -> None:
    page = staff_client.get(f"{_address(customer)}?q=aiko").content.decode()

    assert "Select 1 matching user<" in page


def test_people_are_counted_as_people(staff_client: Client, customer: Customer) -> None:
    page = staff_client.get(_address(customer), headers={"accept-language": "ja"}).content.decode()

    assert "5 人中 1–5 人目" in page
    assert " 件" not in page[page.index("<main") :]


def test_a_list_with_nobody_says_why(staff_client: Client, customer: Customer) -> None:
    page = staff_client.get(f"{_address(customer)}?q=zzz&size=25").content.decode()
    assert "No user matches." in page
    assert "0–0" not in page
    assert "Last</span>" not in page
    # The size of a page is kept for the next search.
    assert '<input type="hidden" name="size" value="25">' in page
    customer.users.all().delete()
    assert "This customer has no users yet." in staff_client.get(_address(customer)).content.decode()


def test_list_says_its_age_and_the_last_failure(staff_client: Client, customer: Customer) -> None:
    assert re.search(r"as of \d\d:\d\d JST", staff_client.get(_address(customer)).content.decode())

    Customer.objects.filter(pk=customer.pk).update(synced_at=None, sync_error="503")

    page = staff_client.get(_address(customer)).content.decode()
    assert "never read" in page
    assert "Microsoft did not answer the last time" in page


def test_an_old_selection_is_asked_about(staff_client: Client, staff: StaffUser, customer: Customer) -> None:
    selection = selections.get(staff, customer)
    selections.add(selection, list(DirectoryUser.objects.of(customer).values_list("pk", flat=True)))
    assert "still selected" not in staff_client.get(_address(customer)).content.decode()

    Selection.objects.filter(pk=selection.pk).update(since=timezone.now() - timedelta(hours=9))
    assert "5 users are still selected since" in staff_client.get(_address(customer)).content.decode()

    response = staff_client.post(f"{_address(customer)}?q=a&size=25&page=2&sort=-name", {"go": "keep"})
    assert response["Location"] == f"{_address(customer)}?q=a&sort=-name&page=2&size=25"
    assert "still selected" not in staff_client.get(_address(customer)).content.decode()
    assert selections.count(selection) == 5


def test_selected_users_come_back_ticked(staff_client: Client, staff: StaffUser, customer: Customer) -> None:
    emma = customer.users.get(display_name="Emma")
    selections.add(selections.get(staff, customer), [emma.pk])

    page = staff_client.get(_address(customer)).content.decode()

    boxes = re.findall(r'<input type="checkbox" id="u-([^"]+)"[^>]* checked>', page)
    assert boxes == [emma.object_id]
    assert "Selected users (1)" in page


def test_page_speaks_japanese(staff_client: Client, customer: Customer) -> None:
    page = staff_client.get(_address(customer), headers={"accept-language": "ja"}).content.decode()

    assert "ユーザーとライセンス" in page
    assert "条件に一致する 5 人をすべて選択" in page
    assert "選択したユーザー (0)" in page
    assert "ライセンスの管理" in page
