"""The vendor's own pages, as far as they exist: tenants, mail, jobs."""

from __future__ import annotations

from app.kernel.feature import Feature
from app.vendor.views import VendorView

feature = Feature("vendor", views=[VendorView])
