import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { FormViewDialog } from "@web/views/view_dialogs/form_view_dialog";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";

import { Component } from "@odoo/owl";

/** Where there is no account to send from: opens the wizard above the composer, which keeps its text. */
export class EmailAccountComposerHint extends Component {
    static template = "email_account.ComposerHint";
    static props = standardWidgetProps;

    setup() {
        this.orm = useService("orm");
        this.dialog = useService("dialog");
    }

    createAccount() {
        this.dialog.add(
            FormViewDialog,
            {
                resModel: "email.account.create",
                title: _t("Create email account"),
                context: { default_use_for_sending: true, default_use_for_receiving: false },
                canExpand: false,
                size: "lg",
            },
            { onClose: () => this.chooseAccount() }
        );
    }

    async chooseAccount() {
        const domain = [
            ["use_for_sending", "=", true],
            ["state", "!=", "draft"],
        ];
        const options = { limit: 1, order: "id desc" };
        const [account] = await this.orm.searchRead("email.account", domain, ["display_name"], options);
        if (account) {
            await this.props.record.update({ email_account_id: account });
        }
    }
}

registry.category("view_widgets").add("email_account_composer_hint", {
    component: EmailAccountComposerHint,
});
