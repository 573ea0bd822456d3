"""Pure rules of licensing: data in, data out; no Django, no clock, no network."""
