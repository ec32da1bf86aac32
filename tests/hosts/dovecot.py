"""Configuration of Dovecot 2.3 and 2.4 for a mail host that runs in a folder of its own."""
SERVICES = {  # protocol -> (port with STARTTLS, port with TLS from the start)
    "imap": ("imap", "imaps"),
    "pop3": ("pop3", "pop3s"),
    "submission": ("submission", "submissions"),
}

COMMON = """
protocols = {protocols} lmtp
listen = {listen}
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
mail_uid = {user}
mail_gid = {group}
auth_mechanisms = {mechanisms}
auth_verbose = yes
ssl = required
# a refused login must not delay the next one
auth_failure_delay = 0
mail_max_userip_connections = 100
submission_relay_host = 127.0.0.1
submission_relay_port = {smtp}
submission_relay_trusted = yes
# user+folder@domain by LMTP
recipient_delimiter = +
lmtp_save_to_detail_mailbox = yes
lda_mailbox_autocreate = yes
lda_mailbox_autosubscribe = yes
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
service lmtp {{
  inet_listener lmtp {{
    port = {lmtp}
  }}
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Drafts {{
    special_use = {backslash}Drafts
    auto = subscribe
  }}
  mailbox Sent {{
    special_use = {backslash}Sent
    auto = subscribe
  }}
  mailbox Trash {{
    special_use = {backslash}Trash
    auto = subscribe
  }}
  mailbox Junk {{
    special_use = {backslash}Junk
    auto = subscribe
  }}
}}
"""
# A process serves many sessions. By default each has two of its own, and at most 100 can log in at once.
LOGIN = """
service {protocol} {{
  {many_sessions}
  client_limit = 50
}}
service {protocol}-login {{
  chroot =
  {many_sessions}
  client_limit = 500
  inet_listener {starttls} {{
    port = {starttls_port}
  }}
  inet_listener {tls} {{
    port = {tls_port}
    ssl = yes
  }}
}}
"""
VERSION_2_3 = """
mail_location = maildir:{mail}/%u
mail_home = {folder}/home/%u
auth_username_format = %Lu
disable_plaintext_auth = yes
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {folder}/users/%u
}}
userdb {{
  driver = static
  args = uid={user} gid={group}
}}
"""
VERSION_2_4 = """
mail_driver = maildir
mail_path = {mail}/%{{user}}
mail_home = {folder}/home/%{{user}}
auth_username_format = %{{user | lower}}
auth_allow_cleartext = no
passdb passwd-file {{
  default_password_scheme = PLAIN
  passwd_file_path = {folder}/users/%{{user}}
}}
userdb static {{
  fields {{
    uid = {user}
    gid = {group}
  }}
}}
"""
HEAD_2_4 = "dovecot_config_version = 2.4.0\ndovecot_storage_version = 2.4.0\n"
MANY_SESSIONS_2_3 = "service_count = 0"
MANY_SESSIONS_2_4 = "restart_request_count = unlimited"
CERTIFICATE_2_3 = "ssl_cert = <{certificate}\nssl_key = <{key}\n"
CERTIFICATE_2_4 = "ssl_server_cert_file = {certificate}\nssl_server_key_file = {key}\n"


def configuration(version, folder, mail, ports, user, group, listen, certificates, mechanisms):
    """The text of ``dovecot.conf``.

    :param version: e.g. ``(2, 4)``
    :param folder: where Dovecot keeps what it needs while it runs
    :param mail: folder of the mailboxes (Maildir)
    :param ports: ``{service: port}``
    :param user, group: names of whom Dovecot runs as
    :param listen: IP addresses
    :param certificates: ``{protocol: (certificate, key)}``, paths; its keys are the protocols to offer
    :param mechanisms: SASL mechanisms to offer
    """
    new = version >= (2, 4)
    values = {
        "folder": folder, "mail": mail, "user": user, "group": group, "listen": ", ".join(listen),
        "protocols": " ".join(certificates), "smtp": ports["smtp"], "lmtp": ports["lmtp"],
        "mechanisms": " ".join(mechanisms), "backslash": "\\\\" if new else "\\",
    }
    certificate_text = CERTIFICATE_2_4 if new else CERTIFICATE_2_3
    many_sessions = MANY_SESSIONS_2_4 if new else MANY_SESSIONS_2_3
    first = next(iter(certificates.values()))
    parts = [HEAD_2_4 if new else "", COMMON.format(**values),
             (VERSION_2_4 if new else VERSION_2_3).format(**values),
             certificate_text.format(certificate=first[0], key=first[1])]
    for protocol, (certificate, key) in certificates.items():
        starttls, tls = SERVICES[protocol]
        parts.append(LOGIN.format(
            protocol=protocol, many_sessions=many_sessions, starttls=starttls, starttls_port=ports[starttls],
            tls=tls, tls_port=ports[tls]))
        text = certificate_text.format(certificate=certificate, key=key)
        parts.append(f"protocol {protocol} {{\n{text}}}\n")
    return "".join(parts)
