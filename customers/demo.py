"""Who sees which customers in the demo: two people all of them, three people 20, the largest included."""

from customers.models import Customer, CustomerGrant
from licensing_portal.staff.roles import SEE_ALL_CUSTOMERS, Role

SEEN_BY_MOST = 20


def grant_demo_customers() -> None:
    """Grant the first 20 customers (the story and the largest among them) to the roles that do not see all."""
    largest = Customer.objects.order_by("-user_count").first()
    story = Customer.objects.filter(name="コントソ商事").first()
    first = [customer for customer in (story, largest) if customer is not None]
    others = Customer.objects.exclude(pk__in=[customer.pk for customer in first]).order_by("sort_key")
    seen = [*first, *others[: SEEN_BY_MOST - len(first)]]
    roles = [role for role in Role if role not in SEE_ALL_CUSTOMERS]
    CustomerGrant.objects.bulk_create(
        [CustomerGrant(customer=customer, role=role.value) for customer in seen for role in roles],
        ignore_conflicts=True,
    )
