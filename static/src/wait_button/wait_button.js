import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { sprintf } from "@web/core/utils/strings";
import { ViewButton } from "@web/views/view_button/view_button";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";

import { Component, useEffect, useState } from "@odoo/owl";

const SECOND = 1000; // ms

/**
 * A button of a form that waits, and shows for how long: as many seconds as a field of the record says.
 *
 * They are counted from the moment when the record was read, so that the clock of the browser may be wrong.
 */
export class EmailAccountWaitButton extends Component {
    static template = "email_account.WaitButton";
    static components = { ViewButton };
    static props = { ...standardWidgetProps, method: String, label: String, secondsField: String };

    setup() {
        this.state = useState({ left: 0 });
        useEffect(
            (seconds) => {
                const end = performance.now() + seconds * SECOND;
                const count = () => {
                    this.state.left = Math.max(Math.ceil((end - performance.now()) / SECOND), 0);
                    if (!this.state.left) {
                        clearInterval(timer);
                    }
                };
                const timer = setInterval(count, SECOND / 2);
                count();
                return () => clearInterval(timer);
            },
            () => [this.props.record.data[this.props.secondsField] || 0]
        );
    }

    get waitLabel() {
        const seconds = String(this.state.left % 60).padStart(2, "0");
        return sprintf(_t("%(button)s in %(time)s"), {
            button: this.props.label,
            time: `${Math.floor(this.state.left / 60)}:${seconds}`,
        });
    }

    get clickParams() {
        return { type: "object", name: this.props.method };
    }
}

registry.category("view_widgets").add("email_account_wait_button", {
    component: EmailAccountWaitButton,
    extractProps: ({ attrs }) => ({
        method: attrs.method,
        label: attrs.string,
        secondsField: attrs.seconds_field,
    }),
});
