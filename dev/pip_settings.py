"""pip's settings, said to uv: the same indexes, certificates and proxies."""
import os
import shlex
import subprocess
import sys
from ast import literal_eval

# pip's option -> uv's variable (https://docs.astral.sh/uv/reference/environment/)
VARIABLES = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "trusted-host": "UV_INSECURE_HOST",
    "constraint": "UV_CONSTRAINT",
    "cert": "SSL_CERT_FILE",
    "client-cert": "SSL_CLIENT_CERT",
    "proxy": "ALL_PROXY",
    "timeout": "UV_HTTP_TIMEOUT",
    "default-timeout": "UV_HTTP_TIMEOUT",
    "retries": "UV_HTTP_RETRIES",
    "no-index": "UV_NO_INDEX",
    "keyring-provider": "UV_KEYRING_PROVIDER",
}
LISTS = {"UV_INDEX": " ", "UV_FIND_LINKS": ",", "UV_INSECURE_HOST": " ", "UV_CONSTRAINT": " "}
# weakest first; pip's own order of files is that of "pip config list"
SECTIONS = ("global", "install", ":env:")


def uv_environment(python=sys.executable):
    """This process's environment, with which uv finds packages where pip does.

    uv's own variables win where they are set.

    :param python: interpreter that has pip
    """
    return translate(_config_list(python), os.environ)


def pip_settings(python=sys.executable):
    """pip's options as they are set on this machine, ``{name: value}``."""
    return _chosen(_config_list(python))


def _config_list(python):
    command = [str(python), "-m", "pip", "--disable-pip-version-check", "config", "list"]
    return subprocess.run(command, capture_output=True, text=True).stdout


def _chosen(settings):
    chosen = {}
    for section in SECTIONS:
        chosen.update(_section(settings, section))
    return chosen


def translate(settings, environ):
    """The environment for uv.

    :param settings: what ``pip config list`` prints
    :param environ: the environment so far
    """
    chosen = _chosen(settings)
    told = {}
    for option, value in chosen.items():
        if variable := VARIABLES.get(option):
            told[variable] = _value(variable, value)
    # requests, in pip, reads these where no certificates are set for pip itself
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        if environ.get(name) and "SSL_CERT_FILE" not in told:
            told["SSL_CERT_FILE"] = environ[name]
    if os.path.isdir(told.get("SSL_CERT_FILE", "")):
        told["SSL_CERT_DIR"] = told.pop("SSL_CERT_FILE")
    # the system's certificates, not uv's own list
    told.setdefault("UV_SYSTEM_CERTS", "true")
    # the best version of all indexes, not that of the first that knows the package
    told.setdefault("UV_INDEX_STRATEGY", "unsafe-best-match")
    # pip's certificates are more exact than what is set for all programs; uv's own variables stay
    theirs = {name: value for name, value in environ.items() if name.startswith("UV_")}
    return {**environ, **told, **theirs}


def _section(settings, section):
    """Options of a section of pip's configuration, as ``{name: value}``."""
    found = {}
    for line in settings.splitlines():
        name, equals, value = line.partition("=")
        place, _dot, option = name.rpartition(".")
        if equals and place == section:
            found[option] = literal_eval(value)
    return found


def _value(variable, value):
    if variable == "UV_NO_INDEX":
        return "true" if value.lower() in ("1", "true", "yes", "on") else "false"
    if variable in LISTS:
        return LISTS[variable].join(shlex.split(value))
    return value
