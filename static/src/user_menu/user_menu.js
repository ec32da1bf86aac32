import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";

/** Everybody reaches his own accounts, also without access to the settings. */
function emailAccountsItem(env) {
    return {
        type: "item",
        id: "email_accounts",
        description: _t("My Email Accounts"),
        callback: () => env.services.action.doAction("email_account.action_my_email_account"),
        sequence: 55,
    };
}

registry.category("user_menuitems").add("email_accounts", emailAccountsItem);
