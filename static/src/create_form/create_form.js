import { _t } from "@web/core/l10n/translation";
import { ConfirmationDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { registry } from "@web/core/registry";
import { FormController } from "@web/views/form/form_controller";
import { formView } from "@web/views/form/form_view";

import { onMounted, useState } from "@odoo/owl";

import { CreateProgress } from "./progress";

// these wait for the network
const SHOW_PROGRESS = ["action_create", "action_confirm", "action_create_partial"];

/**
 * The wizard turns its own pages: a button saves what was typed, calls its method and shows the record
 * again in the same dialog, with the progress page meanwhile.
 */
export class EmailAccountCreateController extends FormController {
    static template = "email_account.CreateFormView";
    static components = { ...FormController.components, CreateProgress };

    setup() {
        super.setup();
        this.progress = useState({ running: false });
        onMounted(() => this.guardClosing());
        onMounted(() => this.markInvalidField());
    }

    get wizardId() {
        return this.model.root.resId;
    }

    get subject() {
        return (this.model.root.data.email || "").split("@").pop();
    }

    /** Escape and the cross of the dialog ask first; a button that closes it has asked already. */
    guardClosing() {
        const { dialogData } = this.env;
        if (dialogData) {
            const close = dialogData.close;
            dialogData.dismiss = null; // of a dialog that would close without asking
            dialogData.close = async (params) => {
                if (!params?.dismiss || (await this.confirmDiscard())) {
                    await close(params);
                }
            };
        }
    }

    /** Ask before entries are lost. Returns whether to close. */
    async confirmDiscard() {
        const { data } = this.model.root;
        if (this.progress.running) {
            return false;
        }
        if (data.step === "done" || !(data.email || data.password_set || (await this.model.root.isDirty()))) {
            return true;
        }
        return new Promise((resolve) => {
            this.dialogService.add(
                ConfirmationDialog,
                {
                    title: _t("Close without an account?"),
                    body: _t("What you have entered will be lost."),
                    confirmLabel: _t("Close"),
                    confirm: () => resolve(true),
                    cancelLabel: _t("Go on"),
                    cancel: () => resolve(false),
                },
                { onClose: () => resolve(false) }
            );
        });
    }

    /** @override */
    async beforeExecuteActionButton(clickParams) {
        if (clickParams.special === "cancel") {
            return (await this.confirmDiscard()) && super.beforeExecuteActionButton(clickParams);
        }
        if ((await super.beforeExecuteActionButton(clickParams)) !== false) {
            await this.runStep(clickParams.name);
        }
        return false; // done here, the action service has nothing left to do
    }

    async runStep(method) {
        this.progress.running = SHOW_PROGRESS.includes(method);
        try {
            const { resModel, resId, context } = this.model.root;
            const action = await this.orm.call(resModel, method, [[resId]], { context });
            if (action.res_model !== resModel) {
                return await this.actionService.doAction(action);
            }
            await this.model.load();
            this.markInvalidField();
        } finally {
            this.progress.running = false;
        }
    }

    markInvalidField() {
        const { root } = this.model;
        if (root.data.invalid_field in root.activeFields) {
            root.setInvalidField(root.data.invalid_field);
        }
    }
}

registry.category("views").add("email_account_create_form", {
    ...formView,
    Controller: EmailAccountCreateController,
});
