"""Contacts: the people at accounts."""

from __future__ import annotations

from app.kernel.crud.bulk import bulk_actions
from app.kernel.crud.fields import Crud, Field, Kind
from app.kernel.i18n import lazy_gettext as _l
from app.sales.cruds.fields import CREATED, NOTES, OWNER, SALES, TAGS, UPDATED
from app.sales.models.contacts import Contact

CONTACTS = Crud(
    kind="contact",
    model=Contact,
    resource="contact",
    url="/sales/contacts",
    api="contacts",
    singular=_l("Contact"),
    plural=_l("Contacts"),
    new_label=_l("New contact"),
    icon="contact",
    section=SALES,
    section_url="/sales/",
    label_field="name",
    search=("name", "email", "job_title"),
    order="name",
    avatar=True,
    importable=True,
    empty_text=_l("The people you talk to. Import them from a file or add the first one."),
    bulk=bulk_actions("contact", "contact"),
    fields=(
        Field(
            "name",
            _l("Full name"),
            required=True,
            max_length=130,
            in_list=True,
            mobile="title",
            aliases=("name", "nome", "nome e cognome", "nome completo", "full name", "contact", "referente"),
            autocomplete="off",
        ),
        Field(
            "account_id",
            _l("Account"),
            Kind.REF,
            target="account",
            in_list=True,
            icon="building-2",
            mobile="sub",
            aliases=("account", "azienda", "company", "ditta", "società"),
        ),
        Field(
            "job_title",
            _l("Job title"),
            max_length=80,
            in_list=True,
            aliases=("job_title", "title", "ruolo", "qualifica", "posizione"),
        ),
        Field(
            "email",
            _l("E-mail"),
            Kind.EMAIL,
            max_length=320,
            in_list=True,
            icon="mail",
            aliases=("email", "e-mail", "mail", "posta"),
        ),
        Field(
            "phone",
            _l("Phone"),
            Kind.PHONE,
            max_length=32,
            in_list=True,
            icon="phone",
            mobile="end",
            aliases=("phone", "telefono", "cell.", "cellulare", "mobile", "tel"),
        ),
        OWNER,
        TAGS,
        NOTES,
        CREATED,
        UPDATED,
    ),
)
