"""What is served at the moment: projects, bindings, the providers they use, and what each agent may see."""

from dataclasses import dataclass, field

from pipewise_crds import Verdict

from .changes import ToolChanges
from .clock import Clock
from .core.breaker import Breaker
from .core.catalogue import Catalogue, Offer, Toolset, catalogue
from .core.evidence import Evidence
from .demo import Demo
from .metrics import Metrics
from .providers import Provider
from .served import Project, ServedBinding, ServedService

_NO_TOOLS = Toolset(())


@dataclass(slots=True)
class Registry:
    """The state that sources write and calls read; every change is one synchronous step."""

    clock: Clock
    evidence: Evidence
    metrics: Metrics
    demo: Demo
    changes: ToolChanges = field(default_factory=ToolChanges)
    projects: dict[str, Project] = field(default_factory=dict)
    providers: dict[tuple[str, str], Provider] = field(default_factory=dict)
    user_breakers: dict[tuple[str, str], Breaker] = field(default_factory=dict)
    """By (binding, service); only of users in trouble."""
    _by_name: dict[str, ServedBinding] = field(default_factory=dict)
    _by_caller: dict[tuple[str, str], ServedBinding] = field(default_factory=dict)
    _catalogues: dict[tuple[Offer, ...], Catalogue] = field(default_factory=dict)
    _settled: dict[str, Catalogue] = field(default_factory=dict)
    """By the name of a binding whose live apps were all looked at; until an app lists other tools."""

    def __len__(self) -> int:
        return len(self._by_name)

    def binding(self, agent: str, user: str) -> ServedBinding | None:
        """The binding served for an agent and user."""
        return self._by_caller.get((agent, user))

    def named(self, name: str) -> ServedBinding | None:
        """The binding of that name, as it is now."""
        return self._by_name.get(name)

    def provider(self, binding: ServedBinding, service: ServedService) -> Provider:
        """The provider behind a service of a served binding."""
        return self.providers[binding.project, service.app]

    def providers_of(self, binding: ServedBinding) -> list[Provider]:
        """The providers behind the live services of a binding; none where it is not served any more."""
        keys = ((binding.project, service.app) for service in binding.live())
        return [self.providers[key] for key in keys if key in self.providers]

    def serves(self, binding: ServedBinding, service: ServedService) -> bool:
        """Whether that agent and user still have that service, with that account."""
        now = self.binding(binding.agent, binding.user)
        if now is None or (now.name, now.project) != (binding.name, binding.project):
            return False
        same = now.service(service.name)
        return same is not None and (same.app, same.account_id) == (service.app, service.account_id)

    def representative(self, provider: Provider) -> tuple[ServedBinding, ServedService] | None:
        """Whose session a probe uses: of one not in trouble if possible; None where nobody is left."""
        if not provider.users:
            return None
        troubled = {name for name, _ in self.user_breakers}
        well = (name for name in provider.users if name not in troubled)
        binding = self._by_name[next(well, None) or next(iter(provider.users))]
        return binding, next(service for service in binding.live() if service.app == provider.app)

    def in_trouble_with(self, provider: Provider) -> list[tuple[ServedBinding, ServedService, Breaker]]:
        """The users of a provider who have a breaker of their own."""
        found = []
        for (name, service_name), breaker in self.user_breakers.items():
            binding = self._by_name.get(name)
            service = binding.service(service_name) if binding else None
            if binding and service and (binding.project, service.app) == (provider.project, provider.app):
                found.append((binding, service, breaker))
        return found

    def put_project(self, project: Project) -> None:
        """Take up a project."""
        self.projects[project.name] = project

    def drop_project(self, name: str) -> None:
        """Forget a project; its bindings cannot be served until it is back."""
        self.projects.pop(name, None)

    def put(self, binding: ServedBinding) -> ServedBinding | None:
        """Take up a binding; returns what it replaces."""
        before = self._by_name.get(binding.name)
        self._settled.pop(binding.name, None)
        if before:
            self._settle_accounts(before, binding)
            self._unlink(before, keep=binding)
            self._forget_caller(before)
        self._by_name[binding.name] = binding
        self._by_caller[binding.agent, binding.user] = binding
        for service in binding.services:
            self.metrics.know_demo(binding.agent, service.app)  # any of them may fall back to it
        for service in binding.live():
            self._link(binding, service)
        self.metrics.bindings.set(len(self))
        return before

    def drop(self, name: str) -> ServedBinding | None:
        """Stop serving a binding; returns it."""
        binding = self._by_name.pop(name, None)
        self._settled.pop(name, None)
        if binding:
            self._forget_caller(binding)
            self._unlink(binding, keep=None)
            self.evidence.binding_gone(name)
            self.metrics.bindings.set(len(self))
        return binding

    def settled(self, binding: ServedBinding) -> Catalogue | None:
        """What the agent sees, where every live app of the binding was looked at: for sure, and fast."""
        known = self._settled.get(binding.name)
        return known if known and self._by_name.get(binding.name) is binding else None

    def catalogue(self, binding: ServedBinding) -> Catalogue:
        """What the agent sees now; bindings that offer the same share one."""
        if settled := self.settled(binding):
            return settled
        offers = tuple(self._offer(binding, service) for service in binding.services)
        known = self._catalogues.get(offers)
        if known is None:
            if len(self._catalogues) >= _MOST_CATALOGUES:
                self._catalogues.clear()
            known = self._catalogues[offers] = catalogue(offers)
        is_current = self._by_name.get(binding.name) is binding
        if is_current and all(provider.looked.is_set() for provider in self.providers_of(binding)):
            self._settled[binding.name] = known
        return known

    def _offer(self, binding: ServedBinding, service: ServedService) -> Offer:
        if binding.is_demo(service):
            toolset = self.demo.toolset(service.app)
        else:
            provider = self.providers.get((binding.project, service.app))
            toolset = provider.toolset if provider and provider.toolset else _NO_TOOLS
        return Offer(service.name, service.allow, service.deny, toolset)

    def _settle_accounts(self, before: ServedBinding, binding: ServedBinding) -> None:
        """An account that is listed as healthy now and was not before mends what calls met."""
        for service in binding.services:
            was = before.service(service.name)
            met = self.evidence.exception(binding.name, service.name)
            mended = was and was.account != "Healthy" and service.account == "Healthy"
            if mended and met and met.verdict is Verdict.CREDENTIAL_INVALID:
                self.evidence.settled(binding.name, service.name)

    def _forget_caller(self, binding: ServedBinding) -> None:
        if self._by_caller.get((binding.agent, binding.user)) is binding:
            del self._by_caller[binding.agent, binding.user]

    def _link(self, binding: ServedBinding, service: ServedService) -> None:
        key = (binding.project, service.app)
        if key not in self.providers:
            self.providers[key] = Provider(
                *key, self.clock, self.evidence, self.metrics, on_new_tools=self._settled.clear
            )
            self.providers[key].breaker.ask_for_probe(self.clock.monotonic())
        self.providers[key].users[binding.name] = binding
        self.metrics.know_app(binding.project, binding.agent, service.app)

    def _unlink(self, binding: ServedBinding, keep: ServedBinding | None) -> None:
        kept_apps = {(keep.project, service.app) for service in keep.live()} if keep else set()
        kept_places = {(keep.project, each.name, each.app) for each in keep.services} if keep else set()
        for service in binding.services:
            if (binding.project, service.name, service.app) not in kept_places:
                self.user_breakers.pop((binding.name, service.name), None)
                self.evidence.settled(binding.name, service.name)
        for service in binding.live():
            key = (binding.project, service.app)
            provider = self.providers.get(key)
            if provider and key not in kept_apps:
                provider.users.pop(binding.name, None)
                if not provider.users:
                    del self.providers[key]
                    self.evidence.provider_gone(*key)
                    self.metrics.forget_app(*key)


_MOST_CATALOGUES = 64
"""Different catalogues kept; agents of one kind share one, so few are in use at a time."""
