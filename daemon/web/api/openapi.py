"""The OpenAPI 3.1 document, made from the routes and their models."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from daemon import __version__
from daemon.web.api.answers import Problem
from daemon.web.api.bodies import Nothing
from daemon.web.api.paths import form_of
from daemon.web.api.route import IDEMPOTENCY_KEY, Route

REF: Final = "#/components/schemas/{model}"
_INTRODUCTION: Final = (
    "Money is integer fen. Ids are 26 characters in time order; instants are Unix milliseconds. "
    "Requests that move money carry an Idempotency-Key: the same key with the same body finds the "
    "first answer, so a request without an answer is simply sent again."
)
Mode = Literal["validation", "serialization"]


def describe(routes: Sequence[Route]) -> dict[str, Any]:
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route)
    return {
        "openapi": "3.1.0",
        "info": {"title": "counterd", "version": __version__, "description": _INTRODUCTION},
        "paths": paths,
        "components": {
            "schemas": _schemas(routes),
            "responses": {"Problem": _problem_response("What went wrong")},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "counterd_session"},
            },
        },
    }


def _schemas(routes: Sequence[Route]) -> dict[str, Any]:
    wanted: dict[tuple[type[BaseModel], Mode], None] = {(Problem, "serialization"): None}
    for route in routes:
        if route.reads_body and not route.upload:
            wanted[route.body, "validation"] = None
        for model in route.answers.values():
            if isinstance(model, type):
                wanted[model, "serialization"] = None
    _, document = models_json_schema(list(wanted), ref_template=REF)
    schemas: dict[str, Any] = document["$defs"]
    return schemas


def _operation(route: Route) -> dict[str, Any]:
    body: dict[str, Any] = {
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": [*_path_parameters(route), *_query_parameters(route), *_headers(route)],
        "responses": _responses(route),
    }
    if route.upload:
        content: dict[str, Any] = {media: {"schema": {}} for media in route.upload}
        body["requestBody"] = {"required": True, "content": content}
    elif route.reads_body:
        body["requestBody"] = {
            "required": route.body is not Nothing,
            "content": {"application/json": {"schema": _ref(route.body)}},
        }
    body["security"] = [{"bearer": []}, {"cookie": []}] if route.signed_in else []
    return body


def _ref(model: type[BaseModel]) -> dict[str, str]:
    return {"$ref": REF.format(model=model.__name__)}


def _path_parameters(route: Route) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": form_of(name).pattern},
            "example": form_of(name).example,
        }
        for name in re.findall(r"{(\w+)}", route.path)
    ]


def _query_parameters(route: Route) -> list[dict[str, Any]]:
    """Flat: a query model refers to enums only, which are put in place."""
    schema = route.query.model_json_schema()
    definitions: Mapping[str, Any] = schema.get("$defs", {})
    return [
        {
            "name": name,
            "in": "query",
            "required": name in schema.get("required", ()),
            "schema": _flat(part, definitions),
        }
        for name, part in schema.get("properties", {}).items()
    ]


def _flat(part: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """An absent parameter is left out, not sent as null; `$ref`s are put in place."""
    choices = [choice for choice in part.get("anyOf", ()) if choice.get("type") != "null"]
    if len(choices) == 1:
        rest = {key: value for key, value in part.items() if key not in ("anyOf", "default")}
        part = {**rest, **choices[0]}
    reference = part.get("$ref")
    if reference is not None:
        named = definitions[reference.rpartition("/")[2]]
        part = {**named, **{key: value for key, value in part.items() if key != "$ref"}}
    return dict(part)


def _headers(route: Route) -> list[dict[str, Any]]:
    if not route.idempotent:
        return []
    return [
        {
            "name": IDEMPOTENCY_KEY,
            "in": "header",
            "required": True,
            "description": "Chosen by the client, one for each intention, e.g. a UUID.",
            "schema": {"type": "string", "pattern": "^[!-~]{1,64}$"},
            "example": "7f0c2b1e-sale-1",
        }
    ]


def _responses(route: Route) -> dict[str, Any]:
    responses: dict[str, Any] = {
        str(status): _response(route, status, model) for status, model in route.answers.items()
    }
    refused = {*route.problems, 403, 500}
    if route.signed_in or 200 not in route.answers:
        refused.add(503)
    if route.signed_in:
        refused.add(401)
    if route.reads_body:
        refused |= {400, 413, 415, 422}
    if route.query.model_fields:
        refused.add(422)
    for status in sorted(refused):
        responses.setdefault(str(status), {"$ref": "#/components/responses/Problem"})
    return responses


def _response(route: Route, status: int, model: type[BaseModel] | str | None) -> dict[str, Any]:
    response: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if isinstance(model, str):
        response["content"] = {
            media: {"schema": {"type": "string"} if media.startswith("text/") else {}}
            for media in model.split(", ")
        }
    elif model is not None:
        response["content"] = {"application/json": {"schema": _ref(model)}}
    return response


def _problem_response(description: str) -> dict[str, Any]:
    example = {
        "type": "urn:counterd:problem:counter_busy",
        "title": "Another sale is current, or the state of this one forbids it.",
        "status": 409,
        "detail": "Another sale is current. (state=awaiting_card)",
        "key": "counter_busy",
        "fault": "client",
        "retry": "never",
        "facts": {"state": "awaiting_card"},
        "errors": [],
    }
    return {
        "description": description,
        "content": {"application/problem+json": {"schema": _ref(Problem), "example": example}},
    }
