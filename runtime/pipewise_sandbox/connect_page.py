"""The connect page: a button that connects an account, or heals the one there is.

``GET`` shows it, ``POST`` connects and tells the developer's webhook.
"""

from html import escape
from urllib.parse import urlencode

from pipewise_sandbox.accounts import Account, Health
from pipewise_sandbox.catalog import apps
from pipewise_sandbox.connect_tokens import INVALID, ConnectToken
from pipewise_sandbox.reply import Reply, page
from pipewise_sandbox.rest import Ask
from pipewise_sandbox.rest_accounts import account_json
from pipewise_sandbox.webhooks import Webhook, Webhooks

LIMIT_REACHED = "You've hit your limit on the number of external users you can connect."


class ConnectPage:
    """Both halves of the page.

    Args:
        webhooks: Where connection events are delivered from.
    """

    def __init__(self, webhooks: Webhooks) -> None:
        self._webhooks = webhooks

    def show(self, ask: Ask) -> Reply:
        """The page with its button, or why there is none."""
        problem = self._problem(ask)
        if problem is not None:
            return page("Connect", f"<p>{escape(problem)}</p>", 400)
        token, app = self._token_and_app(ask)
        title = apps()[app].title
        action = escape(f"?{urlencode(ask.query)}", quote=True)
        body = (
            f"<p>Connect the {escape(title)} account of <b>{escape(token.user)}</b> "
            f"to {escape(token.place.project)} ({token.place.environment}).</p>"
            f'<form method="post" action="{action}">'
            f'<button type="submit">Connect {escape(title)}</button></form>'
        )
        return page(f"Connect {escape(title)}", body)

    def connect(self, ask: Ask) -> Reply:
        """Use the token up: connect the account and fire the webhook."""
        problem = self._problem(ask)
        if problem is not None:
            return page("Connect", f"<p>{escape(problem)}</p>", 400)
        token, app = self._token_and_app(ask)
        ask.world.connect_tokens.use_up(token.value)
        if not self._has_room(ask, token):
            self._webhooks.deliver(ask.world, _failure(token, app))
            return _onwards(token, "error_redirect_uri") or page("Connect", f"<p>{LIMIT_REACHED}</p>", 403)
        account = _connected(ask, token, app)
        self._webhooks.deliver(ask.world, _success(token, account))
        done = f"<p>Your {escape(apps()[app].title)} account is connected. You may close this page.</p>"
        return _onwards(token, "success_redirect_uri") or page("Connected", done)

    def _problem(self, ask: Ask) -> str | None:
        value = ask.query.get("token", "")
        problem = ask.world.connect_tokens.problem(value, ask.now)
        if problem is not None:
            return problem
        _, app = self._token_and_app(ask)
        return None if app in apps() else f"{INVALID} (no such app: {app or 'none named'})"

    @staticmethod
    def _token_and_app(ask: Ask) -> tuple[ConnectToken, str]:
        token = ask.world.connect_tokens.by_value[ask.query["token"]]
        return token, token.app or ask.query.get("app", "")

    @staticmethod
    def _has_room(ask: Ask, token: ConnectToken) -> bool:
        """Whether the development cap lets this user connect; one who has an account already counts."""
        limit = ask.world.settings.development_user_limit
        if token.place.environment != "development" or limit == 0:
            return True
        users = ask.world.accounts.users(token.place)
        return token.user in users or len(users) < limit


def _connected(ask: Ask, token: ConnectToken, app: str) -> Account:
    """The account, healed if the user had one that did not work, else new."""
    accounts = ask.world.accounts
    broken = [account for account in accounts.at(token.place, token.user, app) if not account.usable]
    if not broken:
        return accounts.add(token.place, token.user, app, ask.now)
    healed = accounts.change(broken[0].id, Health(healthy=True, dead=False), ask.now)
    return healed or broken[0]


def _success(token: ConnectToken, account: Account) -> Webhook:
    return _webhook(token, account.app, {"event": "CONNECTION_SUCCESS", "account": account_json(account)})


def _failure(token: ConnectToken, app: str) -> Webhook:
    return _webhook(token, app, {"event": "CONNECTION_ERROR", "error": LIMIT_REACHED})


def _webhook(token: ConnectToken, app: str, event: dict[str, object]) -> Webhook:
    about = {
        "connect_token": token.value,
        "environment": token.place.environment,
        "connect_session_id": token.session,
    }
    return Webhook(token.targets.get("webhook_uri"), token.user, app, event | about)


def _onwards(token: ConnectToken, target: str) -> Reply | None:
    location = token.targets.get(target)
    return Reply(302, headers=(("Location", location),)) if location else None
