"""Re-exports the models by theme, so that Django finds them all in one place."""

from licenses.change_models import ChangeProduct, LicenseChange, Throttle, UserChange, WorkerBeat
from licenses.holding_models import Assignment, Holding, LicenseEvent, PlanSet, Reprocess
from licenses.product_models import Entitlement, EntitlementPlan, Product, ServicePlan, Subscription
from licenses.refusal_models import RefusalSeen
from licenses.template_models import LicenseTemplate

__all__ = [
    "Assignment",
    "ChangeProduct",
    "Entitlement",
    "EntitlementPlan",
    "Holding",
    "LicenseChange",
    "LicenseEvent",
    "LicenseTemplate",
    "PlanSet",
    "Product",
    "RefusalSeen",
    "Reprocess",
    "ServicePlan",
    "Subscription",
    "Throttle",
    "UserChange",
    "WorkerBeat",
]
