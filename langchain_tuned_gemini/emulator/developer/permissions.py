"""`tunedModels.permissions`: who else may use a tuned model.

No body of this part of the API was ever published: it follows the reference
(google-ai-generativelanguage 0.6.15, types/permission.py and permission_service.py).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from langchain_tuned_gemini.emulator.developer.tuned_models import find
from langchain_tuned_gemini.emulator.http.errors import ApiError
from langchain_tuned_gemini.emulator.http.paging import page
from langchain_tuned_gemini.emulator.http.wire import GRANTEE_TYPES, ROLES, JsonObject, compact
from langchain_tuned_gemini.emulator.state.tuned_model import Permission, TunedModelRecord

if TYPE_CHECKING:
    from langchain_tuned_gemini.emulator.http.requests import Message, MethodCall
    from langchain_tuned_gemini.emulator.state.store import Store


def create(store: Store, call: MethodCall) -> JsonObject:
    """Shares a tuned model."""
    record, body = find(store, call.model), call.body
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
    granted = Permission(store.random_id(12), grantee_type, _role(body), email)
    store.change(record, permissions=(*record.permissions, granted))
    return _shown(record, granted)


def get(store: Store, call: MethodCall) -> JsonObject:
    """One permission."""
    return _shown(*_find(store, call))


def list_(store: Store, call: MethodCall) -> JsonObject:
    """A page of the permissions of a tuned model."""
    record = find(store, call.model)
    ordered = sorted(record.permissions, key=lambda p: p.id)
    return page(call, "permissions", ordered, lambda p: p.id, lambda p: _shown(record, p))


def patch(store: Store, call: MethodCall) -> JsonObject:
    """Changes the role, which is all that can be changed."""
    record, granted = _find(store, call)
    if not set(call.update_mask) <= {"role", "*"}:
        raise ApiError(400, "* UpdatePermissionRequest.update_mask: only role can be updated\n")
    changed = replace(granted, role=_role(call.body))
    permissions = tuple(changed if p is granted else p for p in record.permissions)
    store.change(record, permissions=permissions)
    return _shown(record, changed)


def delete(store: Store, call: MethodCall) -> JsonObject:
    """Takes a permission back."""
    record, granted = _find(store, call)
    store.change(record, permissions=tuple(p for p in record.permissions if p is not granted))
    return {}


def _find(store: Store, call: MethodCall) -> tuple[TunedModelRecord, Permission]:
    record = find(store, call.model)
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


def _shown(record: TunedModelRecord, granted: Permission) -> JsonObject:
    return compact(
        name=f"{record.name}/permissions/{granted.id}",
        granteeType=granted.grantee_type,
        emailAddress=granted.email,
        role=granted.role,
    )
