import { _t } from "@web/core/l10n/translation";
import { useService } from "@web/core/utils/hooks";

import { Component, onMounted, onWillUnmount, useState } from "@odoo/owl";

const POLL_INTERVAL = 400; // ms
const ICONS = {
    asking: "fa-circle-o-notch fa-spin text-primary",
    found: "fa-check text-success",
    passed: "fa-check text-success",
    failed: "fa-times text-danger",
};

const WORDS = {
    asking: _t("asking…"),
    not_found: _t("nothing found"),
    no_answer: _t("no answer"),
    invalid: _t("not valid"),
    refused: _t("refused"),
    skipped: _t("not needed"),
    cancelled: _t("not needed"),
};

/** What happens while the settings are looked for and tried: one line a source, as it comes. */
export class CreateProgress extends Component {
    static template = "email_account.CreateProgress";
    static props = { wizardId: Number, subject: String };

    setup() {
        this.orm = useService("orm");
        this.state = useState({ steps: [], seconds: 0 });
        this.started = Date.now();
        onMounted(() => {
            this.running = true;
            this.poll();
        });
        onWillUnmount(() => {
            this.running = false;
            clearTimeout(this.timer);
        });
    }

    async poll() {
        const domain = [["wizard_id", "=", this.props.wizardId]];
        const fields = ["label", "result", "detail", "elapsed_ms"];
        try {
            this.state.steps = await this.orm.silent.searchRead("email.account.create.step", domain, fields);
        } finally {
            this.state.seconds = Math.floor((Date.now() - this.started) / 1000);
            if (this.running) {
                this.timer = setTimeout(() => this.poll(), POLL_INTERVAL);
            }
        }
    }

    icon(step) {
        return ICONS[step.result] || "fa-minus text-muted";
    }

    words(step) {
        return [step.detail, WORDS[step.result]].filter(Boolean).join(" – ");
    }

    duration(step) {
        if (["asking", "skipped"].includes(step.result)) {
            return "";
        }
        return step.elapsed_ms < 1000 ? `${step.elapsed_ms} ms` : `${(step.elapsed_ms / 1000).toFixed(1)} s`;
    }
}
