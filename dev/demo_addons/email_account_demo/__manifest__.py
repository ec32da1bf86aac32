{
    "name": "Email Accounts: the demo's DNS",
    "summary": "Asks the DNS host of make run about the domain of the demo mailboxes",
    "version": "19.0.1.0.0",
    "category": "Hidden",
    "author": "Email Accounts contributors",
    "license": "LGPL-3",
    "depends": ["email_account"],
}
