import { registry } from "@web/core/registry";
import { FormController } from "@web/views/form/form_controller";
import { formView } from "@web/views/form/form_view";
import { KanbanController } from "@web/views/kanban/kanban_controller";
import { kanbanView } from "@web/views/kanban/kanban_view";
import { ListController } from "@web/views/list/list_controller";
import { listView } from "@web/views/list/list_view";

import { onMounted } from "@odoo/owl";

import { runCheck } from "../check_progress/check_dialog";

const CREATE_ACTION = "email_account.action_email_account_create";

/** "New" opens the wizard: an account is found and proved, not filled in. */
const createsByWizard = (Controller) =>
    class extends Controller {
        async createRecord() {
            await this.actionService.doAction(CREATE_ACTION, {
                additionalContext: this.props.context,
                onClose: () => this.model.load(),
            });
        }
    };

/** An account that is not set up yet starts the wizard when it is opened; a check is shown while it runs. */
export class EmailAccountFormController extends FormController {
    setup() {
        super.setup();
        onMounted(() => this.openWizardIfNeeded());
    }

    async openWizardIfNeeded() {
        const { resId, data } = this.model.root;
        if (resId && data.active && !data.is_configured && this.canEdit && !this.env.inDialog) {
            const action = await this.orm.call("email.account", "action_open_wizard", [[resId]]);
            await this.actionService.doAction(action, { onClose: () => this.model.load() });
        }
    }

    /** @override */
    async beforeExecuteActionButton(clickParams) {
        const proceed = await super.beforeExecuteActionButton(clickParams);
        if (proceed === false || clickParams.name !== "action_check") {
            return proceed;
        }
        const { resId, data } = this.model.root;
        const report = await runCheck(this.env.services, [resId], data.name);
        await this.model.load();
        if (report) {
            await this.actionService.doAction(report, {
                additionalContext: { email_account_underneath: true },
                onClose: () => this.model.load(),
            });
        }
        return false; // done here
    }
}

const views = registry.category("views");
views.add("email_account_list", { ...listView, Controller: createsByWizard(ListController) });
views.add("email_account_kanban", { ...kanbanView, Controller: createsByWizard(KanbanController) });
views.add("email_account_form", { ...formView, Controller: EmailAccountFormController });
