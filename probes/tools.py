"""What checks need to go out, opened once for all of them."""

from probes.canary import SharedCanary
from probes.dialing import Dialer
from probes.guard import Guard
from probes.hosts import Resolver, SystemResolver
from probes.rdap import Registries
from probes.secure import Secure, Trust
from probes.settings import ProberSettings
from probes.web import Web


class Tools:
    """Make it within the running loop, and close it there."""

    def __init__(self, settings: ProberSettings, resolver: Resolver | None = None) -> None:
        self.settings = settings
        self.guard = Guard(private_allowed=settings.private_allowed)
        self._resolver = resolver or SystemResolver(
            settings.nameservers, settings.nameserver_port if settings.nameservers else None
        )
        self.resolver_answers = SharedCanary(self._resolver.answers)
        """Tells a name that nobody answers for from a resolver that is away."""
        self.dialer = Dialer(self.guard, self._resolver)
        self.secure = Secure(self.dialer, Trust(settings.ca_file))
        self.web = Web(self.dialer, self.secure, user_agent=settings.user_agent)
        self.registries = Registries(self.web, settings.rdap_bootstrap_url)

    async def close(self) -> None:
        """Closes what is open."""
        await self.web.close()
        await self._resolver.close()
