"""Writes what a customer owns: products, service plans, entitlements and subscriptions."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from customers.models import Customer
from licenses.core.families import family_of
from licenses.models import Entitlement, EntitlementPlan, Product, ServicePlan, Subscription
from licenses.product_names import plan_name, product_name
from licensing_portal.gateways.protocol import SkuRecord, SubscriptionRecord


def store_products(customer: Customer, skus: Sequence[SkuRecord], *, read_at: datetime) -> None:
    """Write the subscribed SKUs; one that is gone at Microsoft stays while somebody still holds it."""
    with transaction.atomic():
        products = ensure_products((sku.sku_id, sku.part_number) for sku in skus)
        plans = _ensure_plans(skus)
        kept = {entitlement.product_id: entitlement for entitlement in customer.entitlements.all()}
        for sku in skus:
            _store_entitlement(customer, sku, products[sku.sku_id], plans, kept, read_at)
        gone = customer.entitlements.exclude(product__sku_id__in=[sku.sku_id for sku in skus])
        gone.delete()


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


def _ensure_plans(skus: Sequence[SkuRecord]) -> dict[str, int]:
    wanted = {plan.plan_id: plan.name for sku in skus for plan in sku.plans}
    rows = [
        ServicePlan(plan_id=plan_id, name=name, display_name=plan_name(plan_id, name), family=family_of(name).value)
        for plan_id, name in wanted.items()
    ]
    ServicePlan.objects.bulk_create(rows, ignore_conflicts=True)
    return dict(ServicePlan.objects.filter(plan_id__in=list(wanted)).values_list("plan_id", "pk"))


def _store_entitlement(
    customer: Customer,
    sku: SkuRecord,
    product_pk: int,
    plans: dict[str, int],
    kept: dict[int, Entitlement],
    read_at: datetime,
) -> None:
    """Write one SKU with its plans; our own count of seats stands until Microsoft's has settled."""
    row = kept.get(product_pk) or Entitlement(customer=customer, product_id=product_pk)
    settles = row.settling_until is not None and row.settling_until > timezone.now()
    row.applies_to, row.capability_status = sku.applies_to, sku.capability_status
    row.enabled, row.warning = sku.enabled, sku.warning
    row.suspended, row.locked_out = sku.suspended, sku.locked_out
    row.subscription_ids, row.read_at = list(sku.subscription_ids), read_at
    if not settles:
        row.consumed, row.settling_until = sku.consumed, None
    row.save()
    wanted = {plans[plan.plan_id]: (plan, number) for number, plan in enumerate(sku.plans)}
    EntitlementPlan.objects.bulk_create(
        [
            EntitlementPlan(
                entitlement=row,
                plan_id=pk,
                applies_to=plan.applies_to,
                provisioning_status=plan.provisioning_status,
                position=number,
            )
            for pk, (plan, number) in wanted.items()
        ],
        update_conflicts=True,
        unique_fields=["entitlement", "plan"],
        update_fields=["applies_to", "provisioning_status", "position"],
    )
    row.plan_rows.exclude(plan_id__in=list(wanted)).delete()


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
