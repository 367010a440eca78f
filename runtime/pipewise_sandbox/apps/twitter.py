"""Twitter (X): tweets can be looked up, searched, liked, retweeted and deleted; users exist when named."""

from collections.abc import Mapping

from pipewise_sandbox.action import Action, ActionError, Done, Handler
from pipewise_sandbox.records import Record

_SNOWFLAKE = 1_900_000_000_000_000_000
_LONGEST = 280


def _create(action: Action) -> Done:
    text = action.get("text", "")
    if not text and not action.get("mediaIds"):
        raise ActionError("You must provide text or media for the tweet", "ConfigurationError")
    if len(text) > _LONGEST:
        raise ActionError("Tweet text is longer than 280 characters", "ResponseError")
    identity = _identity(action)
    tweet = {
        "id": identity,
        "text": text,
        "edit_history_tweet_ids": [identity],
        "author_id": _person(action, None)["id"],
        "created_at": action.timestamp(),
        "public_metrics": {"like_count": 0, "retweet_count": 0, "reply_count": 0},
    }
    if replied := action.get("inReplyToTweetId"):
        tweet["referenced_tweets"] = [{"type": "replied_to", "id": replied}]
    action.records.add("tweet", identity, tweet)
    returned = {name: tweet[name] for name in ("id", "text", "edit_history_tweet_ids")}
    return Done({"data": returned}, f"Successfully created tweet {identity}")


def _get(action: Action) -> Done:
    return Done({"data": _tweet(action)}, f"Successfully retrieved tweet {action.get('tweetId')}")


def _delete(action: Action) -> Done:
    _tweet(action)
    action.records.remove("tweet", action.get("tweetId"))
    return Done({"data": {"deleted": True}}, f"Successfully deleted tweet {action.get('tweetId')}")


def _counting(metric: str, change: int, answer: str) -> Handler:
    def run(action: Action) -> Done:
        tweet = action.records.get("tweet", action.get("tweetId"))
        if tweet is not None:
            tweet["public_metrics"][metric] = max(0, tweet["public_metrics"][metric] + change)
        returned = {"data": {answer: change > 0}}
        return Done(returned, f"Successfully completed: {action.tool.title} {action.get('tweetId')}")

    return run


def _search(action: Action) -> Done:
    found = action.records.mentioning("tweet", action.get("query"))[::-1][: action.get("maxResults", 10)]
    meta = {"result_count": len(found)}
    return Done({"data": found, "meta": meta}, f"Successfully retrieved {len(found)} tweets")


def _list_tweets(action: Action) -> Done:
    author = _person(action, action.get("userNameOrId"))["id"]
    found = action.records.having("tweet", author_id=author)[::-1][: action.get("maxResults", 10)]
    return Done({"data": found}, f"Successfully retrieved {len(found)} tweets")


def _get_user(action: Action) -> Done:
    person = _person(action, action.get("userNameOrId"))
    return Done({"data": person}, f"Successfully retrieved user {person['username']}")


def _send_dm(action: Action) -> Done:
    person = _person(action, action.get("userNameOrId"))
    identity = _identity(action)
    message = {"dm_event_id": identity, "dm_conversation_id": f"{person['id']}-{identity}"}
    action.records.add("dm", identity, message | {"text": action.get("text"), "to": person["id"]})
    return Done({"data": message}, f"Successfully sent message to {person['username']}")


def _following(follows: bool) -> Handler:  # noqa: FBT001 - the two handlers differ in nothing else
    def run(action: Action) -> Done:
        person = _person(action, action.get("userNameOrId"))
        person["followed"] = follows
        return Done({"data": {"following": follows}}, f"Successfully completed: {action.tool.title}")

    return run


def _identity(action: Action) -> str:
    return str(_SNOWFLAKE + action.number())


def _tweet(action: Action) -> Record:
    tweet = action.records.get("tweet", action.get("tweetId"))
    if tweet is None:
        raise ActionError(f"Could not find tweet with id: [{action.get('tweetId')}].", "ResponseError")
    return tweet


def _person(action: Action, name: str | None) -> Record:
    """The user with this name or id; without one, the account's owner. A user exists once named."""
    wanted = (name or "me").removeprefix("@")
    known = action.records.get("user", wanted)
    if known is not None:
        return known
    identity = wanted if wanted.isdigit() else _identity(action)
    username = "sandbox_owner" if name is None else wanted
    person = {"id": identity, "username": username, "name": username.replace("_", " ").title()}
    for key in (wanted, identity, username):
        action.records.add("user", key, person)
    return person


HANDLERS: Mapping[str, Handler] = {
    "create-tweet": _create,
    "get-tweet": _get,
    "delete-tweet": _delete,
    "like-tweet": _counting("like_count", 1, "liked"),
    "unlike-tweet": _counting("like_count", -1, "liked"),
    "retweet": _counting("retweet_count", 1, "retweeted"),
    "simple-search": _search,
    "list-user-tweets": _list_tweets,
    "get-user": _get_user,
    "send-dm": _send_dm,
    "follow-user": _following(follows=True),
    "unfollow-user": _following(follows=False),
}
