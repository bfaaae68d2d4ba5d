"""A private dovecot with a certificate of the tests' authority, and mailboxes for the asking."""

from __future__ import annotations

import contextlib
import os
import pwd
import secrets
import shutil
import socket
import ssl
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

from imapclient import IMAPClient

from config import Settings
from tests.support.school import School
from tests.support.servers import Guarded, free_port, unprivileged_user
from tests.support.smtp import authority

PASSWORD = "the password of every mailbox"
ADDRESS = "devoirs@school.example"
CONFIG = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/dovecot.log
protocols = imap
listen = 127.0.0.1
default_internal_user = {user}
default_login_user = {user}
default_internal_group = {group}
first_valid_uid = 1
first_valid_gid = 1
ssl = yes
ssl_cert = <{folder}/cert.pem
ssl_key = <{folder}/key.pem
disable_plaintext_auth = no
auth_mechanisms = plain login
auth_failure_delay = 0
mail_location = maildir:{folder}/mail/%u
mail_home = {folder}/mail/%u
mail_uid = {user}
mail_gid = {group}
mail_fsync = never
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={folder}/mail/%u
}}
namespace inbox {{
  inbox = yes
  separator = .
}}
service imap-login {{
  chroot =
  process_min_avail = 1
  service_count = 0
  inet_listener imap {{
    port = {port}
  }}
  inet_listener imaps {{
    port = {tls_port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
service imap {{
  process_min_avail = 1
  service_count = 100
}}
"""


def find_dovecot() -> str | None:
    return shutil.which("dovecot") or next(
        (path for path in ("/usr/sbin/dovecot", "/opt/homebrew/sbin/dovecot") if Path(path).exists()), None
    )


class ImapServer:
    """A dovecot: `port` speaks STARTTLS, `tls_port` TLS. Every user exists, with an empty mailbox."""

    host = "localhost"

    def __init__(self, run: Path) -> None:
        self.port, self.tls_port = free_port(), free_port()
        self._process = Guarded(run, f"dovecot-{secrets.token_hex(4)}", unprivileged_user())
        self.folder = self._process.folder
        user = pwd.getpwnam(self._process.user) if self._process.user else pwd.getpwuid(os.getuid())
        certificate = authority().issue_cert("localhost")
        self.ca_file = self.folder / "ca.pem"
        authority().cert_pem.write_to_path(self.ca_file)
        certificate.cert_chain_pems[0].write_to_path(self.folder / "cert.pem")
        certificate.private_key_pem.write_to_path(self.folder / "key.pem")
        config = self.folder / "dovecot.conf"
        group = subprocess.run(
            ["id", "-gn", user.pw_name], capture_output=True, text=True, check=True
        ).stdout.strip()
        config.write_text(
            CONFIG.format(
                folder=self.folder,
                user=user.pw_name,
                group=group,
                password=PASSWORD.replace(" ", "_"),
                port=self.port,
                tls_port=self.tls_port,
            )
        )
        for path in (config, self.ca_file, self.folder / "cert.pem", self.folder / "key.pem"):
            os.chown(path, user.pw_uid, user.pw_gid)
        self.folder.chmod(0o755)
        self._process.start(find_dovecot() or "dovecot", "-F", "-c", str(config))
        self._process.wait_until_ready(self._answers)

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection((self.host, self.port), 2) as connection:
            return connection.recv(4).startswith(b"* OK")
        return False

    def mailbox(self) -> MailboxOnServer:
        """Return a new, empty mailbox."""
        return MailboxOnServer(self, f"box{secrets.token_hex(5)}")

    def stop(self) -> None:
        self._process.stop()


class MailboxOnServer:
    """A mailbox as a mail server fills it and a person looks at it."""

    def __init__(self, server: ImapServer, user: str) -> None:
        self.server, self.user = server, user

    def client(self) -> IMAPClient:
        context = ssl.create_default_context(cafile=str(self.server.ca_file))
        client = IMAPClient(self.server.host, self.server.tls_port, ssl_context=context, timeout=20)
        client.login(self.user, PASSWORD.replace(" ", "_"))
        return client

    def deliver(self, *mails: bytes) -> None:
        """Put mails into the inbox, as their delivery does."""
        with self.client() as client:
            for mail in mails:
                client.append("INBOX", mail)

    def mails(self, folder: str = "INBOX") -> list[bytes]:
        """Return the mails of a folder; none when there is no such folder."""
        with self.client() as client:
            if not client.folder_exists(folder):
                return []
            client.select_folder(folder, readonly=True)
            found = client.search()
            if not found:
                return []
            fetched = client.fetch(found, ["BODY.PEEK[]", "FLAGS"])
            return [fetched[uid][b"BODY[]"] for uid in sorted(fetched)]

    def settings(self, settings: Settings, **more: Any) -> Settings:
        """Return the settings with this mailbox."""
        values: dict[str, Any] = {
            "inbox_host": self.server.host,
            "inbox_port": self.server.tls_port,
            "inbox_security": "tls",
            "inbox_user": self.user,
            "inbox_password": PASSWORD.replace(" ", "_"),
            "inbox_ca_file": self.server.ca_file,
            "inbox_timeout": 20,
            "inbox_address": ADDRESS,
            "inbox_separator": "+",
        }
        return replace(settings, **{**values, **more})


def use_mailbox(school: School, mailbox: MailboxOnServer, **more: Any) -> None:
    """Let the school read this mailbox."""
    school.settings = mailbox.settings(school.settings, **more)
    school.app.extensions["lms_settings"] = school.settings


def read_mails(school: School) -> None:
    """Do what the worker does every minute about mails, with their files and what is sent because of them."""
    jobs = school.app.extensions["lms_jobs"]
    jobs.inbox.read()
    school.prepare_files()
    jobs.inbox.read()
