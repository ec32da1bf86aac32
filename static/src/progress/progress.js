import { _t } from "@web/core/l10n/translation";
import { useService } from "@web/core/utils/hooks";

import { Component, onMounted, onWillUnmount, useState } from "@odoo/owl";

const POLL_INTERVAL = 400; // ms
const FIRST_INTERVAL = 100; // until there is something to show
const ICONS = {
    waiting: "fa-circle-o text-muted",
    asking: "fa-circle-o-notch fa-spin text-primary",
    found: "fa-check text-success",
    passed: "fa-check text-success",
    warning: "fa-exclamation-triangle text-warning",
    invalid: "fa-exclamation-triangle text-warning",
    refused: "fa-exclamation-triangle text-warning",
    failed: "fa-times text-danger",
};

const WORDS = {
    asking: _t("asking…"),
    not_found: _t("nothing found"),
    no_answer: _t("no answer"),
    invalid: _t("not valid"),
    refused: _t("refused as unsafe"),
    failed: _t("failed"),
    skipped: _t("not needed"),
    cancelled: _t("not needed"),
};
const UNTIMED = ["waiting", "asking", "skipped"];

/** What happens while the network is waited for: one line a step, as it comes. */
export class Progress extends Component {
    static template = "email_account.Progress";
    static props = {
        title: String,
        model: String,
        args: Array, // of `get_progress` of the model
        onProgress: { type: Function, optional: true },
    };

    setup() {
        this.orm = useService("orm");
        this.state = useState({ lines: [], seconds: 0 });
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
        try {
            const progress = await this.orm.silent.call(this.props.model, "get_progress", this.props.args);
            if (progress && this.running) {
                this.state.lines = progress.lines;
                this.props.onProgress?.(progress);
            }
        } catch {
            // the next look may succeed; what matters is the answer of the button
        }
        this.state.seconds = Math.floor((Date.now() - this.started) / 1000);
        if (this.running) {
            const interval = this.state.lines.length ? POLL_INTERVAL : FIRST_INTERVAL;
            this.timer = setTimeout(() => this.poll(), interval);
        }
    }

    icon(line) {
        return ICONS[line.result] || "fa-minus text-muted";
    }

    words(line) {
        return [line.detail_words, WORDS[line.result]].filter(Boolean).join(" – ");
    }

    duration(line) {
        if (UNTIMED.includes(line.result)) {
            return "";
        }
        return line.elapsed_ms < 1000 ? `${line.elapsed_ms} ms` : `${(line.elapsed_ms / 1000).toFixed(1)} s`;
    }
}
