"""Connect REST on accounts, external users and apps."""

import base64
import binascii
import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

from pipewise_sandbox.accounts import Account, Place
from pipewise_sandbox.action import timestamp
from pipewise_sandbox.catalog import apps
from pipewise_sandbox.reply import Reply, as_json, not_found, too_many
from pipewise_sandbox.rest import Ask

_Item = TypeVar("_Item")

_LARGEST_PAGE = 100
_REFRESHED_EVERY = timedelta(hours=1)


def list_accounts(ask: Ask) -> Reply:
    """``GET /accounts``: filtered by ``external_user_id`` and ``app``, in pages."""
    if (limited := _limited(ask)) is not None:
        return limited
    user, app = ask.query.get("external_user_id"), ask.query.get("app")
    found = ask.world.accounts.at(ask.place, user, _slug(app) if app else None)
    return _paged(ask, {account.id: account for account in found}, account_json)


def list_user_accounts(ask: Ask) -> Reply:
    """``GET /users/{user}/accounts``: a bare list, unlike ``/accounts``, as Pipedream's client wants it."""
    if (limited := _limited(ask)) is not None:
        return limited
    app = ask.query.get("app")
    found = ask.world.accounts.at(ask.place, ask.path["user"], _slug(app) if app else None)
    return as_json([account_json(account) for account in found])


def get_account(ask: Ask) -> Reply:
    """``GET /accounts/{id}``."""
    if (limited := _limited(ask)) is not None:
        return limited
    account = ask.world.accounts.by_id.get(ask.path["account"])
    return as_json(account_json(account)) if account and account.place == ask.place else not_found()


def delete_account(ask: Ask) -> Reply:
    """``DELETE /accounts/{id}``."""
    if (limited := _limited(ask)) is not None:
        return limited
    account = ask.world.accounts.by_id.get(ask.path["account"])
    if account is None or account.place != ask.place:
        return not_found()
    ask.world.accounts.remove(account.id)
    return Reply(204)


def delete_app_accounts(ask: Ask) -> Reply:
    """``DELETE /apps/{app}/accounts``: every account of one app."""
    for account in ask.world.accounts.at(ask.place, app=_slug(ask.path["app"])):
        ask.world.accounts.remove(account.id)
    return Reply(204)


def list_users(ask: Ask) -> Reply:
    """``GET /users``: the external users that have an account."""
    asked = ask.query.get("q", "").casefold()
    users = [user for user in ask.world.accounts.users(ask.place) if asked in user.casefold()]
    return _paged(ask, {_user_id(ask.place, user): user for user in users}, partial(_user_json, ask))


def delete_user(ask: Ask) -> Reply:
    """``DELETE /users/{user}``: the user with all accounts."""
    found = ask.world.accounts.at(ask.place, ask.path["user"])
    for account in found:
        ask.world.accounts.remove(account.id)
    return Reply(204) if found else not_found()


def list_apps(ask: Ask) -> Reply:
    """``GET /apps``: the apps on offer."""
    asked = ask.query.get("q", "").casefold()
    found = [slug for slug, app in apps().items() if asked in slug or asked in app.title.casefold()]
    return _paged(ask, {_app_id(slug): slug for slug in found}, _app_json)


def account_json(account: Account) -> dict[str, Any]:
    """An account as the API shows it."""
    refreshed = account.updated_at if account.usable else account.created_at
    return {
        "id": account.id,
        "name": None,
        "external_id": account.user,
        "healthy": account.healthy and not account.dead,
        "dead": account.dead,
        "app": _app_json(account.app),
        "created_at": timestamp(account.created_at),
        "updated_at": timestamp(account.updated_at),
        "authorized_scopes": [],
        "expires_at": None,
        "error": account.error,
        "last_refreshed_at": timestamp(refreshed),
        "next_refresh_at": None if account.dead else timestamp(refreshed + _REFRESHED_EVERY),
    }


def _app_json(slug: str) -> dict[str, Any]:
    known = apps().get(slug)
    return {
        "id": _app_id(slug),
        "name_slug": slug,
        "name": known.title if known else slug,
        "auth_type": known.auth_type if known else "oauth",
        "description": "",
        "img_src": f"https://assets.pipedream.net/s.v0/{_app_id(slug)}/logo/48",
        "custom_fields_json": "[]",
        "categories": [],
        "featured_weight": 1000,
        "scope_profiles": [],
    }


def _user_json(ask: Ask, user: str) -> dict[str, Any]:
    first = ask.world.accounts.at(ask.place, user)[0]
    moments = {"created_at": timestamp(first.created_at), "updated_at": timestamp(first.updated_at)}
    return {"id": _user_id(ask.place, user), "external_id": user, **moments}


def _user_id(place: Place, user: str) -> str:
    digest = hashlib.sha256(f"{place.project} {place.environment} {user}".encode()).hexdigest()
    return f"exu_{digest[:8]}"


def _app_id(slug: str) -> str:
    return f"app_{hashlib.sha256(slug.encode()).hexdigest()[:6]}"


def _slug(asked: str) -> str:
    """The slug of an app asked for by slug or by id."""
    return next((slug for slug in apps() if asked == _app_id(slug)), asked)


def _limited(ask: Ask) -> Reply | None:
    settings, key = ask.world.settings, ("accounts", ask.place.project)
    limit, window = settings.account_requests, settings.account_window_seconds
    wait = ask.world.limits.hit(key, limit, window, ask.now.timestamp())
    return None if wait is None else too_many(wait)


def _paged(ask: Ask, items: Mapping[str, _Item], shown: Callable[[_Item], dict[str, Any]]) -> Reply:
    """One page of items by id, between the cursors ``after`` and ``before``, which are ids in base 64."""
    identities = list(items)
    start, end = 0, len(items)
    if after := ask.query.get("after"):
        start = _place_of(after, identities, default=len(items) - 1) + 1
    if before := ask.query.get("before"):
        end = _place_of(before, identities, default=0)
    limit = _limit(ask.query.get("limit", ""))
    page = identities[start:end][-limit:] if "before" in ask.query else identities[start:end][:limit]
    info: dict[str, Any] = {"total_count": len(items), "count": len(page)}
    info |= {
        "start_cursor": _cursor(page[0]) if page else None,
        "end_cursor": _cursor(page[-1]) if page else None,
    }
    return as_json({"page_info": info, "data": [shown(items[identity]) for identity in page]})


def _limit(asked: str) -> int:
    return max(1, min(int(asked), _LARGEST_PAGE)) if asked.isdigit() else _LARGEST_PAGE


def _cursor(identity: str) -> str:
    return base64.b64encode(identity.encode()).decode()


def _place_of(cursor: str, identities: Sequence[str], default: int) -> int:
    try:
        return identities.index(base64.b64decode(cursor, validate=True).decode())
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return default
