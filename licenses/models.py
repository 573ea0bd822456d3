"""Re-exports the models by theme, so that Django finds them all in one place."""

from licenses.change_models import ChangeProduct, LicenseChange, Throttle, UserChange, WorkerBeat
from licenses.holding_models import Assignment, Holding, LicenseEvent, PlanSet
from licenses.product_models import Entitlement, EntitlementPlan, Product, ServicePlan, Subscription

__all__ = [
    "Assignment",
    "ChangeProduct",
    "Entitlement",
    "EntitlementPlan",
    "Holding",
    "LicenseChange",
    "LicenseEvent",
    "PlanSet",
    "Product",
    "ServicePlan",
    "Subscription",
    "Throttle",
    "UserChange",
    "WorkerBeat",
]
