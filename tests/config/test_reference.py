"""docs/configuration.md is what the model says."""

import re
from pathlib import Path

from sphering.config.load import load
from sphering.config.reference import page
from sphering.config.schema import tables

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "src" / "sphering" / "config" / "template" / "sphering.toml"


def test_the_configuration_reference_is_up_to_date():
    assert (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8") == page()


def test_every_key_has_a_line_with_its_meaning():
    text = page()
    for name, model in tables():
        for key, field in model.model_fields.items():
            if key == "base" or any(f"[{key}]" in table for table, _ in tables()):
                continue
            assert field.description, f"{name} {key}"
            assert f"| `{key}` |" in text


def test_every_default_that_the_template_shows_is_the_default(tmp_path):
    """A line `# key = value` of the template, uncommented, changes nothing but what its comment calls an example."""
    examples = {
        "metadata",
        "revision",
        "document_prompt",
        "query_prompt",
        "max_length",
        "queries",
        "qrels",
        "halves",
        "pairs",
        "unicode",
        "strip",
        "format",
        "tokens",  # of a table that is off
        "overlap",
    }
    plain = load(TEMPLATE)
    for line in re.findall(r"^# (\w+ = .+)$", TEMPLATE.read_text(encoding="utf-8"), re.MULTILINE):
        key = line.split(" =")[0]
        if key in examples:
            continue
        text = TEMPLATE.read_text(encoding="utf-8").replace(f"# {line}", line)
        changed = tmp_path / "sphering.toml"
        changed.write_text(text, encoding="utf-8")
        document = load(changed).document()
        for table in ("encoder", "transform", "report", "run", "gate", "export"):
            assert document[table] == plain.document()[table], line
