import { registry } from "@web/core/registry";

const tours = registry.category("web_tour.tours");
const dialog = ".modal:not(.o_inactive_modal)";
const button = (name) => `${dialog} .modal-footer button[name=${name}]:visible`;
const field = (name) => `${dialog} .o_field_widget[name=${name}]:visible input`;

function enterAddress(address, password) {
    return [
        { content: "address", trigger: field("email"), run: `edit ${address}` },
        { content: "password", trigger: field("password"), run: `edit ${password}` },
    ];
}

const openWizard = [
    { content: "new account", trigger: ".o_list_button_add, .o-kanban-button-new", run: "click" },
    { content: "the wizard", trigger: `${dialog} .o_email_account_create` },
];

const goToAccount = [
    {
        content: "success",
        trigger: `${dialog} .alert-success:contains('Your email account was configured successfully.')`,
    },
    { content: "go to account", trigger: button("action_open_account"), run: "click" },
    { content: "ready", trigger: ".o_form_view .o_arrow_button_current:contains('Ready')" },
];

const STAGES = {
    outgoing: ["resolve", "connect", "tls", "login", "sender", "send"],
    incoming: ["resolve", "connect", "tls", "login", "find", "remove"],
    delivery: ["authentication", "spf", "dkim", "dmarc"],
};

const checkPasses = [
    { content: "check", trigger: "button[name=action_check]", run: "click" },
    { content: "all passed", trigger: `${dialog} .alert-success:contains('every step passed')` },
    ...Object.values(STAGES)
        .flat()
        .map((stage) => ({
            content: `the report has the stage ${stage}`,
            trigger: `${dialog} .o_email_account_step[data-stage=${stage}][data-result=passed]`,
        })),
    { content: "and nothing but", trigger: `${dialog}:not(:has(.o_email_account_step:not([data-result=passed])))` },
    { content: "close", trigger: `${dialog} .modal-footer button:contains('Close')`, run: "click" },
    { content: "closed", trigger: "body:not(:has(.modal))" },
    { content: "ready", trigger: ".o_form_view .o_arrow_button_current:contains('Ready')" },
];

const createAccount = [
    ...openWizard,
    ...enterAddress("jane@acme.example", "correct horse"),
    { content: "create", trigger: button("action_create"), run: "click" },
    ...goToAccount,
];

/** Flow 1 and 4: address and password, then the check by a test email, then mail. */
tours.add("email_account_automatic", {
    steps: () => [
        ...createAccount,
        ...checkPasses,
        { content: "send and receive", trigger: "button[name=action_send_receive]", run: "click" },
        { content: "done", trigger: ".o_notification:contains('Sent and received.')" },
    ],
});

/** Flow 1 fails, flow 2 mends it: what was typed is kept, what was found is filled in. */
tours.add("email_account_manual", {
    steps: () => [
        ...openWizard,
        { content: "create without an address", trigger: button("action_create"), run: "click" },
        { content: "says what is missing", trigger: `${dialog} .alert-danger:contains('Enter the email address')` },
        ...enterAddress("jane@unpublished.example", "correct horse"),
        { content: "create", trigger: button("action_create"), run: "click" },
        {
            content: "failure",
            trigger: `${dialog} .alert-danger:contains('Cannot determine connection settings automatically.')`,
        },
        { content: "the button reads Retry", trigger: `${button("action_create")}:contains('Retry')` },
        {
            content: "the address is kept",
            trigger: field("email"),
            run: ({ anchor }) => {
                if (anchor.value !== "jane@unpublished.example") {
                    throw new Error(`address lost: ${anchor.value}`);
                }
            },
        },
        { content: "manually", trigger: button("action_manual"), run: "click" },
        { content: "outgoing server", trigger: field("outgoing_host"), run: "edit  SMTP.acme.example " },
        { content: "next", trigger: button("action_next"), run: "click" },
        { content: "incoming server", trigger: field("incoming_host"), run: "edit nowhere.acme.example" },
        { content: "user name", trigger: field("username"), run: "edit jane@acme.example" },
        { content: "next", trigger: button("action_next"), run: "click" },
        { content: "sender", trigger: field("sender_name"), run: "edit Jane of Acme" },
        { content: "create", trigger: button("action_create"), run: "click" },
        {
            content: "one direction works",
            trigger: `${dialog} .alert-warning:contains('Cannot connect to the incoming email server: There is no server of this name.')`,
        },
        { content: "mend it", trigger: button("action_manual"), run: "click" },
        { content: "next", trigger: button("action_next"), run: "click" },
        { content: "incoming server", trigger: field("incoming_host"), run: "edit imap.acme.example" },
        { content: "next", trigger: button("action_next"), run: "click" },
        { content: "create", trigger: button("action_create"), run: "click" },
        ...goToAccount,
    ],
});

/** Flow 3: the account's pages, a port that follows the security, the password asked for again. */
tours.add("email_account_form", {
    steps: () => [
        { content: "open", trigger: ".o_data_row .o_data_cell[name=name]", run: "click" },
        { content: "sending", trigger: ".o_form_view .nav-link[name=sending]", run: "click" },
        {
            content: "STARTTLS",
            trigger: ".o_field_widget[name=outgoing_security] input[data-value=starttls]",
            run: "click",
        },
        {
            content: "the port follows",
            trigger: ".o_field_widget[name=outgoing_port] input:value(587)",
        },
        {
            content: "another server",
            trigger: ".o_field_widget[name=outgoing_host] input",
            run: "edit mail.acme.example",
        },
        { content: "save", trigger: ".o_form_button_save", run: "click" },
        {
            content: "the password is asked for",
            trigger: `${dialog}:contains('Password: enter it again, because you changed Outgoing Server.')`,
        },
        { content: "close", trigger: `${dialog} .modal-footer button`, run: "click" },
        { content: "password", trigger: ".o_field_widget[name=password] input", run: "edit correct horse" },
        { content: "save", trigger: ".o_form_button_save", run: "click" },
        { content: "not checked", trigger: ".o_arrow_button_current:contains('Not checked')" },
        ...checkPasses,
    ],
});

/** Somebody without access to the settings reaches his own accounts from the user menu. */
tours.add("email_account_user_menu", {
    steps: () => [
        { content: "user menu", trigger: ".o_user_menu button", run: "click" },
        { content: "my accounts", trigger: "[data-menu=email_accounts]", run: "click" },
        ...createAccount,
        ...checkPasses,
        { content: "his own page", trigger: ".o_form_view .nav-link[name=other]", run: "click" },
        { content: "change", trigger: field("bcc_email").replace(dialog, ""), run: "edit copy@acme.example" },
        { content: "save", trigger: ".o_form_button_save", run: "click" },
        { content: "saved", trigger: ".o_form_status_indicator_buttons:not(:visible)" },
    ],
});

/** An account that is not set up yet starts the wizard when it is opened. */
tours.add("email_account_unconfigured", {
    steps: () => [
        { content: "open", trigger: ".o_data_row .o_data_cell[name=name]", run: "click" },
        { content: "the address is there", trigger: `${field("email")}:value(jane@acme.example)` },
        { content: "password", trigger: field("password"), run: "edit wrong" },
        { content: "create", trigger: button("action_create"), run: "click" },
        {
            content: "refused",
            trigger: `${dialog} .alert-danger:contains('The server refused the user name or the password.')`,
        },
        { content: "the field is marked", trigger: `${dialog} .o_field_invalid[name=password]:visible` },
        { content: "password", trigger: field("password"), run: "edit correct horse" },
        { content: "retry", trigger: `${button("action_create")}:contains('Retry')`, run: "click" },
        ...goToAccount,
    ],
});

/** The composer offers the wizard where there is no account, and the account once there is one. */
tours.add("email_account_composer", {
    steps: () => [
        { content: "send message", trigger: "button.o-mail-Chatter-sendMessage", run: "click" },
        { content: "full composer", trigger: "[name=open-full-composer]", run: "click" },
        { content: "text", trigger: `${dialog} .odoo-editor-editable`, run: "editor An offer" },
        {
            content: "no account yet",
            trigger: `${dialog} button:contains('Create email account')`,
            run: "click",
        },
        { content: "the wizard is for sending", trigger: `${field("use_for_sending")}:checked` },
        { content: "not for receiving", trigger: `${field("use_for_receiving")}:not(:checked)` },
        ...enterAddress("jane@acme.example", "correct horse"),
        { content: "create", trigger: button("action_create"), run: "click" },
        {
            content: "success",
            trigger: `${dialog} .alert-success:contains('Your email account was configured successfully.')`,
        },
        { content: "close", trigger: `${dialog} .modal-footer button:contains('Close'):visible`, run: "click" },
        { content: "back in the composer", trigger: `${dialog} .o_mail_send` },
        { content: "it is proposed", trigger: `${field("email_account_id")}:value(jane@acme.example)` },
        { content: "the text is kept", trigger: `${dialog} .odoo-editor-editable:contains('An offer')` },
        { content: "send", trigger: `${dialog} .o_mail_send`, run: "click" },
        { content: "sent", trigger: ".o-mail-Message:contains('An offer')" },
    ],
});

/** The provider is recognised while the address is typed: the field is not left, nothing is marked. */
tours.add("email_account_typing", {
    steps: () => [
        ...openWizard,
        {
            content: "type",
            trigger: field("email"),
            run: ({ anchor }) => {
                anchor.focus();
                anchor.value = "jane.doe@gmail.com";
                anchor.dispatchEvent(new InputEvent("input", { bubbles: true }));
                anchor.setSelectionRange(4, 4);
            },
        },
        { content: "guidance", trigger: `${dialog} .o_email_account_guidance:contains('app password'):visible` },
        {
            content: "the cursor is where it was",
            trigger: field("email"),
            run: ({ anchor }) => {
                const { value, selectionStart } = anchor;
                if (document.activeElement !== anchor || value !== "jane.doe@gmail.com" || selectionStart !== 4) {
                    throw new Error(`disturbed: ${value}, ${selectionStart}`);
                }
                anchor.value = "jane.doe@gmail.como";
                anchor.dispatchEvent(new InputEvent("input", { bubbles: true }));
            },
        },
        { content: "no provider of that name", trigger: `${dialog}:not(:has(.o_email_account_guidance:visible))` },
        { content: "nothing is marked", trigger: `${dialog}:not(:has(.o_field_invalid))` },
        {
            content: "it is kept",
            trigger: field("email"),
            run: ({ anchor }) => {
                if (anchor.value !== "jane.doe@gmail.como") {
                    throw new Error(`disturbed: ${anchor.value}`);
                }
            },
        },
        { content: "another one", trigger: field("email"), run: "edit jane.doe@bridge.example" },
        { content: "said plainly", trigger: `${dialog} :contains('A password will not work here.'):visible` },
        { content: "guide", trigger: `${dialog} a.o_email_account_guide[target=_blank]:visible` },
        { content: "discard", trigger: `${dialog} .modal-footer button:contains('Discard'):visible`, run: "click" },
        { content: "close", trigger: `${dialog} .modal-footer button:contains('Close')`, run: "click" },
        { content: "closed", trigger: "body:not(:has(.modal))" },
    ],
});

/** What was asked stays readable on the account. */
tours.add("email_account_discovery", {
    steps: () => [
        ...createAccount,
        { content: "other", trigger: ".o_form_view .nav-link[name=other]", run: "click" },
        { content: "found", trigger: "[name=settings_origin]:contains('Found automatically')" },
        { content: "how", trigger: "button[name=action_open_discovery]", run: "click" },
        { content: "the winner", trigger: `${dialog} .o_data_row:contains('Settings published by the domain')` },
        { content: "a login", trigger: `${dialog} .o_data_row:contains('Log in to imap.acme.example')` },
        { content: "trusted", trigger: `${dialog} .alert-success:contains('authenticated')` },
        { content: "download", trigger: `${dialog} button[name=action_download]:visible` },
        { content: "close", trigger: `${dialog} .modal-footer button:contains('Close')`, run: "click" },
        { content: "closed", trigger: "body:not(:has(.modal))" },
    ],
});

/** Closing with entries asks first. */
tours.add("email_account_close", {
    steps: () => [
        ...openWizard,
        ...enterAddress("jane@acme.example", "correct horse"),
        { content: "close", trigger: `${dialog} .btn-close`, run: "click" },
        { content: "asked", trigger: `${dialog}:contains('What you have entered will be lost.')` },
        { content: "go on", trigger: `${dialog} .modal-footer button:contains('Go on')`, run: "click" },
        { content: "still there", trigger: field("email") },
        { content: "discard", trigger: `${dialog} .modal-footer button:contains('Discard'):visible`, run: "click" },
        { content: "asked", trigger: `${dialog}:contains('What you have entered will be lost.')` },
        { content: "close", trigger: `${dialog} .modal-footer button:contains('Close')`, run: "click" },
        { content: "closed", trigger: "body:not(:has(.modal))" },
    ],
});

/** A check of an account that has a fault: a red report that says what is wrong, and what to do. */
function checkFails({ name, stage, words, advice, marked }) {
    const step = `${dialog} .o_email_account_step[data-stage=${stage}][data-result=failed]`;
    return [
        { content: `open ${name}`, trigger: `.o_data_row .o_data_cell[name=name]:contains('${name}')`, run: "click" },
        { content: "check", trigger: "button[name=action_check]", run: "click" },
        { content: "what is wrong", trigger: `${dialog} .alert-danger:contains("${words}")` },
        { content: "where", trigger: `${step} .o_email_account_message:contains("${words}")` },
        { content: "what to do", trigger: `${step} .o_email_account_advice:contains("${advice}")` },
        { content: "who can fix it", trigger: `${step}:contains('Who can fix it')` },
        { content: "close", trigger: `${dialog} .modal-footer button:contains('Close')`, run: "click" },
        { content: "failing", trigger: ".o_form_view .o_arrow_button_current:contains('Failing')" },
        { content: "the field is marked", trigger: `.o_form_view .o_field_widget[name=${marked}].text-danger` },
        { content: "back", trigger: ".o_back_button, .breadcrumb-item a", run: "click" },
        {
            content: "the list says so too",
            trigger: `.o_data_row:contains('${name}') .o_field_badge .text-bg-danger`,
        },
    ];
}

/** Five accounts with five faults. */
tours.add("email_account_faults", {
    steps: () =>
        [
            {
                name: "Wrong password",
                stage: "login",
                words: "The server refused the user name or the password.",
                advice: "type the password again",
                marked: "password",
            },
            {
                name: "Wrong name",
                stage: "resolve",
                words: "There is no server of this name.",
                advice: "spelling",
                marked: "outgoing_host",
            },
            {
                name: "Wrong certificate",
                stage: "tls",
                words: "certificate",
                advice: "No password was sent",
                marked: "outgoing_host",
            },
            {
                name: "Wrong port",
                stage: "tls",
                words: "SSL/TLS was tried on a port that does not begin with encryption.",
                advice: "Choose STARTTLS",
                marked: "outgoing_security",
            },
            {
                name: "Not allowed",
                stage: "send",
                words: "The login may not send from this address.",
                advice: "right to send as this address",
                marked: "email",
            },
        ].flatMap(checkFails),
});

/** Several accounts at once: what happens is shown, then all reports. */
tours.add("email_account_check_listed", {
    steps: () => [
        { content: "all", trigger: "thead .o_list_record_selector input", run: "click" },
        { content: "actions", trigger: ".o_cp_action_menus button:contains('Actions')", run: "click" },
        { content: "check", trigger: ".o-dropdown-item:contains('Check the account')", run: "click" },
        { content: "the reports", trigger: ".o_breadcrumb:contains('Check of the account')" },
        { content: "two passed", trigger: ".o_data_row:has(.text-bg-success) + .o_data_row:has(.text-bg-success)" },
        { content: "open one", trigger: ".o_data_row .o_data_cell[name=summary]", run: "click" },
        { content: "its steps", trigger: ".o_email_account_step[data-stage=find][data-result=passed]" },
    ],
});

/** What became no message: it is seen, assigned to a record, discarded, found again. */
tours.add("email_account_unprocessed", {
    steps: () => [
        { content: "account", trigger: ".o_data_row .o_data_cell[name=name]", run: "click" },
        { content: "two wait", trigger: "button[name=action_open_unprocessed]:contains('2')", run: "click" },
        { content: "open", trigger: ".o_data_row .o_data_cell[name=subject]:contains('In pink?')", run: "click" },
        { content: "discard", trigger: "button[name=action_discard]", run: "click" },
        { content: "it can come back", trigger: "button[name=action_restore]" },
        { content: "back", trigger: ".breadcrumb a:contains('Unprocessed Mail')", run: "click" },
        { content: "it is done with", trigger: ".o_list_view:not(:has(.o_data_row:contains('In pink?')))" },
        { content: "open", trigger: ".o_data_row .o_data_cell[name=subject]:contains('In blue?')", run: "click" },
        { content: "what happened", trigger: ".o_form_view .alert-warning:contains('assign it to a record')" },
        {
            content: "what it says",
            trigger: ".o_form_view .o_field_widget[name=preview]:contains('Hello, do you have it in blue?')",
        },
        { content: "assign", trigger: "button[name=action_assign]", run: "click" },
        { content: "the sender is proposed", trigger: `${dialog} .o_field_widget[name=record_ref] input:value(Carol)` },
        { content: "assign", trigger: button("action_assign"), run: "click" },
        { content: "on the contact", trigger: ".o_form_view .o-mail-Message:contains('Carol')" },
    ],
});

const RETRY = button("action_create");

const discard = [
    { content: "discard", trigger: `${dialog} .modal-footer button:contains('Discard')`, run: "click" },
    { content: "asks first", trigger: `${dialog}:contains('Close without an account?')` },
    { content: "close", trigger: `${dialog} .modal-footer button:contains('Close')`, run: "click" },
    { content: "closed", trigger: "body:not(:has(.modal))" },
];

function isEmpty(content, trigger) {
    return {
        content,
        trigger,
        async run({ anchor, waitUntil }) {
            await waitUntil(() => !anchor.value, { timeout: 8000 });
        },
    };
}

/** Five typos: only then one waits, the button shows how long, and another mailbox need not. */
tours.add("email_account_typos", {
    steps: () => [
        ...openWizard,
        ...enterAddress("jane@acme.example", "typo"),
        { content: "create", trigger: button("action_create"), run: "click" },
        {
            content: "the fourth",
            trigger: `${dialog} .alert-danger:contains('It was not tried, because the other server has just refused this password.')`,
        },
        { content: "no waiting yet", trigger: `${RETRY}:enabled:contains('Retry'):not(:contains(' in '))` },
        { content: "the same again", trigger: RETRY, run: "click" },
        {
            content: "is not sent",
            trigger: `${dialog} .alert-danger:contains('This password was refused just now, so it was not sent again.')`,
        },
        { content: "another typo", trigger: field("password"), run: "edit another typo" },
        { content: "retry", trigger: `${RETRY}:enabled`, run: "click" },
        {
            content: "the fifth",
            trigger: `${dialog} .alert-danger:contains('This was the fifth password refused within 15 minutes: no more are tried before')`,
        },
        { content: "the button waits", trigger: `${dialog} .modal-footer button[name=action_create]:disabled:contains('Retry in 14:')` },
        { content: "another mailbox", trigger: field("email"), run: "edit joe@acme.example" },
        { content: "need not wait", trigger: `${RETRY}:enabled` },
        { content: "back", trigger: field("email"), run: "edit jane@acme.example" },
        { content: "waits again", trigger: `${dialog} .modal-footer button[name=action_create]:disabled:contains('Retry in ')` },
        { content: "manually", trigger: button("action_manual"), run: "click" },
        { content: "next", trigger: button("action_next"), run: "click" },
        { content: "incoming", trigger: field("incoming_host") },
        { content: "next", trigger: button("action_next"), run: "click" },
        { content: "waits too", trigger: `${dialog} .modal-footer button[name=action_create]:disabled:contains('Create in ')` },
        ...discard,
    ],
});

/** Another domain: nothing of the first one is left, its password neither. */
tours.add("email_account_other_domain", {
    steps: () => [
        ...openWizard,
        ...enterAddress("jane@acme.example", "typo"),
        { content: "create", trigger: button("action_create"), run: "click" },
        { content: "refused", trigger: `${dialog} .alert-danger:contains('refused the user name or the password')` },
        { content: "a password is there", trigger: `${dialog} .o_field_widget[name=password] input[placeholder*='•']:visible` },
        { content: "another domain", trigger: field("email"), run: "edit joe@unpublished.example" },
        { content: "it is not for this one", trigger: `${dialog} .o_field_widget[name=password] input:not([placeholder*='•']):visible` },
        { content: "nothing is said of it", trigger: `${dialog}:not(:has(.alert-danger:visible))` },
        { content: "nor marked", trigger: `${dialog}:not(:has(.o_field_invalid))` },
        { content: "create again", trigger: `${button("action_create")}:contains('Create')` },
        { content: "back at the first", trigger: field("email"), run: "edit jane@acme.example" },
        { content: "all is there again", trigger: `${dialog} .alert-danger:contains('refused the user name or the password')` },
        { content: "and marked", trigger: `${dialog} .o_field_widget[name=password].o_field_invalid` },
        { content: "retry", trigger: `${button("action_create")}:contains('Retry')` },
        ...enterAddress("joe@unpublished.example", "second"),
        { content: "create", trigger: `${button("action_create")}:contains('Create')`, run: "click" },
        { content: "nothing found", trigger: `${dialog} .alert-danger:contains('Cannot determine connection settings automatically.')` },
        { content: "manually", trigger: button("action_manual"), run: "click" },
        isEmpty("no server", field("outgoing_host")),
        { content: "next", trigger: button("action_next"), run: "click" },
        { content: "is asked for", trigger: `${dialog} .alert-danger:contains('enter the name of the server')` },
        ...discard,
    ],
});

/** The same on an account: its servers go, unless they are kept on purpose. */
tours.add("email_account_moved", {
    steps: () => [
        { content: "open", trigger: ".o_data_row .o_data_cell[name=name]", run: "click" },
        {
            content: "another domain",
            trigger: ".o_form_view .o_field_widget[name=email] input",
            run: "edit jane@bigger.example && click body",
        },
        { content: "is told", trigger: ".o_form_view .alert-warning:contains('acme.example'):contains('so that the password of the new address is not sent there')" },
        isEmpty("no server", ".o_field_widget[name=outgoing_host] input"),
        { content: "keep them", trigger: ".o_field_widget[name=keep_servers] input", run: "check" },
        { content: "they are back", trigger: ".o_field_widget[name=outgoing_host] input:value(smtp.acme.example)" },
        { content: "or not", trigger: ".o_field_widget[name=keep_servers] input", run: "uncheck" },
        isEmpty("no server", ".o_field_widget[name=outgoing_host] input"),
        { content: "password", trigger: ".o_form_view .o_field_widget[name=password] input", run: "edit second" },
        { content: "save", trigger: ".o_form_button_save", run: "click" },
        { content: "to be set up", trigger: "button[name=action_open_wizard]:contains('Set up')" },
        { content: "no servers to keep", trigger: "body:not(:has(.o_form_view .alert-warning:visible))" },
    ],
});
