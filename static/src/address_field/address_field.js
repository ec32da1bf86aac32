import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useDebounced } from "@web/core/utils/timing";
import { CharField, charField } from "@web/views/fields/char/char_field";

import { useEffect } from "@odoo/owl";

const PAUSE = 250; // ms
const ADDRESS = /^\S+@[^\s@]+\.[^\s@]+$/;

/**
 * An address that is known to the record while it is still being typed, so that what depends on it (the
 * provider and its guidance) is shown without leaving the field.
 */
export class EmailAccountAddressField extends CharField {
    setup() {
        super.setup();
        const tell = useDebounced(() => this.tellRecord(), PAUSE);
        useEffect(
            (input) => {
                if (input) {
                    input.addEventListener("input", tell);
                    return () => input.removeEventListener("input", tell);
                }
            },
            () => [this.input.el]
        );
    }

    /**
     * As if the field was left. What is typed meanwhile stays, and so does the cursor: the field is only
     * rewritten with what stands in it.
     */
    tellRecord() {
        const input = this.input.el;
        const { record, name } = this.props;
        const known = ADDRESS.test(record.data[name] || "");
        // a space would be trimmed under the user's fingers
        if (input && input.value === input.value.trim() && (known || ADDRESS.test(input.value))) {
            input.dispatchEvent(new Event("change"));
        }
    }
}

export const emailAccountAddressField = {
    ...charField,
    component: EmailAccountAddressField,
    displayName: _t("Email address, known while it is typed"),
    supportedTypes: ["char"],
};

registry.category("fields").add("email_account_address", emailAccountAddressField);
