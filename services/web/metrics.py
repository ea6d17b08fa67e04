"""`/metrics`, in the text format of Prometheus. It names nobody; keep it behind the proxy all the same."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from services.operations import metrics
from services.web.actors import runtime_of

router = APIRouter(tags=["Santé"])


@router.get("/metrics", include_in_schema=False)
def read_metrics(request: Request) -> Response:
    """Nombres et âges, au format texte de Prometheus."""
    from prometheus_client import CollectorRegistry, Gauge, generate_latest  # noqa: PLC0415 - asked by few, read late

    registry = CollectorRegistry()
    with runtime_of(request).database.read() as unit:
        for found in metrics.gauges(unit):
            gauge = Gauge(found.name, found.meaning, found.labels, registry=registry)
            for labels, value in found.values:
                (gauge.labels(*labels) if labels else gauge).set(value)
    return Response(generate_latest(registry), media_type="text/plain; version=0.0.4; charset=utf-8")
