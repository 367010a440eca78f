"""The bodies of the admin API, and the seed file made of them."""

from datetime import datetime

from pydantic import Field

from pipewise_sandbox.accounts import Health, Place
from pipewise_sandbox.projects import Project
from pipewise_sandbox.settings import Body, Settings
from pipewise_sandbox.world import World, now


class ProjectBody(Body):
    """A project and its client. ``environment`` is taken and means nothing: a project has both."""

    project_id: str = Field(alias="projectID")
    client_id: str = Field(alias="clientID")
    client_secret: str
    environment: str | None = None

    def plant(self, world: World) -> None:
        """Add it to a world."""
        world.projects.add(Project(self.project_id, self.client_id, self.client_secret))


class AccountBody(Body):
    """A connected account. The development cap does not apply to accounts made this way."""

    project: str
    environment: str = "development"
    user: str
    app: str
    healthy: bool = True
    dead: bool = False
    error: str | None = None

    def plant(self, world: World, moment: datetime) -> str:
        """Add it to a world; its id."""
        account = world.accounts.add(Place(self.project, self.environment), self.user, self.app, moment)
        if not self.healthy or self.dead:
            world.accounts.change(account.id, Health(self.healthy, self.dead, self.error), moment)
        return account.id


class HealthBody(Body):
    """A change of an account's health."""

    healthy: bool | None = None
    dead: bool | None = None
    error: str | None = None


class ExpireBody(Body):
    """Whose tokens expire; everybody's without a project."""

    project: str | None = None


class Seed(Body):
    """What a sandbox starts with."""

    projects: tuple[ProjectBody, ...] = ()
    accounts: tuple[AccountBody, ...] = ()
    settings: Settings = Settings()


def planted(seed: Seed) -> World:
    """A new world with a seed in it."""
    world = World(settings=seed.settings)
    for project in seed.projects:
        project.plant(world)
    moment = now()
    for account in seed.accounts:
        account.plant(world, moment)
    return world
