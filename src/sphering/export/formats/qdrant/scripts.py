"""The shell scripts that send bodies to a Qdrant server with curl.

A collection has two aliases: the one that readers ask, and one that names the export that it stands at.
"""

from __future__ import annotations

from sphering.config.export import QdrantConfig

_SEND = """#!/bin/sh
# {usage}
# QDRANT_URL (http://localhost:6333) is the server; where it wants an API key, QDRANT_API_KEY is that.
set -eu
cd "$(dirname "$0")"
url="${{QDRANT_URL:-http://localhost:6333}}/collections"
send() {{ # method, path, file
  curl --silent --show-error --fail --output /dev/null --request "$1" --header 'Content-Type: application/json' \\
    ${{QDRANT_API_KEY:+--header "api-key: $QDRANT_API_KEY"}} --data-binary "@$3" "$url/$2"
}}
"""
_LOAD = """
send PUT '{collection}' collection.json
for body in points-*.json; do send PUT '{collection}/points?wait=true' "$body"; done
send POST aliases - <<'ACTIONS'
{{"actions": [
  {{"create_alias": {{"collection_name": "{collection}", "alias_name": "{at}"}}}},
  {{"delete_alias": {{"alias_name": "{alias}"}}}},
  {{"create_alias": {{"collection_name": "{collection}", "alias_name": "{alias}"}}}}
]}}
ACTIONS
"""

_DELTA = """
send_all() {{ # method, path, the beginning of the files' names
  for body in "$3"-*.json; do if [ -e "$body" ]; then send "$1" "$2" "$body"; fi; done
}}
send_all POST '{base}/points/delete?wait=true' delta-deletes
send_all PUT '{base}/points?wait=true' delta-upserts
send_all POST '{base}/points/batch?wait=true' delta-payload
send POST aliases - <<'ACTIONS'
{{"actions": [{{"rename_alias": {{"old_alias_name": "{base}", "new_alias_name": "{at}"}}}}]}}
ACTIONS
"""


def collection_name(config: QdrantConfig, export: str) -> str:
    """Return the name of the collection that an export is loaded into."""
    return f"{config.alias}-from-{export}"


def alias_at(config: QdrantConfig, export: str) -> str:
    """Return the alias of a collection that stands at an export."""
    return f"{config.alias}-at-{export}"


def load_script(config: QdrantConfig, export: str) -> str:
    """Return the script that fills a new collection and then gives it the alias that readers ask."""
    usage = f"Load a new collection and give it the alias {config.alias}: sh load.sh"
    names = {"collection": collection_name(config, export), "at": alias_at(config, export), "alias": config.alias}
    return _SEND.format(usage=usage) + _LOAD.format(**names)


def delta_script(config: QdrantConfig, base: str, export: str) -> str:
    """Return the script that brings the collection that stands at the export `base` to this one.

    The server does not find the alias of a collection that stands elsewhere. What is sent twice does what once does.
    """
    at_base = alias_at(config, base)
    usage = f"Bring the collection that {at_base} stands for to the next export: sh delta.sh; if it breaks off, again"
    return _SEND.format(usage=usage) + _DELTA.format(base=at_base, at=alias_at(config, export))
