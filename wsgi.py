"""What gunicorn serves: gunicorn wsgi:app."""

from __future__ import annotations

from app.bootstrap import create_app

app = create_app()
