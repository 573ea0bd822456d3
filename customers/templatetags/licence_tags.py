"""The licences of a user as a list shows them."""

from typing import Any

from django import template
from django.utils.safestring import SafeString

from customers.user_list import Row

register = template.Library()

_WRITTEN = "licence_tags"


@register.simple_tag(takes_context=True)
def licence_tags(context: template.Context, row: Row) -> SafeString:
    """Print the licences of a row; many users of a page have the same ones, and those are written once."""
    rendered: Any = context.render_context
    written: dict[object, SafeString] = rendered.setdefault(_WRITTEN, {})
    licences = (row.tags, row.more)
    if licences not in written:
        assert context.template is not None
        page = context.template.engine.get_template("_components/tags.html")
        written[licences] = page.render(context.new({"row": row}))
    return written[licences]
