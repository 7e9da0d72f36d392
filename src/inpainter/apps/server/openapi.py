"""The OpenAPI document of the HTTP interface, which tests hold against what it does."""

from typing import Any

from inpainter._version import __version__
from inpainter.apps.server.limits import LIMITS
from inpainter.apps.server.orders import OPTIONS

_BINARY = {"type": "string", "format": "binary"}
_NUMBER, _TEXT, _COUNT = {"type": "number"}, {"type": "string"}, {"type": "integer", "minimum": 0}
_ID = {
    "name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1},
    "description": "The job's id.",
}  # fmt: skip
_FILES = {
    "image": ("The photo: the bytes of a JPEG, PNG, WebP, TIFF, AVIF or HEIC file.", True),
    "mask": ("A picture of the upright photo's size, white where to fill; PNG is best.", False),
    "painted": ("Instead of a mask: a copy of the photo that was painted over where to fill.", False),
    "source": ("A mask, white where texture may be copied from: only from there.", False),
    "avoid": ("A mask, white where texture may not be copied from.", False),
}


def document() -> dict[str, Any]:
    """The OpenAPI 3.1 document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "inpainter", "version": __version__,
            "description": "Fills the missing part of a photo. Every error is a JSON object of one shape. Where the "
            "service asks for a token, send it as `Authorization: Bearer TOKEN`.",
        },
        "paths": _paths(),
        "components": {"schemas": _schemas()},
    }  # fmt: skip


def _paths() -> dict[str, Any]:
    filled = {
        "description": "The filled photo, in the format that came; HEIC as JPEG.",
        "content": {f"image/{kind}": {"schema": _BINARY} for kind in ("jpeg", "png", "webp", "tiff", "avif")},
    }
    noted = filled | {"headers": {"Inpainter-Notes": {
        "schema": _TEXT, "description": "A JSON list of what there is to say of the fill.",
    }}}  # fmt: skip
    job = _json("The job.", "Job")
    return {
        "/v1/health": {"get": {
            "summary": "Say whether the service is there", "responses": _responses({"200": _json("It is.", "Health")}),
        }},
        "/v1/session": {"post": {
            "summary": "Put the token of the Authorization header into a cookie, for a browser",
            "responses": _responses({"204": {"description": "It is in the cookie."}}),
        }},
        "/v1/methods": {"get": {
            "summary": "List the methods", "responses": _responses({"200": _json("All methods.", "Methods")}),
        }},
        "/v1/fill": {"post": {
            "summary": "Fill a photo; a client that leaves stops it",
            "requestBody": _form(several=False), "responses": _responses({"200": noted}, *_FILL),
        }},
        "/v1/preview": {"post": {
            "summary": f"Make an upright JPEG of at most {LIMITS.preview} px of a photo that a browser cannot show",
            "requestBody": {"required": True, "content": {"multipart/form-data": {"schema": {
                "type": "object", "required": ["image"], "additionalProperties": False,
                "properties": {"image": _BINARY | {"description": _FILES["image"][0]}},
            }}}},
            "responses": _responses({"200": {
                "description": "The preview.", "content": {"image/jpeg": {"schema": _BINARY}},
                "headers": {
                    f"Inpainter-{side}": {"schema": _COUNT, "description": f"{side} of the whole photo, upright, px."}
                    for side in ("Width", "Height")
                },
            }}, *_FILL),
        }},
        "/v1/jobs": {"post": {
            "summary": "Take a photo to be filled, and return at once",
            "description": f"A job is cancelled when nobody has listened to it or asked for it for {LIMITS.unheard:.0f}"
            f" s; its results are kept for {LIMITS.keep:.0f} s.",
            "requestBody": _form(several=True), "responses": _responses({"202": job}, *_UPLOAD),
        }},
        "/v1/jobs/{id}": {
            "parameters": [_ID],
            "get": {"summary": "Say how far a job is, and what came of it",
                    "responses": _responses({"200": job}, "404")},
            "delete": {"summary": "Cancel a job and forget its results",
                       "responses": _responses({"204": {"description": "It is gone."}}, "404")},
        },
        "/v1/jobs/{id}/events": {
            "parameters": [_ID],
            "get": {
                "summary": "Follow a job by server-sent events",
                "description": "Each has the job as its data: `progress` while it is under way, then one of `done`, "
                "`failed` and `cancelled`, which ends the stream. With Last-Event-ID it goes on from there.",
                "responses": _responses({"200": {
                    "description": "The events.",
                    "content": {"text/event-stream": {"schema": {"$ref": "#/components/schemas/Event"}}},
                }}, "404"),
            },
        },
        "/v1/jobs/{id}/results/{number}": {
            "parameters": [_ID, {
                "name": "number", "in": "path", "required": True, "schema": {"type": "integer", "minimum": 1},
                "description": "1 for the first candidate, which is the best by the method's own measure.",
            }],
            "get": {"summary": "Get a filled photo", "responses": _responses({"200": filled}, "404", "409")},
        },
    }  # fmt: skip


_WHY = {
    "400": "Something in the request is wrong.", "401": "The token is missing or wrong.",
    "403": "Another site's page, or another name of the service.", "404": "There is nothing of that name.",
    "405": "This address does not take this method.", "408": "The request took too long to come.",
    "409": "The job is not done, or was cancelled.",
    "413": "The request or the photo is larger than it may be.", "415": "The file is no photo that can be read.",
    "429": "Too many photos wait to be filled.", "500": "Something went wrong in the program.",
    "501": "The method needs an extra that is not installed.", "504": "The fill took too long and was stopped.",
    "507": "The disk is full.",
}  # fmt: skip
_UPLOAD = ("400", "408", "413", "415", "429", "507")
_FILL = (*_UPLOAD, "404", "409", "501", "504")


def _responses(good: dict[str, Any], *bad: str) -> dict[str, Any]:
    found = good | {
        status: _json(_WHY[status], "Error") for status in sorted({*bad, "401", "403", "405", "413", "500"})
    }
    if "429" in found:
        found["429"] |= {"headers": {"Retry-After": {"schema": _COUNT, "description": "Seconds until another try."}}}
    return found


def _json(what: str, schema: str) -> dict[str, Any]:
    return {
        "description": what,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
    }


def _form(*, several: bool) -> dict[str, Any]:
    options = "Options" if several else "OneOptions"
    properties = {name: _BINARY | {"description": what} for name, (what, _) in _FILES.items()}
    for name, schema in (("regions", "Regions"), ("options", options)):
        properties[name] = {"$ref": f"#/components/schemas/{schema}"}
    return {"required": True, "content": {"multipart/form-data": {
        "schema": {
            "type": "object", "required": ["image"], "additionalProperties": False, "properties": properties,
            "description": "Exactly one of mask, painted and regions says where to fill.",
        },
        "encoding": {name: {"contentType": "application/json"} for name in ("regions", "options")},
    }}}  # fmt: skip


def _schemas() -> dict[str, Any]:
    options = {
        "method": _TEXT | {"description": "A name that GET /v1/methods lists."},
        "settings": {"type": "object", "description": "Settings of the method, as GET /v1/methods describes them."},
        "grow": _COUNT | {"maximum": 2**31 - 1, "description": "Widen the mask by so many pixels."},
        "seed": _COUNT | {"maximum": 2**31 - 1, "description": "The same seed, the same fill."},
        "candidates": {"type": "integer", "minimum": 1, "maximum": 16, "description": "How many fills to make."},
        "mask_colour": _TEXT | {"description": "What means fill this in the mask: white, black, alpha or a colour."},
        "resize_mask": {"type": "boolean", "description": "Scale a mask of another size to the photo's."},
        "encode_quality": {
            "type": ["integer", "null"],
            "minimum": 1,
            "maximum": 100,
            "description": "Quality of what is encoded with loss; null: what loses little.",
        },
        "page": {"type": ["integer", "null"], "minimum": 1, "description": "The page of a TIFF that has several."},
    }
    options = {name: schema | {"default": OPTIONS[name]} for name, schema in options.items()}
    one = {name: schema for name, schema in options.items() if name != "candidates"}
    box = {"type": "array", "items": {"type": "integer"}, "minItems": 4, "maxItems": 4,
           "description": "x, y, width, height in pixels of the upright photo."}  # fmt: skip
    corner = {"type": "array", "items": _NUMBER, "minItems": 2, "maxItems": 2}
    polygon = {"type": "array", "items": corner, "minItems": 3}
    lists = {"type": "array", "maxItems": LIMITS.regions}
    error = _object(dict.fromkeys(("code", "message", "what", "remedy"), _TEXT))
    result = _object({"seed": _COUNT, "energy": {"type": ["number", "null"]}, "url": _TEXT})
    method = dict.fromkeys(("name", "summary", "source", "good_for", "bad_for", "extra"), _TEXT)
    flags = {name: {"type": "boolean"} for name in ("ready", "draws", "uses_source", "fills_everything")}
    texts = {"type": "array", "items": _TEXT}
    return {
        "Error": _object({"error": error}),
        "Health": _object({"status": {"const": "ok"}, "version": _TEXT, "workers": _COUNT, "waiting": _COUNT}),
        "Methods": _object({"methods": {"type": "array", "items": _object(
            {**method, **flags, "needs": texts, "settings": {"type": "object"}}
        )}}),
        "Options": {"type": "object", "additionalProperties": False, "properties": options},
        "OneOptions": {"type": "object", "additionalProperties": False, "properties": one},
        "Regions": {"type": "object", "additionalProperties": False, "properties": {
            "boxes": lists | {"items": box}, "polygons": lists | {"items": polygon},
        }},
        "Event": _object({"id": _TEXT, "event": {"enum": ["progress", "done", "failed", "cancelled"]}, "data": _TEXT}),
        "Job": _object({
            "id": _TEXT, "state": {"enum": ["queued", "running", "done", "failed", "cancelled"]}, "waiting": _COUNT,
            "done": _NUMBER, "total": _NUMBER, "notes": texts,
            "error": {"anyOf": [error, {"type": "null"}]}, "results": {"type": "array", "items": result},
            "expires_in": {"type": ["integer", "null"], "description": "Seconds that the results are still kept."},
        }),
    }  # fmt: skip


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties, "additionalProperties": False}
