"""Where the user guide tells of which provider: one place for its generator (``make guide``) and for Odoo.

The pages are the files of ``docs/``; Odoo serves them under `URL`. No Odoo is imported here.
"""

from dataclasses import dataclass

URL = "/email_account/docs"
ID_PREFIX = "provider_"
OTHERS = "providers.html"


@dataclass(frozen=True)
class Topic:
    """A page about one popular service.

    :ivar name: of its file, without the suffix
    :ivar kind: the group of the navigation that it stands in
    :ivar providers: its providers, the first ones first: ``zoho`` stands for ``provider_zoho`` and for all
        ``provider_zoho_…``
    """

    name: str
    title: str
    kind: str
    providers: tuple[str, ...]

    @property
    def page(self):
        return f"{self.name}.html"

    def get_rank(self, provider_id):
        """Return the place of a provider on the page, None if it does not belong there."""
        anchor = get_anchor(provider_id)
        ranks = (n for n, name in enumerate(self.providers) if f"{anchor}_".startswith(f"{name}_"))
        return next(ranks, None)


def _topics(kind, *topics):
    return tuple(Topic(name, title, kind, tuple(providers.split())) for name, title, providers in topics)


TOPICS = (
    *_topics(
        "Mailboxes",
        ("gmail", "Gmail and Google Workspace", "gmail google_workspace"),
        ("outlook", "Outlook.com and Microsoft 365", "outlook microsoft_365"),
        ("yahoo", "Yahoo and AOL", "yahoo aol verizon cox"),
        ("icloud", "iCloud Mail", "icloud"),
        ("gmx", "GMX, WEB.DE and mail.com", "gmx web_de mail_com"),
        ("zoho", "Zoho Mail", "zoho"),
        ("fastmail", "Fastmail", "fastmail"),
        ("proton", "Proton Mail", "proton"),
        ("mailbox-org", "mailbox.org", "mailbox_org"),
        ("yandex", "Yandex Mail", "yandex"),
        ("mail-ru", "Mail.ru and VK WorkSpace", "mail_ru vk_workspace"),
        ("qq-163", "QQ Mail and NetEase 163", "qq 163 126 yeah netease"),
    ),
    *_topics(
        "Mail with hosting",
        ("ionos", "IONOS and 1&1", "ionos 1und1"),
        ("strato", "STRATO", "strato"),
        ("ovh", "OVHcloud", "ovh"),
        ("hostinger", "Hostinger", "hostinger"),
        ("godaddy", "GoDaddy", "godaddy"),
        ("namecheap", "Namecheap", "namecheap"),
        ("infomaniak", "Infomaniak", "infomaniak"),
        ("migadu", "Migadu", "migadu"),
        ("titan", "Titan", "titan"),
        ("rackspace", "Rackspace", "rackspace"),
        ("alibaba", "Alibaba Mail", "alibaba"),
        ("tencent-exmail", "Tencent Exmail", "tencent_exmail"),
    ),
    *_topics(
        "For sending only",
        (
            "relays",
            "Relays for sending",
            "sendgrid mailgun amazon_ses postmark brevo mailjet sparkpost elastic_email mailersend resend "
            "smtp2go",
        ),
    ),
)


def get_url(page="index.html"):
    """Return the address of a page in Odoo, without the host."""
    return f"{URL}/{page}"


def get_anchor(provider_id):
    """Return what a provider's place in the guide is called.

    :param str provider_id: as in the data file, ``provider_gmail``
    """
    return provider_id.removeprefix(ID_PREFIX)


def get_topic(provider_id):
    """Return the `Topic` that tells of a provider, None if it has its place among the others."""
    return next((topic for topic in TOPICS if topic.get_rank(provider_id) is not None), None)


def get_provider_page(provider_id):
    """Return page and anchor of a provider: ``gmail.html#gmail``."""
    topic = get_topic(provider_id)
    return f"{topic.page if topic else OTHERS}#{get_anchor(provider_id)}"


def get_provider_url(xml_id):
    """Return the address, in Odoo, of what the guide says about a provider; "" if it says nothing.

    :param str xml_id: external id of an ``email.provider``, or ""; the guide knows those of this addon
    """
    module, _, provider_id = (xml_id or "").partition(".")
    if module != "email_account" or not provider_id.startswith(ID_PREFIX):
        return ""
    return get_url(get_provider_page(provider_id))
