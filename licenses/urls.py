"""Addresses of licences and changes."""

from django.urls import path

from licenses.views import (
    change,
    exports,
    history,
    manage,
    products,
    refresh,
    report,
    review,
    start,
    summary,
    templates,
)
from licensing_portal import converters  # noqa: F401  registers the guid converter

app_name = "licenses"
_CUSTOMER = "customers/<guid:tenant_id>"
urlpatterns = [
    path(f"{_CUSTOMER}/refresh/", refresh.refresh, name="refresh"),
    path(f"{_CUSTOMER}/licenses/", products.products, name="products"),
    path(f"{_CUSTOMER}/licenses/manage/", manage.manage, name="manage"),
    path(f"{_CUSTOMER}/licenses/manage/summary/", summary.summary, name="manage-summary"),
    path(f"{_CUSTOMER}/licenses/manage/forget/", start.forget_start, name="manage-forget"),
    path(f"{_CUSTOMER}/licenses/review/", review.review, name="review"),
    path(f"{_CUSTOMER}/licenses/<guid:sku_id>/holders/", products.holders, name="holders"),
    path(f"{_CUSTOMER}/licenses/<guid:sku_id>/buy/", products.buy, name="buy"),
    path("customers/export/", exports.customers, name="customers-export"),
    path(f"{_CUSTOMER}/users/export/", exports.users, name="users-export"),
    path(f"{_CUSTOMER}/users/selected/export/", exports.selected_users, name="selected-export"),
    path(f"{_CUSTOMER}/licenses/export/", exports.products, name="products-export"),
    path(f"{_CUSTOMER}/licenses/review/export/", exports.review, name="review-export"),
    path(f"{_CUSTOMER}/changes/export/", exports.customer_changes, name="changes-export"),
    path("changes/export/", exports.all_changes, name="all-changes-export"),
    path(f"{_CUSTOMER}/changes/", history.customer_changes, name="changes"),
    path("templates/", templates.template_list, name="templates"),
    path("templates/<uuid:template_id>/", templates.template_page, name="template"),
    path("changes/", history.all_changes, name="all-changes"),
    path("changes/<uuid:change_id>/", change.change_page, name="change"),
    path("changes/<uuid:change_id>/progress/", change.progress, name="change-progress"),
    path("changes/<uuid:change_id>/export/", exports.result, name="change-export"),
    path("changes/<uuid:change_id>/report/", report.work_report_page, name="change-report"),
    path("changes/<uuid:change_id>/stop/", change.stop, name="change-stop"),
]
