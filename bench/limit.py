"""The limit: the product's own SQL and bytes through bare Flask, psycopg and orjson; nobody is checked."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import orjson
import psycopg
from flask import Flask, Response

app = Flask(__name__)
_local = threading.local()
_recordings = json.loads(Path(os.environ["BENCH_RECORDINGS"]).read_text())


def _connection() -> psycopg.Connection[tuple[object, ...]]:
    if not hasattr(_local, "connection"):
        _local.connection = psycopg.connect(os.environ["BENCH_DATABASE"], autocommit=True)
    found: psycopg.Connection[tuple[object, ...]] = _local.connection
    return found


@app.get("/")
def index() -> str:
    """Answers when the process is up."""
    return "ok"


@app.get("/<name>")
def replay(name: str) -> Response:
    """Runs the recorded statements, reads their rows, answers the recorded body."""
    recording = _recordings[name]
    connection = _connection()
    for statement in recording["statements"]:
        connection.execute(statement).fetchall()
    if recording["json"] is not None:
        return Response(orjson.dumps(recording["json"]), mimetype="application/json")
    return Response(recording["body"], mimetype="text/html")
