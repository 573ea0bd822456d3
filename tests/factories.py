"""One factory for each model that tests make by hand; values are plausible and ids lower-case."""

import uuid
from typing import Any

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from customers.folding import search_key, sort_key
from customers.models import Customer, CustomerGrant, DirectoryUser, Group
from licenses.core.families import family_of
from licenses.models import (
    Assignment,
    ChangeProduct,
    Entitlement,
    EntitlementPlan,
    Holding,
    LicenseChange,
    PlanSet,
    Product,
    ServicePlan,
    UserChange,
)
from licensing_portal.staff.models import StaffUser
from licensing_portal.staff.roles import Role


def made_guid() -> factory.LazyFunction:
    """Return a declaration of a fresh GUID."""
    return factory.LazyFunction(lambda: str(uuid.uuid4()))


class StaffUserFactory(DjangoModelFactory[StaffUser]):
    """A helpdesk agent; pass `roles=[Role.….value]` for others."""

    class Meta:
        model = StaffUser

    subject = factory.LazyFunction(lambda: f"{uuid.uuid4()}:{uuid.uuid4()}")
    display_name = factory.Sequence(lambda n: f"Staff {n}")
    sign_in_name = factory.Sequence(lambda n: f"staff{n}@partner.example")
    roles = factory.LazyFunction(lambda: [Role.HELPDESK_AGENT.value])


class CustomerFactory(DjangoModelFactory[Customer]):
    """A customer that was read a moment ago."""

    class Meta:
        model = Customer

    tenant_id = made_guid()
    name = factory.Sequence(lambda n: f"Customer {n}")
    default_domain = factory.Sequence(lambda n: f"customer{n}.example")
    domains = factory.LazyAttribute(lambda row: [row.default_domain])
    sort_key = factory.LazyAttribute(lambda row: sort_key(row.name))
    search = factory.LazyAttribute(lambda row: search_key(row.name, *row.domains, row.tenant_id))
    country = "JP"
    relationship = "active"
    synced_at = factory.LazyFunction(timezone.now)


class CustomerGrantFactory(DjangoModelFactory[CustomerGrant]):
    """One customer in one person's scope."""

    class Meta:
        model = CustomerGrant

    customer = factory.SubFactory(CustomerFactory)
    staff = factory.SubFactory(StaffUserFactory)


class DirectoryUserFactory(DjangoModelFactory[DirectoryUser]):
    """A member with a usage location and no licence; `create_batch(n, customer=…)` makes many by one statement."""

    class Meta:
        model = DirectoryUser

    customer = factory.SubFactory(CustomerFactory)
    object_id = made_guid()
    display_name = factory.Sequence(lambda n: f"User {n:04}")
    user_principal_name = factory.LazyAttributeSequence(lambda row, n: f"user{n}@{row.customer.default_domain}")
    mail = factory.LazyAttribute(lambda row: row.user_principal_name)
    usage_location = "JP"
    read_at = factory.LazyFunction(timezone.now)
    sort_key = factory.LazyAttribute(lambda row: sort_key(row.display_name))
    search = factory.LazyAttribute(
        lambda row: search_key(row.display_name, row.user_principal_name, row.mail, row.department)
    )
    department = ""

    @classmethod
    def create_batch(cls, size: int, **fields: Any) -> list[DirectoryUser]:
        """Make many users of one customer."""
        return DirectoryUser.objects.bulk_create(cls.build_batch(size, **fields))


class GroupFactory(DjangoModelFactory[Group]):
    """A group that hands out licences."""

    class Meta:
        model = Group

    customer = factory.SubFactory(CustomerFactory)
    object_id = made_guid()
    display_name = factory.Sequence(lambda n: f"Group {n}")


class ProductFactory(DjangoModelFactory[Product]):
    """A product of Microsoft's catalogue; nobody owns it yet."""

    class Meta:
        model = Product

    sku_id = made_guid()
    part_number = factory.Sequence(lambda n: f"SKU_{n}")
    display_name = factory.Sequence(lambda n: f"Product {n}")


class ServicePlanFactory(DjangoModelFactory[ServicePlan]):
    """A service plan of Microsoft's catalogue."""

    class Meta:
        model = ServicePlan

    plan_id = made_guid()
    name = factory.Sequence(lambda n: f"PLAN_{n}")
    display_name = factory.Sequence(lambda n: f"Plan {n}")
    family = factory.LazyAttribute(lambda row: family_of(row.name).value)


class EntitlementFactory(DjangoModelFactory[Entitlement]):
    """Ten seats of a product, none in use; `plans=[…]` puts service plans into it, in that order."""

    class Meta:
        model = Entitlement
        skip_postgeneration_save = True

    customer = factory.SubFactory(CustomerFactory)
    product = factory.SubFactory(ProductFactory)
    capability_status = "Enabled"
    enabled = 10
    read_at = factory.LazyFunction(timezone.now)

    @factory.post_generation
    def plans(self, create: bool, extracted: list[ServicePlan] | None) -> None:
        """Put the plans in."""
        for position, plan in enumerate(extracted or []):
            EntitlementPlan.objects.create(
                entitlement=self, plan=plan, provisioning_status="Success", position=position
            )


class PlanSetFactory(DjangoModelFactory[PlanSet]):
    """A set of switched-off plans: `disabled=[plan ids]`; the same set of a product is one row."""

    class Meta:
        model = PlanSet
        django_get_or_create = ("product", "digest")

    product = factory.SubFactory(ProductFactory)
    disabled: list[str] = factory.LazyFunction(list)
    digest = factory.LazyAttribute(lambda row: PlanSet.digest_of(row.disabled))


class HoldingFactory(DjangoModelFactory[Holding]):
    """A user holds a product directly, with every plan on; `direct=False` for one held by group only."""

    class Meta:
        model = Holding

    user = factory.SubFactory(DirectoryUserFactory)
    customer = factory.SelfAttribute("user.customer")
    product = factory.SubFactory(ProductFactory)
    plan_set = factory.SubFactory(PlanSetFactory, product=factory.SelfAttribute("..product"))
    direct = True
    by_group = factory.LazyAttribute(lambda row: not row.direct)
    direct_plan_set = factory.LazyAttribute(lambda row: row.plan_set if row.direct else None)

    @classmethod
    def _create(cls, model_class: type[Holding], *args: Any, **kwargs: Any) -> Holding:
        kwargs["user"].is_licensed = True
        kwargs["user"].save(update_fields=["is_licensed"])
        return super()._create(model_class, *args, **kwargs)


class AssignmentFactory(DjangoModelFactory[Assignment]):
    """One path: direct and active; `via=` a group's object id for an inherited one."""

    class Meta:
        model = Assignment

    user = factory.SubFactory(DirectoryUserFactory)
    customer = factory.SelfAttribute("user.customer")
    product = factory.SubFactory(ProductFactory)
    plan_set = factory.SubFactory(PlanSetFactory, product=factory.SelfAttribute("..product"))
    via = Assignment.DIRECT
    state = "Active"


class LicenseChangeFactory(DjangoModelFactory[LicenseChange]):
    """A draft that wishes nothing."""

    class Meta:
        model = LicenseChange

    customer = factory.SubFactory(CustomerFactory)
    staff = factory.SubFactory(StaffUserFactory)
    key = factory.LazyFunction(lambda: uuid.uuid4().hex)


class UserChangeFactory(DjangoModelFactory[UserChange]):
    """One user of a change, waiting."""

    class Meta:
        model = UserChange

    change = factory.SubFactory(LicenseChangeFactory)
    user = factory.SubFactory(DirectoryUserFactory, customer=factory.SelfAttribute("..change.customer"))
    object_id = factory.SelfAttribute("user.object_id")
    user_principal_name = factory.SelfAttribute("user.user_principal_name")
    display_name = factory.SelfAttribute("user.display_name")
    sort_key = factory.SelfAttribute("user.sort_key")
    position = factory.Sequence(lambda n: n)


class ChangeProductFactory(DjangoModelFactory[ChangeProduct]):
    """A product that a change assigns."""

    class Meta:
        model = ChangeProduct

    change = factory.SubFactory(LicenseChangeFactory)
    sku_id = made_guid()
