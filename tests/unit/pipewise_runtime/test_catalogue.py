"""What an agent sees of its services' tools."""

import json
from fnmatch import fnmatchcase

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipewise_runtime.core.catalogue import LONGEST_NAME, Offer, Tool, Toolset, catalogue, tool_from

NAMES = st.text("ab-", min_size=1, max_size=4) | st.text("ab", min_size=60, max_size=70)
GLOBS = st.lists(st.text("ab-*?", min_size=1, max_size=4), max_size=3).map(tuple)
SERVICES = st.text("ab", min_size=1, max_size=3) | st.text("ab", min_size=60, max_size=63)


def tool(name: str) -> Tool:
    return tool_from(b'{ "name":"%b",  "inputSchema": {"type":"object"}}' % name.encode())


TOOLSETS = st.lists(NAMES.map(tool), max_size=6).map(tuple).map(Toolset)
OFFERS = st.lists(
    st.builds(Offer, SERVICES, GLOBS, GLOBS, TOOLSETS), max_size=4, unique_by=lambda offer: offer.service
)


@given(OFFERS)
def test_names_are_unique_and_short_and_lead_to_the_right_tool(offers: list[Offer]) -> None:
    made = catalogue(offers)
    listed = json.loads(made.listing)["tools"]
    assert [entry["name"] for entry in listed] == list(made.routes)
    assert all(len(name) <= LONGEST_NAME for name in made.routes)
    for route in made.routes.values():
        assert offers[route.service].allows(route.tool.name)
    reached = [(route.service, route.tool.name) for route in made.routes.values()]
    wanted = {
        (place, each.name)
        for place, offer in enumerate(offers)
        for each in offer.toolset.tools
        if offer.allows(each.name)
    }
    assert len(reached) == len(wanted)
    assert set(reached) == wanted


@given(NAMES, GLOBS, GLOBS)
def test_deny_wins_and_an_empty_allow_list_allows_all(
    name: str, allow: tuple[str, ...], deny: tuple[str, ...]
) -> None:
    allowed = Offer("s", allow, deny, Toolset(())).allows(name)
    denied = any(fnmatchcase(name, glob) for glob in deny)
    assert allowed == (not denied and (not allow or any(fnmatchcase(name, glob) for glob in allow)))


@given(TOOLSETS)
def test_definitions_pass_byte_for_byte_where_the_name_stays(toolset: Toolset) -> None:
    made = catalogue([Offer("s", (), (), toolset)])
    for name, route in made.routes.items():
        if name == route.tool.name:
            assert route.tool.definition in made.listing


def test_a_renamed_definition_keeps_all_other_fields_as_they_are() -> None:
    odd = tool_from(b'{"name":"t","x": 1.50, "annotations":{"readOnlyHint":true,"y":"\\u00f1"}}')
    assert odd.read_only
    renamed = odd.named("s_t")
    assert b'"x":1.50' in renamed
    assert b'"\\u00f1"' in renamed
    assert json.loads(renamed)["name"] == "s_t"


def test_two_services_of_one_app_are_told_apart_by_the_services_name() -> None:
    both = Toolset((tool("send"),))
    made = catalogue([Offer("work", (), (), both), Offer("private", (), (), both)])
    assert {name: route.service for name, route in made.routes.items()} == {"send": 0, "private_send": 1}


def test_a_name_that_must_be_cut_is_the_same_whatever_else_is_offered() -> None:
    long, other = tool("a" * 70), tool("b")
    alone = catalogue([Offer("s", (), (), Toolset((long,)))])
    together = catalogue([Offer("s", (), (), Toolset((other, long)))])
    assert set(alone.routes) < set(together.routes)


@pytest.mark.parametrize("annotations", ["", ',"annotations":null', ',"annotations":{}'])
def test_a_tool_that_does_not_say_so_is_not_read_only(annotations: str) -> None:
    assert not tool_from(f'{{"name":"t"{annotations}}}'.encode()).read_only


@pytest.mark.parametrize("definition", [b"{}", b"5", b'{"name":5}', b'{"name":"t","annotations":5}', b"{"])
def test_what_is_no_definition_is_refused(definition: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        tool_from(definition)
