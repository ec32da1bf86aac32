import json

from odoo.tests import HttpCase, tagged

from .test_secret_proof import ProofMixin


@tagged("post_install", "-at_install")
class TestSecretProofInBrowser(ProofMixin, HttpCase):
    """What stays of a typed password in the page, its source and what the web client keeps in the browser."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.set_up_secrets()

    CODE = """
        (async () => {
            const text = %(text)s, forms = %(forms)s;
            const asText = (value) => JSON.stringify(value, (_key, part) =>
                part instanceof ArrayBuffer || ArrayBuffer.isView(part)
                    ? new TextDecoder("latin1").decode(part) : part
            ) || "";
            const ask = (request) => new Promise((resolve, reject) => {
                request.onsuccess = () => resolve(request.result);
                request.onerror = () => reject(request.error);
            });
            const until = async (find) => {
                for (let attempt = 0; attempt < 100; attempt++) {
                    const found = find();
                    if (found) return found;
                    await new Promise((resolve) => setTimeout(resolve, 100));
                }
                throw new Error(`waited in vain: ${find}`);
            };
            const find = async () => {
                const parts = [document.documentElement.outerHTML, asText({...localStorage})];
                parts.push(asText({...sessionStorage}), await (await fetch(location.href)).text());
                document.querySelectorAll("input, textarea").forEach((field) => parts.push(field.value));
                for (const { name } of await indexedDB.databases()) {
                    const database = await ask(indexedDB.open(name));
                    for (const store of database.objectStoreNames) {
                        parts.push(asText(await ask(
                            database.transaction(store).objectStore(store).getAll()
                        )));
                    }
                    database.close();
                }
                for (const key of await caches.keys()) {
                    const cache = await caches.open(key);
                    for (const request of await cache.keys()) {
                        parts.push(await (await cache.match(request)).text());
                    }
                }
                return forms.filter((form) => parts.join("\\0").includes(form));
            };
            const input = await until(() => document.querySelector(".o_field_widget[name=password] input"));
            if ((await find()).length) throw new Error("it is there before it was typed");
            input.value = text;
            for (const name of ["input", "change"]) {
                input.dispatchEvent(new Event(name, { bubbles: true }));
            }
            localStorage.setItem("search", btoa(unescape(encodeURIComponent(text))));
            const typed = await find();
            if (!typed.includes(forms[0]) || typed.length < 3) throw new Error(`found only: ${typed.length}`);
            localStorage.removeItem("search");
            (await until(() => document.querySelector(".o_form_button_save"))).click();
            await until(() => document.querySelector(".o_form_saved"));
            const left = await find();
            if (left.length) throw new Error(`${left.length} forms of the password are left`);
            console.log("test successful");
        })().catch((error) => console.error(error.message));
    """

    def test_nothing_stays_in_the_browser(self):
        secret, account = self.make_secret(), self.accounts["s"]
        forms = [form.decode() for form in secret.forms.values() if form.isascii() and b"\0" not in form]
        self.assertGreater(len(forms), 20)
        code = self.CODE % {"text": json.dumps(secret.text), "forms": json.dumps(forms)}
        ready = "!!document.querySelector('.o_field_widget[name=password] input')"
        self.browser_js(f"/odoo/email-accounts/{account.id}", code, ready, login="admin")
        account.invalidate_recordset()
        self.assertEqual(account._get_secret__("password"), secret.text)
