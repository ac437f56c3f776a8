"""The same measurements through the OpenTelemetry SDK for Python, as the bytes of an export request."""

import sys

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics import MeterProvider, TraceBasedExemplarFilter
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import (
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
    View,
)
from opentelemetry.sdk.resources import Resource

NAME = "http.server.response.body.size"
if MODE == "exponential":
    aggregation = ExponentialBucketHistogramAggregation(max_size=640, max_scale=4)
else:
    aggregation = ExplicitBucketHistogramAggregation(boundaries=[float(1 << e) for e in range(8, 25)])

reader = InMemoryMetricReader()
provider = MeterProvider(
    metric_readers=[reader],
    views=[View(instrument_name=NAME, aggregation=aggregation)],
    resource=Resource.create({"service.name": "checkout"}),
    exemplar_filter=TraceBasedExemplarFilter(),
)
sizes = provider.get_meter("reference").create_histogram(
    NAME, unit="By", description="Size of HTTP server response bodies."
)
attributes = {
    "http.request.method": "POST",
    "http.route": "/checkout",
    "url.scheme": "http",
    "network.protocol.version": "1.1",
    "http.response.status_code": 200,
}
for nth, size in enumerate(SIZES, start=1):
    span = trace.SpanContext((nth << 64) | 7, nth, True, trace.TraceFlags(trace.TraceFlags.SAMPLED))
    sizes.record(size, attributes, context=trace.set_span_in_context(trace.NonRecordingSpan(span)))
sys.stdout.buffer.write(encode_metrics(reader.get_metrics_data()).SerializeToString())
