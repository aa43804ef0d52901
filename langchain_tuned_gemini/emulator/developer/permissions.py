"""`tunedModels.permissions`: who else may use a tuned model.

No body of this part of the API was ever published: it follows the reference
(google-ai-generativelanguage 0.6.15, types/permission.py and permission_service.py).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.developer import tuned_model_resource
from langchain_tuned_gemini.emulator.developer.tuned_model import Permission
from langchain_tuned_gemini.emulator.developer.tuned_models import find
from langchain_tuned_gemini.emulator.http.errors import ApiError
from langchain_tuned_gemini.emulator.http.paging import page
from langchain_tuned_gemini.emulator.http.wire import (
    GRANTEE_TYPES,
    ROLES,
    camel_case,
    compact,
)

if TYPE_CHECKING:
    from langchain_tuned_gemini.emulator.developer.tuned_model import TunedModelRecord
    from langchain_tuned_gemini.emulator.http.requests import Call
    from langchain_tuned_gemini.emulator.http.wire import JsonObject, Message
    from langchain_tuned_gemini.emulator.store import World


def create(world: World, call: Call) -> JsonObject:
    """Shares a tuned model.

    Raises:
        ApiError: 400 for a role that can't be given or a missing address, 409 if the
            grantee has a permission already.
    """
    record, body = find(world, call.model or ""), call.body
    grantee_type = body.enum("granteeType", GRANTEE_TYPES)
    email = body.text("emailAddress")
    if grantee_type == GRANTEE_TYPES[0]:
        raise ApiError(400, "* CreatePermissionRequest.permission.grantee_type: is required\n")
    if (grantee_type == "EVERYONE") == bool(email):
        msg = "* CreatePermissionRequest.permission.email_address: goes with USER and GROUP\n"
        raise ApiError(400, msg)
    if any((p.grantee_type, p.email) == (grantee_type, email) for p in record.permissions):
        msg = f"{record.name} has a permission for {email or 'everyone'} already."
        raise ApiError(409, msg, status="ALREADY_EXISTS")
    granted = Permission(world.random_id(12), grantee_type, _role(body), email)
    world.change(record, permissions=(*record.permissions, granted))
    return tuned_model_resource.permission(record, granted)


def get(world: World, call: Call) -> JsonObject:
    """One permission."""
    return tuned_model_resource.permission(*_find(world, call))


def list_(world: World, call: Call) -> JsonObject:
    """A page of the permissions of a tuned model."""
    record = find(world, call.model or "")
    ordered = sorted(record.permissions, key=lambda p: p.id)
    shown, token = page(call, ordered, lambda p: p.id)
    return compact(
        permissions=[tuned_model_resource.permission(record, granted) for granted in shown],
        nextPageToken=token,
    )


def patch(world: World, call: Call) -> JsonObject:
    """Changes the role, which is all that can be changed.

    Raises:
        ApiError: 400 for another field or a role that can't be given.
    """
    record, granted = _find(world, call)
    if camel_case(call.parameter("updateMask")) not in ("", "role", "*"):
        raise ApiError(400, "* UpdatePermissionRequest.update_mask: only role can be updated\n")
    changed = replace(granted, role=_role(call.body))
    permissions = tuple(changed if p is granted else p for p in record.permissions)
    world.change(record, permissions=permissions)
    return tuned_model_resource.permission(record, changed)


def delete(world: World, call: Call) -> JsonObject:
    """Takes a permission back."""
    record, granted = _find(world, call)
    world.change(record, permissions=tuple(p for p in record.permissions if p is not granted))
    return {}


def _find(world: World, call: Call) -> tuple[TunedModelRecord, Permission]:
    record = find(world, call.model or "")
    for granted in record.permissions:
        if call.name == f"{record.name}/permissions/{granted.id}":
            return record, granted
    raise ApiError(404, f"Permission {call.name} does not exist.")


def _role(body: Message) -> str:
    role = body.enum("role", ROLES)
    if role not in ("WRITER", "READER"):
        # There is one owner; transferOwnership changes who.
        raise ApiError(400, "* Permission.role: must be WRITER or READER\n")
    return role


HANDLERS = {
    "permissions.create": create,
    "permissions.get": get,
    "permissions.list": list_,
    "permissions.patch": patch,
    "permissions.delete": delete,
}
