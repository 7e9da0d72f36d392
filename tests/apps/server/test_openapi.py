"""The OpenAPI document is true: every address is in it, and what it allows is what the service does."""

import json

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from inpainter.apps.server.app import Service
from inpainter.apps.server.jobs import Jobs
from inpainter.apps.server.openapi import document
from server_makers import MASK, PNG, Running

SCHEMA = schemathesis.openapi.from_dict(document())
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    response_headers_conformance,
]


def test_it_has_every_address(tmp_path) -> None:
    served = {
        (method.lower(), route.path.replace(":int", ""))
        for route in Service(Jobs(tmp_path, 1)).routes()
        for method in (route.methods or ()) - {"HEAD"}
        if route.path.startswith("/v1/")
    }
    described = {
        (method, path) for path, item in document()["paths"].items() for method in item if method != "parameters"
    }
    assert served == described


def test_the_service_hands_it_out(service: Running) -> None:
    assert service.client.get("/openapi.json").json() == json.loads(json.dumps(document()))


@SCHEMA.parametrize()
@settings(
    max_examples=40, derandomize=True, deadline=None, database=None, phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)  # fmt: skip
def test_the_service_does_what_it_says(case: Case, service: Running) -> None:
    case.call_and_validate(base_url=str(service.client.base_url), checks=CHECKS)


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("/v1/fill", {"image": PNG, "mask": MASK, "options": {"method": "telea", "settings": {"radius": 4}}}),
        ("/v1/fill", {"image": PNG, "regions": {"boxes": [[1, 2, 30, 40]]}, "options": {"method": "mean"}}),
        ("/v1/jobs", {"image": PNG, "mask": MASK, "options": {"method": "telea", "candidates": 1}}),
        ("/v1/preview", {"image": PNG}),
        ("/v1/fill", {"image": PNG, "mask": PNG}),
        ("/v1/fill", {"image": b"GIF89a", "mask": MASK}),
    ],
)
def test_real_requests_get_what_it_says(service: Running, path: str, parts: dict) -> None:
    reply = service.post(path, **parts)
    # What was sent is checked, too, and read from where it was sent from.
    reply.request.read()
    SCHEMA[path]["POST"].validate_response(reply)


def test_a_jobs_replies_are_what_it_says(service: Running) -> None:
    job = service.job(image=PNG, mask=MASK, options={"method": "telea"})
    service.until(job, "done")
    for path, address in (
        ("/v1/jobs/{id}", job), ("/v1/jobs/{id}/events", f"{job}/events"),
        ("/v1/jobs/{id}/results/{number}", f"{job}/results/1"),
    ):  # fmt: skip
        SCHEMA[path]["GET"].validate_response(service.client.get(address))
    SCHEMA["/v1/jobs/{id}"]["DELETE"].validate_response(service.client.delete(job))
