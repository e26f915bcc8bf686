"""Products, with their list prices."""

from __future__ import annotations

from app.kernel.crud.bulk import delete_action
from app.kernel.crud.fields import Choice, Crud, Field, Kind
from app.kernel.i18n import lazy_gettext as _l
from app.sales.cruds.fields import CREATED, CURRENCY_CHOICES, SALES, UPDATED
from app.sales.models.products import Product

RECURRENCES = (
    Choice("one_off", _l("One-off")),
    Choice("monthly", _l("Monthly")),
    Choice("yearly", _l("Yearly")),
)

PRODUCTS = Crud(
    kind="product",
    model=Product,
    resource="product",
    url="/sales/products",
    api="products",
    singular=_l("Product"),
    plural=_l("Products"),
    new_label=_l("New product"),
    icon="package",
    section=SALES,
    section_url="/sales/",
    label_field="name",
    search=("name", "sku", "series"),
    order="name",
    importable=True,
    empty_text=_l("What you sell, with its list price. Deals take their lines from here."),
    bulk=(delete_action("product", "product"),),
    fields=(
        Field(
            "name",
            _l("Name"),
            required=True,
            max_length=160,
            in_list=True,
            mobile="title",
            aliases=("product", "prodotto", "name", "nome", "articolo"),
        ),
        Field("sku", _l("SKU"), max_length=60, in_list=True, mobile="sub", aliases=("sku", "codice", "code")),
        Field(
            "series",
            _l("Series"),
            max_length=80,
            in_list=True,
            icon="layers",
            aliases=("series", "serie", "category", "categoria", "famiglia"),
        ),
        Field(
            "price",
            _l("List price"),
            Kind.MONEY,
            required=True,
            minimum=0,
            in_list=True,
            mobile="end",
            total="average",
            aliases=("price", "prezzo", "sales_price", "listino", "prezzo di listino"),
        ),
        Field(
            "currency",
            _l("Currency"),
            Kind.ENUM,
            choices=CURRENCY_CHOICES,
            in_list=False,
            aliases=("currency", "valuta"),
        ),
        Field(
            "vat_rate",
            _l("VAT rate"),
            Kind.PERCENT,
            minimum=0,
            maximum=100,
            in_list=True,
            aliases=("vat", "iva", "aliquota", "aliquota iva"),
        ),
        Field("cost", _l("Cost"), Kind.MONEY, minimum=0, total="average", aliases=("cost", "costo")),
        Field("unit", _l("Unit"), max_length=20, aliases=("unit", "unità", "um", "unità di misura")),
        Field("recurrence", _l("Recurrence"), Kind.ENUM, choices=RECURRENCES, aliases=("recurrence", "ricorrenza")),
        Field("active", _l("Active"), Kind.BOOL, in_list=True, aliases=("active", "attivo")),
        Field(
            "description",
            _l("Description"),
            Kind.LONG,
            sortable=False,
            max_length=20000,
            aliases=("description", "descrizione"),
        ),
        CREATED,
        UPDATED,
    ),
)
