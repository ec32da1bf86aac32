import { _t } from "@web/core/l10n/translation";
import { toLocaleDateTimeString } from "@web/core/l10n/dates";
import { registry } from "@web/core/registry";
import { CharField, charField } from "@web/views/fields/char/char_field";

/**
 * A password that can be entered, never read back: the field shows whether one is set and since when.
 */
export class EmailAccountPasswordField extends CharField {
    static template = "email_account.PasswordField";
    static props = {
        ...CharField.props,
        setField: { type: String, optional: true },
        dateField: { type: String, optional: true },
    };

    get isSet() {
        return Boolean(this.props.setField && this.props.record.data[this.props.setField]);
    }

    get passwordPlaceholder() {
        return this.isSet ? "••••••••••••" : this.props.placeholder || "";
    }

    get setSince() {
        const date = this.isSet && this.props.dateField && this.props.record.data[this.props.dateField];
        return date ? _t("set on %s", toLocaleDateTimeString(date, { showSeconds: false })) : "";
    }
}

export const emailAccountPasswordField = {
    ...charField,
    component: EmailAccountPasswordField,
    displayName: _t("Password (write-only)"),
    supportedTypes: ["char"],
    extractProps: (fieldInfo) => ({
        ...charField.extractProps(fieldInfo),
        isPassword: true,
        autocomplete: "new-password",
        setField: fieldInfo.options.set_field,
        dateField: fieldInfo.options.date_field,
        placeholder: fieldInfo.options.placeholder,
    }),
};

registry.category("fields").add("email_account_password", emailAccountPasswordField);
