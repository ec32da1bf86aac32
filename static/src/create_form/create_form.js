import { _t } from "@web/core/l10n/translation";
import { ConfirmationDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { registry } from "@web/core/registry";
import { FormController } from "@web/views/form/form_controller";
import { formView } from "@web/views/form/form_view";

import { onMounted, onWillUnmount, useEffect, useExternalListener, useState } from "@odoo/owl";

import { Progress } from "../progress/progress";

// these wait for the network
const SHOW_PROGRESS = [
    "action_create",
    "action_confirm",
    "action_create_partial",
    "action_accept_certificate",
];
const DISCOVERY = "email.account.discovery";
const CANCELLED = Symbol("cancelled");

/**
 * The wizard turns its own pages: a button saves what was typed, calls its method and shows the record
 * again in the same dialog, with the progress page meanwhile.
 */
export class EmailAccountCreateController extends FormController {
    static template = "email_account.CreateFormView";
    static components = { ...FormController.components, Progress };

    setup() {
        super.setup();
        this.discoveryId = 0;
        this.progress = useState({ running: false, cancelling: false, after: 0 });
        onMounted(() => this.guardClosing());
        this.markedField = false;
        useEffect(
            () => this.markInvalidField(),
            () => [this.model.root.data.invalid_field]
        );
        // who leaves has no use for the answer
        onWillUnmount(() => this.progress.running && this.stop());
        // browsers lose some of what a page sends in its last moment; then the server ends by its own deadline
        useExternalListener(window, "beforeunload", () => this.stopOnLeaving());
        useExternalListener(window, "pagehide", () => this.stopOnLeaving());
    }

    get wizardId() {
        return this.model.root.resId;
    }

    get progressTitle() {
        return _t("Looking for the settings of %s", (this.model.root.data.email || "").split("@").pop());
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
            await this.cancel();
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
        // what was wrong may be right by now, without another entry: it is the server that says so
        this.model.root._resetFieldValidity(this.model.root.data.invalid_field);
        if (clickParams.special === "cancel") {
            return (await this.confirmDiscard()) && super.beforeExecuteActionButton(clickParams);
        }
        if ((await super.beforeExecuteActionButton(clickParams)) !== false) {
            await this.runStep(clickParams.name);
        }
        return false; // done here, the action service has nothing left to do
    }

    async runStep(method) {
        const { resModel, resId, context } = this.model.root;
        if (!SHOW_PROGRESS.includes(method)) {
            return this.showAnswer(await this.orm.call(resModel, method, [[resId]], { context }));
        }
        const cancelled = new Promise((resolve) => {
            this.giveUp = () => resolve(CANCELLED);
        });
        // the other buttons go on with the last discovery
        const after = ["action_create", "action_accept_certificate"].includes(method) ? this.discoveryId : this.discoveryId - 1;
        this.discoveryId = 0;
        Object.assign(this.progress, { running: true, cancelling: false, after: Math.max(after, 0) });
        try {
            const answer = this.orm.silent.call(resModel, method, [[resId]], { context });
            const first = await Promise.race([answer, cancelled]);
            if (first === CANCELLED) {
                answer.catch(() => {}); // nobody waits for it any more
            } else {
                await this.showAnswer(first);
            }
        } finally {
            this.progress.running = false;
        }
    }

    async showAnswer(action) {
        if (action && action.res_model !== this.model.root.resModel) {
            return this.actionService.doAction(action);
        }
        await this.model.load();
        this.markInvalidField();
    }

    onProgress({ id }) {
        this.discoveryId = id;
    }

    /** Back to the page with the entries, unless the answer has come in the same moment. */
    async cancel() {
        this.progress.cancelling = true;
        try {
            if (await this.stop()) {
                this.giveUp();
            }
        } catch (error) {
            this.giveUp(); // the server cannot be reached, nor can its answer
            throw error;
        }
    }

    /** Have the server end what it does. Returns whether it was still at it. */
    async stop() {
        const { orm } = this.env.services; // works on when the dialog is gone
        while (this.progress.running && !this.discoveryId) {
            const progress = await orm.silent.call(DISCOVERY, "get_progress", [this.wizardId, this.progress.after]);
            this.discoveryId = progress ? progress.id : 0;
        }
        return this.discoveryId && orm.silent.call(DISCOVERY, "action_cancel", [[this.discoveryId]]);
    }

    /** The same for a page that is going away: the request outlives it. */
    stopOnLeaving() {
        if (this.progress.running && this.discoveryId) {
            const params = { model: DISCOVERY, method: "action_cancel", args: [[this.discoveryId]], kwargs: {} };
            const body = JSON.stringify({ jsonrpc: "2.0", method: "call", params });
            const url = `/web/dataset/call_kw/${DISCOVERY}/action_cancel`;
            navigator.sendBeacon(url, new Blob([body], { type: "application/json" }));
        }
    }

    /** What the message is about; the mark goes with the message. */
    markInvalidField() {
        const { root } = this.model;
        if (this.markedField && this.markedField !== root.data.invalid_field) {
            root._resetFieldValidity(this.markedField);
        }
        this.markedField = root.data.invalid_field;
        if (root.data.invalid_field in root.activeFields) {
            root.setInvalidField(root.data.invalid_field);
        }
    }
}

registry.category("views").add("email_account_create_form", {
    ...formView,
    Controller: EmailAccountCreateController,
});
