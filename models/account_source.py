"""A source of discovery: accounts that work already. No model."""

from ..autoconfig import Server, Settings


class AccountSource:
    """Gives a colleague of somebody whose account works the same settings, without any look-up.

    :param accounts: an empty recordset of `email.account` in the environment of who asks
    """

    name = "account"
    rank = 1
    # whether it answers was seen when the account was checked, and the login comes next
    probe = False

    def __init__(self, accounts):
        self._accounts = accounts

    async def find(self, address, _network, report):
        """Return the settings of the best account of the domain; see `autoconfig.sources.Source`."""
        account = self._accounts._find_working_account(address.domain)
        servers = [
            Server(
                protocol=account._get_protocol(direction),
                host=account[f"{direction}_host"],
                port=account[f"{direction}_port"],
                security=account[f"{direction}_security"],
                username=_get_form(account, direction, address),
                authentication=("password-cleartext",),
            )
            for direction in account._get_working_directions()
        ]
        if servers:
            report(", ".join(dict.fromkeys(server.host for server in servers)))
        return Settings.of(servers, source=self.name, provider=str(account.provider_id.id or ""))


def _get_form(account, direction, address):
    """Return the user name for ``address``, made as the account's is; "" when that is another word."""
    username = account._get_username(direction)
    forms = {account.email.lower(): str(address), account.email.partition("@")[0].lower(): address.local}
    return forms.get(username.lower(), "")
