"""The three agents, their tools and handoffs."""

from agents import OpenAIResponsesModel

from pipewise_agents import Connections, create_mcp_servers_for_user, team
from pipewise_agents.model_choice import chosen_model, run_config
from pipewise_agents.roles import ROLES


def test_every_agent_hands_over_to_whom_it_should() -> None:
    made = team("any-model", Connections({}))
    wired = {
        agent.name: [other.name for other in agent.handoffs if hasattr(other, "name")]
        for agent in (made.coordinator, made.meeting_scheduler, made.lead_administrator)
    }
    assert wired == {
        "Coordinator": ["Lead Administrator", "Meeting Scheduler"],
        "Meeting Scheduler": ["Coordinator"],
        "Lead Administrator": ["Coordinator"],
    }


def test_every_agent_has_its_own_local_tools_and_servers() -> None:
    servers = {agent: create_mcp_servers_for_user("user-42", agent) for agent in ROLES}
    made = team(None, Connections(servers))
    assert [tool.name for tool in made.coordinator.tools] == []
    assert [tool.name for tool in made.meeting_scheduler.tools] == ["get_leads_to_contact"]
    assert [tool.name for tool in made.lead_administrator.tools] == [
        "create_lead_in_database",
        "update_lead_qualification",
    ]
    assert made.coordinator.mcp_servers == servers["coordinator"]
    assert made.meeting_scheduler.mcp_servers == servers["meeting-scheduler"]
    assert made.lead_administrator.mcp_servers == servers["lead-administrator"]


def test_traces_go_nowhere_but_to_openai_itself_and_never_with_content() -> None:
    offline, other, own = (
        run_config({}),
        run_config({"OPENAI_API_KEY": "k", "OPENAI_BASE_URL": "http://other"}),
        run_config({"OPENAI_API_KEY": "k"}),
    )
    assert [offline.tracing_disabled, other.tracing_disabled, own.tracing_disabled] == [True, True, False]
    assert not own.trace_include_sensitive_data


async def test_openais_own_models_are_asked_in_openais_own_way() -> None:
    environment = {"OPENAI_API_KEY": "k", "OPENAI_MODEL": "some-model"}
    async with chosen_model(environment, (), {}) as model:
        assert isinstance(model, OpenAIResponsesModel)
        assert model.model == "some-model"
