"""The command ``odoo email_account``. Odoo loads this file by itself, without the addon around it."""

import sys

from odoo import SUPERUSER_ID
from odoo.api import Environment
from odoo.cli.command import Command
from odoo.exceptions import UserError
from odoo.modules.registry import Registry
from odoo.tools import config

GENERATE_HELP = "put a new key in front first, if the key is the generated file in the data directory"
PLACES = {
    "configuration": "email_account_key in Odoo's configuration file",
    "environment": "the environment variable EMAIL_ACCOUNT_KEY",
}


class EmailAccount(Command):
    """Look after the keys that encrypt the passwords of email accounts"""

    name = "email_account"

    def __init__(self):
        super().__init__()
        subparsers = self.parser.add_subparsers(dest="subcommand", required=True, help="Subcommands help")
        rotate = subparsers.add_parser(
            "rotate-key",
            allow_abbrev=False,
            help="Encrypt all passwords with the first key",
            description="Encrypt all passwords of a database with the first key. Put a new key in front of "
            "the others, separated by a comma; restart Odoo; run this; then take the old key away. What no "
            "key opens is left as it is. Odoo's own options, such as --data-dir, are understood too.",
        )
        rotate.add_argument("-c", "--config", help="use a specific configuration file")
        rotate.add_argument("-d", "--database", help="database name")
        rotate.add_argument("--generate", action="store_true", help=GENERATE_HELP)

    def run(self, cmdargs):
        args, others = self.parser.parse_known_args(cmdargs)
        options = ["--no-http", *others]
        options += ["-c", args.config] if args.config else []
        options += ["-d", args.database] if args.database else []
        config.parse_config(options, setup_logging=True)
        names = config["db_name"]
        if len(names) != 1:
            self.parser.error("Please say one database: -d DATABASE")
        with Registry(names[0]).cursor() as cr:
            env = Environment(cr, SUPERUSER_ID, {})  # who has a shell here may do so
            if "email.account" not in env:
                sys.exit(f"The addon Email Accounts is not installed in {names[0]}.")
            try:
                self.rotate(env["email.account"], args.generate)
            except UserError as error:
                sys.exit(str(error))

    def rotate(self, accounts, generate=False):
        """Encrypt all passwords again and say how many.

        :param accounts: the model `email.account`
        :param bool generate: with a new key
        """
        if generate:
            self.generate(accounts)
        rotated, lost = accounts._rotate_keys()
        self.say(f"{rotated} passwords were encrypted again.")
        if lost:
            self.say(
                f"{lost} passwords cannot be opened with any key that is there. They are as they were: "
                "restore the key and run this again, or enter those passwords again."
            )

    def generate(self, accounts):
        """Put a new key in front of the key file; the keys that are configured are not this command's."""
        # here: the addon is there since the registry is
        from odoo.addons.email_account.models.secret_keys import add_key_to_file

        keys = accounts._get_placed_keys__()
        place = keys[0][0] if keys else "file"
        if place in PLACES:
            sys.exit(
                f"The key is configured: put a new one in front of it in {PLACES[place]}, separated by a "
                "comma, restart Odoo and run this without --generate. Nothing was changed."
            )
        try:
            path = add_key_to_file(config["data_dir"])
        except FileExistsError as error:
            sys.exit(
                f"A new key is being made at the moment. If it is not, remove {error.filename} and run this "
                "again. Nothing was changed."
            )
        except OSError as error:
            sys.exit(f"The key file cannot be written: {error}. Nothing was changed.")
        self.say(
            f"A new key is in front of the others in {path}. Run this for every database with this data "
            "directory. After that, the others are needed for older backups only."
        )

    @staticmethod
    def say(text):
        sys.stdout.write(f"{text}\n")
