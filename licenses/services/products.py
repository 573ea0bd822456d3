"""Writes what a customer owns: products, service plans, entitlements and subscriptions."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from customers.models import Customer
from licenses.core.families import family_of
from licenses.models import Entitlement, EntitlementPlan, Product, ServicePlan, Subscription
from licenses.product_names import plan_name, product_name
from licenses.services.figures import write_product_figures
from licensing_portal.gateways.protocol import SkuRecord, SubscriptionRecord

# (SKU id, plan id) → applies to, provisioning status, place.
type PlanRows = dict[tuple[str, str], tuple[str, str, int]]


def store_products(customer: Customer, skus: Sequence[SkuRecord], *, read_at: datetime) -> None:
    """Write the subscribed SKUs in a fixed number of queries; one that is gone at Microsoft is forgotten.

    Nothing is written when all is as it was: pages ask for this, and a write would wait for every other writer.
    """
    owned = {sku.sku_id: sku for sku in skus}
    if not _is_news(customer, owned):
        return
    with transaction.atomic():
        products = ensure_products((sku.sku_id, sku.part_number) for sku in owned.values())
        known = _known(customer)
        rows = [
            Entitlement(
                customer=customer,
                product_id=products[sku.sku_id],
                read_at=read_at,
                **_fields(sku, known.get(sku.sku_id)),
            )
            for sku in owned.values()
        ]
        Entitlement.objects.bulk_create(
            rows, update_conflicts=True, unique_fields=["customer", "product"], update_fields=["read_at", *_FIELDS]
        )
        customer.entitlements.filter(product__sku_id__in=known.keys() - owned.keys()).delete()
        _write_plans(customer, owned, dict(zip(owned, (row.pk for row in rows), strict=True)))
        write_product_figures(customer)


def _is_news(customer: Customer, owned: dict[str, SkuRecord]) -> bool:
    """Tell whether the tables say something else than Microsoft."""
    known = _known(customer)
    if known.keys() != owned.keys():
        return True
    for sku_id, row in known.items():
        fields = _fields(owned[sku_id], row)
        if not row.product.part_number or any(getattr(row, name) != fields[name] for name in _FIELDS):
            return True
    return _stored_plans(customer) != _wanted_plans(owned)


def _known(customer: Customer) -> dict[str, Entitlement]:
    return {row.product.sku_id: row for row in customer.entitlements.select_related("product")}


_FIELDS = (
    "applies_to",
    "capability_status",
    "enabled",
    "warning",
    "suspended",
    "locked_out",
    "consumed",
    "settling_until",
    "subscription_ids",
)


def _fields(sku: SkuRecord, known: Entitlement | None) -> dict[str, Any]:
    """Return what a row says of a SKU; our own count of seats stands until Microsoft's has settled."""
    settling = known.settling_until if known is not None else None
    if settling is not None and settling <= timezone.now():
        settling = None
    return {
        "applies_to": sku.applies_to,
        "capability_status": sku.capability_status,
        "enabled": sku.enabled,
        "warning": sku.warning,
        "suspended": sku.suspended,
        "locked_out": sku.locked_out,
        "consumed": known.consumed if known is not None and settling is not None else sku.consumed,
        "settling_until": settling,
        "subscription_ids": list(sku.subscription_ids),
    }


def _stored_plans(customer: Customer) -> PlanRows:
    rows = EntitlementPlan.objects.filter(entitlement__customer=customer).values_list(
        "entitlement__product__sku_id", "plan__plan_id", "applies_to", "provisioning_status", "position"
    )
    return {(sku_id, plan_id): (applies_to, status, place) for sku_id, plan_id, applies_to, status, place in rows}


def _wanted_plans(owned: dict[str, SkuRecord]) -> PlanRows:
    return {
        (sku.sku_id, plan.plan_id): (plan.applies_to, plan.provisioning_status, place)
        for sku in owned.values()
        for place, plan in enumerate(sku.plans)
    }


def _write_plans(customer: Customer, owned: dict[str, SkuRecord], entitlements: dict[str, int]) -> None:
    """Write which service plans are in which product, where that is not what the table says."""
    stored, wanted = _stored_plans(customer), _wanted_plans(owned)
    changed = {key: values for key, values in wanted.items() if stored.get(key) != values}
    plans = _ensure_plans(owned.values())
    EntitlementPlan.objects.bulk_create(
        [
            EntitlementPlan(
                entitlement_id=entitlements[sku_id],
                plan_id=plans[plan_id],
                applies_to=applies_to,
                provisioning_status=status,
                position=place,
            )
            for (sku_id, plan_id), (applies_to, status, place) in changed.items()
        ],
        update_conflicts=True,
        unique_fields=["entitlement", "plan"],
        update_fields=["applies_to", "provisioning_status", "position"],
    )
    # Plans leave a product once in years.
    for sku_id, plan_id in stored.keys() - wanted.keys():
        EntitlementPlan.objects.filter(entitlement=entitlements[sku_id], plan__plan_id=plan_id).delete()


def ensure_products(known: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Return the row ids of products by SKU id; new ones are made with the best name there is."""
    wanted = dict(known)
    # Read first: nearly always all are known, and a write would wait for every other writer.
    found = {product.sku_id: product for product in Product.objects.filter(sku_id__in=list(wanted))}
    if missing := wanted.keys() - found.keys():
        rows = [_new_product(sku_id, wanted[sku_id]) for sku_id in missing]
        Product.objects.bulk_create(rows, ignore_conflicts=True)
        found |= {product.sku_id: product for product in Product.objects.filter(sku_id__in=missing)}
    _complete(found, wanted)
    return {sku_id: product.pk for sku_id, product in found.items()}


def _new_product(sku_id: str, part_number: str) -> Product:
    return Product(sku_id=sku_id, part_number=part_number, display_name=product_name(sku_id, part_number or sku_id))


def _complete(found: dict[str, Product], parts: dict[str, str]) -> None:
    """Name products that were first met as a bare id, on a user or a subscription."""
    bare = [product for sku_id, product in found.items() if not product.part_number and parts[sku_id]]
    for product in bare:
        product.part_number = parts[product.sku_id]
        if product.display_name == product.sku_id:
            product.display_name = product_name(product.sku_id, product.part_number)
    Product.objects.bulk_update(bare, ["part_number", "display_name"])


def _ensure_plans(skus: Iterable[SkuRecord]) -> dict[str, int]:
    wanted = {plan.plan_id: plan.name for sku in skus for plan in sku.plans}
    rows = [
        ServicePlan(plan_id=plan_id, name=name, display_name=plan_name(plan_id, name), family=family_of(name).value)
        for plan_id, name in wanted.items()
    ]
    ServicePlan.objects.bulk_create(rows, ignore_conflicts=True)
    return dict(ServicePlan.objects.filter(plan_id__in=list(wanted)).values_list("plan_id", "pk"))


def store_subscriptions(customer: Customer, records: Sequence[SubscriptionRecord]) -> None:
    """Write the subscriptions; what Partner Center told of them is kept."""
    products = ensure_products((record.sku_id, "") for record in records)
    with transaction.atomic():
        Subscription.objects.bulk_create(
            [
                Subscription(
                    customer=customer,
                    product_id=products[record.sku_id],
                    subscription_id=record.subscription_id,
                    commerce_subscription_id=record.commerce_subscription_id,
                    owner_tenant_id=record.owner_tenant_id,
                    quantity=record.total_licenses,
                    status=record.status,
                    is_trial=record.is_trial,
                    next_lifecycle_at=record.next_lifecycle_at,
                )
                for record in records
            ],
            update_conflicts=True,
            unique_fields=["customer", "product", "subscription_id"],
            update_fields=[
                "commerce_subscription_id",
                "owner_tenant_id",
                "quantity",
                "status",
                "is_trial",
                "next_lifecycle_at",
            ],
        )
        customer.subscriptions.exclude(subscription_id__in=[record.subscription_id for record in records]).delete()
