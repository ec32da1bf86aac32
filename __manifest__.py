{
    "name": "Email Accounts",
    "summary": "One record per mailbox: settings found from the address, proved by a real test email",
    "version": "19.0.1.0.0",
    "category": "Productivity/Discuss",
    "author": "Email Accounts contributors",
    "license": "LGPL-3",
    "depends": ["mail"],
    "external_dependencies": {"python": ["aiohttp", "dnspython"]},
    "data": [
        "security/ir.model.access.csv",
    ],
    "application": True,
}
