"""What the receiving side says about a mail, and what DNS says about its sender's domain.

Plain Python, no Odoo; it opens no socket: who calls brings the DNS (:class:`Dns`).
"""

from .codes import CODES
from .examine import examine
from .finding import Finding
from .lookups import Dns, DnsError

__all__ = ["CODES", "Dns", "DnsError", "Finding", "examine"]
