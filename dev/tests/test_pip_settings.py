"""uv gets packages where pip does, and trusts whom pip trusts."""
import contextlib
import hashlib
import http.server
import io
import os
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest
import zipfile
from pathlib import Path
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from pip_settings import translate, uv_environment

try:
    import trustme
except ImportError:  # "make test-dev" has it
    trustme = None

UV = Path(sys.prefix) / "bin/uv"
NAME = "demo_of_a_package"


class TestTranslation(unittest.TestCase):
    def test_options(self):
        told = translate(
            "global.index-url='https://pypi.corp.example/simple'\n"
            "global.extra-index-url='https://a.example/simple\\nhttps://b.example/simple'\n"
            "global.find-links='/srv/wheels /srv/more'\n"
            "global.trusted-host='a.example b.example:8443'\n"
            "global.cert='/etc/corp.pem'\nglobal.client-cert='/etc/me.pem'\n"
            "global.proxy='http://proxy.example:3128'\nglobal.timeout='180'\nglobal.no-index='true'\n"
            "global.constraint='/etc/constraints.txt'\nglobal.retries='7'\nfreeze.timeout='1'\n",
            {"HOME": "/x"})
        self.assertEqual(told, {
            "HOME": "/x", "UV_DEFAULT_INDEX": "https://pypi.corp.example/simple",
            "UV_INDEX": "https://a.example/simple https://b.example/simple",
            "UV_FIND_LINKS": "/srv/wheels,/srv/more", "UV_INSECURE_HOST": "a.example b.example:8443",
            "SSL_CERT_FILE": "/etc/corp.pem", "SSL_CLIENT_CERT": "/etc/me.pem",
            "ALL_PROXY": "http://proxy.example:3128", "UV_HTTP_TIMEOUT": "180", "UV_HTTP_RETRIES": "7",
            "UV_NO_INDEX": "true", "UV_CONSTRAINT": "/etc/constraints.txt",
            "UV_SYSTEM_CERTS": "true", "UV_INDEX_STRATEGY": "unsafe-best-match"})

    def test_order(self):
        lines = "global.index-url='https://one.example'\n:env:.index-url='https://three.example'\n" \
                "install.index-url='https://two.example'\n"
        self.assertEqual(translate(lines, {})["UV_DEFAULT_INDEX"], "https://three.example")
        self.assertEqual(translate(lines, {"UV_DEFAULT_INDEX": "https://four.example"})["UV_DEFAULT_INDEX"],
                         "https://four.example")

    def test_certificates(self):
        self.assertEqual(translate("", {"REQUESTS_CA_BUNDLE": "/r.pem"})["SSL_CERT_FILE"], "/r.pem")
        self.assertEqual(translate("", {"SSL_CERT_FILE": "/s.pem"})["SSL_CERT_FILE"], "/s.pem")
        both = {"REQUESTS_CA_BUNDLE": "/r.pem", "SSL_CERT_FILE": "/s.pem"}
        self.assertEqual(translate("global.cert='/c.pem'", both)["SSL_CERT_FILE"], "/c.pem")
        with tempfile.TemporaryDirectory() as folder:
            told = translate(f"global.cert={folder!r}", {})
            self.assertEqual((told["SSL_CERT_DIR"], "SSL_CERT_FILE" in told), (folder, False))

    def test_pips_own_files_and_variables(self):
        with tempfile.TemporaryDirectory() as folder:
            config = Path(folder) / "pip.conf"
            config.write_text("[global]\nindex-url = https://file.example/simple\nextra_index_url =\n"
                              "    https://a.example/simple\n    https://b.example/simple\n")
            more = {"PIP_CONFIG_FILE": str(config), "PIP_CERT": "/env.pem", "HOME": folder}
            with patch.dict(os.environ, more), patch.dict(os.environ):
                for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "XDG_CONFIG_DIRS"):
                    os.environ.pop(name, None)
                told = uv_environment()
        self.assertEqual(told["UV_DEFAULT_INDEX"], "https://file.example/simple")
        self.assertEqual(told["UV_INDEX"], "https://a.example/simple https://b.example/simple")
        self.assertEqual(told["SSL_CERT_FILE"], "/env.pem")


@unittest.skipUnless(trustme and UV.exists(), "only with make test-dev")
class TestIndex(unittest.TestCase):
    """uv itself, at an index on this machine whose certificate nobody else trusts."""

    @contextlib.contextmanager
    def index(self, *, https=True):
        authority = trustme.CA()
        with tempfile.TemporaryDirectory() as folder:
            server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Index)
            scheme = "http"
            if https:
                context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                authority.issue_cert("localhost").configure_cert(context)
                server.socket = context.wrap_socket(server.socket, server_side=True)
                scheme = "https"
            authority.cert_pem.write_to_path(f"{folder}/ca.pem")
            threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
            try:
                yield f"{scheme}://localhost:{server.server_address[1]}/simple", f"{folder}/ca.pem"
            finally:
                server.shutdown()
                server.server_close()

    def install(self, **variables):
        """Whether uv gets the package with these variables for pip."""
        clean = {name: value for name, value in os.environ.items()
                 if not name.startswith(("PIP_", "UV_")) and "CERT" not in name and "BUNDLE" not in name}
        with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, clean, clear=True):
            os.environ.update(variables, PIP_CONFIG_FILE="/dev/null", UV_CACHE_DIR=f"{folder}/cache",
                              UV_HTTP_RETRIES="0", NO_PROXY="localhost")
            done = subprocess.run([UV, "pip", "install", "--target", f"{folder}/packages", NAME],
                                  env=uv_environment(), capture_output=True, text=True)
            return (Path(folder) / "packages" / f"{NAME}.py").exists(), done.stderr

    def test_certificate_of_the_company(self):
        with self.index() as (url, authority):
            for name in ("PIP_CERT", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "CURL_CA_BUNDLE"):
                with self.subTest(name):
                    done, said = self.install(PIP_INDEX_URL=url, **{name: authority})
                    self.assertTrue(done, said)
            self.assertFalse(self.install(PIP_INDEX_URL=url)[0], "nobody else trusts it")
            done, said = self.install(PIP_INDEX_URL=url, PIP_TRUSTED_HOST=url.split("/")[2])
            self.assertTrue(done, said)

    def test_more_indexes(self):
        with self.index(https=False) as (url, _authority), self.index(https=False) as (other, _other):
            done, said = self.install(PIP_INDEX_URL=f"{other}/none", PIP_EXTRA_INDEX_URL=url)
            self.assertTrue(done, said)


class _Index(http.server.BaseHTTPRequestHandler):
    """A simple index (PEP 503) of one package."""

    def do_GET(self):
        wheel = f"{NAME}-1.0-py3-none-any.whl"
        data = _wheel()
        if self.path == f"/simple/{NAME.replace('_', '-')}/":
            digest = hashlib.sha256(data).hexdigest()
            self.answer(f'<a href="/{wheel}#sha256={digest}">{wheel}</a>'.encode(), "text/html")
        elif self.path == f"/{wheel}":
            self.answer(data, "application/zip")
        else:
            self.send_error(404)

    do_HEAD = do_GET

    def answer(self, data, kind):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(data)

    def log_message(self, *arguments):
        pass


def _wheel():
    file = io.BytesIO()
    info = f"{NAME}-1.0.dist-info"
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in (
            (f"{NAME}.py", ""),
            (f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {NAME}\nVersion: 1.0\n"),
            (f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: x\nRoot-Is-Purelib: true\nTag: py3-none-any\n"),
            (f"{info}/RECORD", f"{NAME}.py,,\n{info}/METADATA,,\n{info}/WHEEL,,\n{info}/RECORD,,\n"),
        ):
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), text)
    return file.getvalue()


if __name__ == "__main__":
    unittest.main()
