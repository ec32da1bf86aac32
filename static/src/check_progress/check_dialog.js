import { _t } from "@web/core/l10n/translation";
import { Dialog } from "@web/core/dialog/dialog";
import { registry } from "@web/core/registry";

import { Component } from "@odoo/owl";

import { Progress } from "../progress/progress";

/** Shows the steps of a check while they happen. Who closes it finds the report among the checks later. */
export class CheckDialog extends Component {
    static template = "email_account.CheckDialog";
    static components = { Dialog, Progress };
    static props = { accountIds: Array, name: String, close: Function };

    get title() {
        return _t("Checking %s", this.props.name);
    }
}

/**
 * Run a check while its steps are shown.
 *
 * @param {{dialog, orm}} services
 * @param {number[]} accountIds
 * @param {string} name of what is checked
 * @returns the action that shows the report, false if nobody waits for it any more
 */
export async function runCheck({ dialog, orm }, accountIds, name) {
    let isOpen = true;
    const close = dialog.add(CheckDialog, { accountIds, name }, { onClose: () => (isOpen = false) });
    try {
        const report = await orm.silent.call("email.account", "action_check", [accountIds]);
        return isOpen && report;
    } finally {
        close();
    }
}

registry
    .category("actions")
    .add("email_account_check", (env, { params }) => runCheck(env.services, params.account_ids, params.name));
