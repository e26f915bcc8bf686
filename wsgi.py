"""What gunicorn serves: gunicorn wsgi:app."""

from __future__ import annotations

from app.bootstrap import create_app
from app.kernel.memory import settle

app = create_app()
settle()
