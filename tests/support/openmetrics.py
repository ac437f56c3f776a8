"""Reads OpenMetrics text with a strict parser, and writes what it found as JSON."""

import json
import sys

try:
    from prometheus_client.openmetrics.parser import text_string_to_metric_families
except ImportError as missing:
    # An exit code of its own: the page is not to blame.
    print(missing, file=sys.stderr)
    sys.exit(3)


def exemplar(found):
    if found is None:
        return None
    time = found.timestamp
    return {"labels": found.labels, "value": found.value, "time": [time.sec, time.nsec]}


def sample(found):
    # None of ours has a time of its own, and all numbers are whole.
    assert found.timestamp is None, found
    assert isinstance(found.value, int), found
    return {"name": found.name, "labels": found.labels, "value": found.value, "exemplar": exemplar(found.exemplar)}


def family(found):
    samples = [sample(each) for each in found.samples]
    return {
        "name": found.name,
        "kind": found.type,
        "unit": found.unit,
        "help": found.documentation,
        "samples": samples,
    }


text = sys.stdin.buffer.read().decode("utf-8", errors="strict")
json.dump([family(found) for found in text_string_to_metric_families(text)], sys.stdout)
