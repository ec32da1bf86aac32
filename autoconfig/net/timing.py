"""``asyncio.timeout`` in all supported versions of Python."""

import sys

if sys.version_info >= (3, 11):
    from asyncio import timeout as time_limit
else:
    from async_timeout import timeout as time_limit  # comes with aiohttp there

__all__ = ["time_limit"]
