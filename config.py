"""Settings of one running instance. The only reader of the environment.

Every name is documented in docs/operations.md; a test fails when one is missing there.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent
# A checkout keeps its state beside the code; the folder of an installed package belongs to the installer.
IS_CHECKOUT = (ROOT / "pyproject.toml").is_file()
NO_BASE_URL = "http://localhost:8000"
BRUSSELS = ZoneInfo("Europe/Brussels")
Environment = Literal["development", "production"]
MailSecurity = Literal["tls", "starttls", "none"]
# Characters of a token in an address (lms/domain/homework/reply_address.py); a local part has at most 64.
REPLY_TOKEN_LENGTH = 41


class ConfigError(Exception):
    """All faults of the environment at once."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("\n".join(faults))
        self.faults = faults


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of the instance; docs/operations.md describes each."""

    env: Environment = "development"
    instance: Path
    uploads: Path
    secret_key: str
    base_url: str = NO_BASE_URL
    trusted_hosts: tuple[str, ...] = ()
    proxy_hops: int = 0
    database_url: str
    queue_url: str
    time_zone: ZoneInfo = BRUSSELS
    mail_host: str | None = None
    mail_port: int = 587
    mail_security: MailSecurity = "starttls"
    mail_user: str | None = None
    mail_password: str | None = None
    mail_from: str = "passerelle@localhost"
    mail_timeout: int = 20
    mail_ca_file: Path | None = None
    inbox_host: str | None = None
    inbox_port: int = 993
    inbox_security: MailSecurity = "tls"
    inbox_user: str | None = None
    inbox_password: str | None = None
    inbox_ca_file: Path | None = None
    inbox_timeout: int = 30
    inbox_folder: str = "INBOX"
    inbox_address: str = ""
    inbox_separator: str = "+"
    sms_url: str | None = None
    sms_token: str | None = None
    sms_from: str = ""
    sms_timeout: int = 20
    calendar_hosts: tuple[str, ...] = ()
    calendar_ca_file: Path | None = None
    upload_mb: int = 25
    learner_quota_mb: int = 1000
    free_space_mb: int = 500
    demo: bool = True

    @property
    def temp(self) -> Path:
        """Return the folder of temporary files: those of uploads hold photos and places of people."""
        return self.instance / "tmp"

    @property
    def production(self) -> bool:
        return self.env == "production"

    @property
    def https(self) -> bool:
        return self.base_url.startswith("https://")

    @property
    def has_inbox(self) -> bool:
        """Return whether homework comes by e-mail: without a mailbox there is no tray."""
        return self.inbox_host is not None

    @property
    def sends_texts(self) -> bool:
        """Return whether SMS leave automatically: through a gateway or, outside production, into a folder."""
        return self.sms_url is not None or not self.production

    @classmethod
    def from_env(
        cls, environ: Mapping[str, str] | None = None, *, default_base_url: str | None = None
    ) -> Settings:
        """Read the variables LMS_*. Raises ConfigError with every fault found.

        `default_base_url` is used where LMS_BASE_URL is not set, outside production.
        """
        found = _Reader(os.environ if environ is None else environ).settings()
        if default_base_url and found.base_url == NO_BASE_URL:
            found = replace(found, base_url=default_base_url)
        return found


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.faults: list[str] = []
        self.asked: set[str] = set()

    def get(self, name: str) -> str | None:
        self.asked.add(name)
        return self.environ.get(name, "").strip() or None

    def parsed(self, name: str, default: T, parse: Callable[[str], T], wants: str) -> T:
        raw = self.get(name)
        if raw is None:
            return default
        try:
            return parse(raw)
        except (ValueError, ZoneInfoNotFoundError):
            self.faults.append(f"{name} must be {wants}, not {raw!r}")
            return default

    def number(self, name: str, default: int, low: int, high: int) -> int:
        def parse(raw: str) -> int:
            value = int(raw)
            if not low <= value <= high:
                raise ValueError(raw)
            return value

        return self.parsed(name, default, parse, f"a whole number from {low} to {high}")

    def settings(self) -> Settings:
        env: Environment = "production" if self.one_of_env() == "production" else "development"
        instance = self.folder("LMS_INSTANCE", "instance")
        secret = self.get("LMS_SECRET_KEY") or self.secret_from(instance)
        if len(secret) < 32:
            self.faults.append("LMS_SECRET_KEY must be at least 32 characters long")
        base_url = self.base_url(env)
        mail_host = self.get("LMS_MAIL_HOST")
        if env == "production" and mail_host is None:
            self.faults.append("LMS_MAIL_HOST must be set in production: feedback leaves by mail")
        user, password = self.get("LMS_MAIL_USER"), self.get("LMS_MAIL_PASSWORD")
        if (user is None) != (password is None):
            self.faults.append("LMS_MAIL_USER and LMS_MAIL_PASSWORD must be set together")
        security = self.security("LMS_MAIL_SECURITY", "starttls")
        if user is not None and security == "none":
            self.faults.append("LMS_MAIL_SECURITY=none would send LMS_MAIL_PASSWORD in the clear")
        settings = Settings(
            env=env,
            instance=instance,
            uploads=self.folder("LMS_UPLOADS", "uploads"),
            secret_key=secret,
            base_url=base_url,
            trusted_hosts=self.trusted_hosts(env, base_url),
            proxy_hops=self.number("LMS_PROXY_HOPS", 0, 0, 5),
            database_url=self.database_url(instance),
            queue_url=self.queue_url(instance),
            time_zone=self.parsed("LMS_TIME_ZONE", BRUSSELS, ZoneInfo, "an IANA time zone"),
            mail_host=mail_host,
            mail_port=self.number("LMS_MAIL_PORT", 465 if security == "tls" else 587, 1, 65535),
            mail_security=security,
            mail_user=user,
            mail_password=password,
            mail_from=self.parsed(
                "LMS_MAIL_FROM", "passerelle@localhost", _address, "one plain e-mail address"
            ),
            mail_timeout=self.number("LMS_MAIL_TIMEOUT", 20, 1, 120),
            mail_ca_file=self.ca_file("LMS_MAIL_CA_FILE"),
            **self.inbox(),
            sms_url=self.sms_url(),
            sms_token=self.sms_token(),
            sms_from=(self.get("LMS_SMS_FROM") or "")[:20],
            sms_timeout=self.number("LMS_SMS_TIMEOUT", 20, 1, 120),
            calendar_hosts=self.calendar_hosts(),
            calendar_ca_file=self.ca_file("LMS_CALENDAR_CA_FILE"),
            upload_mb=self.number("LMS_UPLOAD_MB", 25, 1, 200),
            learner_quota_mb=self.number("LMS_LEARNER_QUOTA_MB", 1000, 1, 1_000_000),
            free_space_mb=self.number("LMS_FREE_SPACE_MB", 500, 0, 1_000_000),
            demo=self.parsed("LMS_DEMO", True, _yes_or_no, "yes or no") and env != "production",
        )
        self.refuse_unknown()
        if self.faults:
            raise ConfigError(self.faults)
        return settings

    def trusted_hosts(self, env: Environment, base_url: str) -> tuple[str, ...]:
        """Return the given hosts; in production by default our own name, and localhost for health checks."""
        raw = self.get("LMS_TRUSTED_HOSTS")
        given = tuple(
            h.strip().lower() for h in (self.get("LMS_TRUSTED_HOSTS") or "").split(",") if h.strip()
        )
        if raw is not None and not (given and all(map(_HOST.fullmatch, given))):
            self.faults.append(
                "LMS_TRUSTED_HOSTS must list host names such as cours.example.be, separated by commas, "
                f"not {raw!r}"
            )
            return ()
        if given or env != "production":
            return given
        own = urlsplit(base_url).hostname if _is_base_url(base_url) else None
        return (own or "localhost", "localhost", "127.0.0.1")

    def folder(self, name: str, in_checkout: str) -> Path:
        """Return a folder of state; for an installed package it must be set.

        The current folder is no default there: a command started elsewhere would open an empty instance.
        """
        raw = self.get(name)
        if raw is None and not IS_CHECKOUT:
            self.faults.append(f"{name} must be set: an installed package has no folder of its own")
        path = Path(raw or ROOT / in_checkout).absolute()
        if not _can_write(path):
            self.faults.append(f"{name}: {path} cannot be written")
        return path

    def one_of_env(self) -> str:
        raw = self.get("LMS_ENV") or "development"
        if raw not in ("development", "production"):
            self.faults.append(f"LMS_ENV must be development or production, not {raw!r}")
        return raw

    def security(self, name: str, default: MailSecurity) -> MailSecurity:
        raw = self.get(name) or default
        for known in get_args(MailSecurity):
            if raw == known:
                return known  # type: ignore[no-any-return]
        self.faults.append(f"{name} must be tls, starttls or none, not {raw!r}")
        return default

    def inbox(self) -> dict[str, Any]:
        """Return the settings of the mailbox that is read; all at their defaults when there is none."""
        security = self.security("LMS_INBOX_SECURITY", "tls")
        found: dict[str, Any] = {
            "inbox_host": self.get("LMS_INBOX_HOST"),
            "inbox_port": self.number("LMS_INBOX_PORT", 993 if security == "tls" else 143, 1, 65535),
            "inbox_security": security,
            "inbox_user": self.get("LMS_INBOX_USER"),
            "inbox_password": self.get("LMS_INBOX_PASSWORD"),
            "inbox_ca_file": self.ca_file("LMS_INBOX_CA_FILE"),
            "inbox_timeout": self.number("LMS_INBOX_TIMEOUT", 30, 1, 120),
            "inbox_folder": self.get("LMS_INBOX_FOLDER") or "INBOX",
            "inbox_address": self.parsed("LMS_INBOX_ADDRESS", "", _address, "one plain e-mail address"),
            "inbox_separator": self.separator(),
        }
        if found["inbox_host"] is None:
            set_alone = [name for name in self.asked if "_INBOX_" in name and self.get(name)]
            if set_alone:
                self.faults.append(f"{min(set_alone)} needs LMS_INBOX_HOST, the server of the mailbox")
            return {}
        for name in ("LMS_INBOX_USER", "LMS_INBOX_PASSWORD", "LMS_INBOX_ADDRESS"):
            if not self.get(name):
                self.faults.append(f"{name} must be set with LMS_INBOX_HOST")
        if security == "none" and found["inbox_host"] not in ("localhost", "127.0.0.1", "::1"):
            self.faults.append("LMS_INBOX_SECURITY=none would send LMS_INBOX_PASSWORD in the clear")
        local = found["inbox_address"].partition("@")[0]
        if found["inbox_separator"] and len(local) + 1 + REPLY_TOKEN_LENGTH > 64:
            longest = 63 - REPLY_TOKEN_LENGTH
            self.faults.append(f"LMS_INBOX_ADDRESS may have {longest} characters before the @")
        return found

    def separator(self) -> str:
        """Return what stands between the address and a token; empty, and set to nothing, for none."""
        self.asked.add("LMS_INBOX_SEPARATOR")
        raw = self.environ.get("LMS_INBOX_SEPARATOR", "+").strip()
        if raw not in ("+", "-", "=", ""):
            self.faults.append(f"LMS_INBOX_SEPARATOR must be one of + - = or empty, not {raw!r}")
        return raw

    def base_url(self, env: Environment) -> str:
        raw = self.get("LMS_BASE_URL")
        if raw is None:
            if env == "production":
                self.faults.append("LMS_BASE_URL must be set in production: links in mails use it")
            return NO_BASE_URL
        if not _is_base_url(raw):
            self.faults.append(f"LMS_BASE_URL must look like https://cours.example.be, not {raw!r}")
        return raw.rstrip("/")

    def database_url(self, instance: Path) -> str:
        raw = self.get("LMS_DATABASE_URL")
        if raw is None:
            return f"sqlite:///{instance / 'passerelle.sqlite3'}"
        for prefix in ("postgresql://", "postgres://"):
            raw = raw.replace(prefix, "postgresql+psycopg://", 1) if raw.startswith(prefix) else raw
        if not raw.startswith(("sqlite:///", "postgresql+psycopg://")):
            self.faults.append("LMS_DATABASE_URL must begin with sqlite:/// or postgresql://")
        return raw

    def queue_url(self, instance: Path) -> str:
        raw = self.get("LMS_QUEUE_URL") or f"sqlite:///{instance / 'queue.sqlite3'}"
        if not raw.startswith(("sqlite:///", "redis://", "rediss://")):
            self.faults.append("LMS_QUEUE_URL must begin with sqlite:/// or redis://")
        return raw

    def sms_url(self) -> str | None:
        """Return the address of the gateway: https, or on this machine, as messages are personal data."""
        raw = self.get("LMS_SMS_URL")
        if raw is None:
            return None
        try:
            parts = urlsplit(raw)
            here = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
            valid = (parts.scheme == "https" or here) and parts.hostname and parts.port != 0
        except ValueError:
            valid = False
        if not valid or "@" in raw or not raw.isascii():
            self.faults.append("LMS_SMS_URL must begin with https:// and carry no password")
        return raw

    def sms_token(self) -> str | None:
        raw = self.get("LMS_SMS_TOKEN")
        if raw is not None and not (raw.isascii() and raw.isprintable() and " " not in raw):
            self.faults.append("LMS_SMS_TOKEN holds what no header can carry")
        return raw

    def calendar_hosts(self) -> tuple[str, ...]:
        """Return the servers as name:port."""
        found = []
        for raw in filter(None, map(str.strip, (self.get("LMS_CALENDAR_HOSTS") or "").split(","))):
            try:
                found.append(_server(raw))
            except ValueError:
                self.faults.append(f"LMS_CALENDAR_HOSTS must name servers as name or name:port, not {raw!r}")
        return tuple(found)

    def ca_file(self, name: str) -> Path | None:
        raw = self.get(name)
        if raw is not None and not Path(raw).is_file():
            self.faults.append(f"{name}: there is no file {raw}")
        return Path(raw) if raw else None

    def secret_from(self, instance: Path) -> str:
        """Return the key made at the first run; only its owner can read the file."""
        path = instance / "secret.key"
        if not IS_CHECKOUT and self.get("LMS_INSTANCE") is None:
            return "x" * 32  # `folder` reports the fault; nothing is written beside an installed package
        if not _can_write(instance):
            return "x" * 32  # `folder` reports the fault
        try:
            # It holds the database and the queue, which other users of the machine must not read.
            instance.mkdir(parents=True, exist_ok=True, mode=0o700)
            # O_EXCL: of two processes that start together one writes the key, the other reads it.
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_text().strip()
        except OSError as error:
            self.faults.append(f"LMS_INSTANCE: {instance} cannot be written ({error.strerror})")
            return "x" * 32
        with os.fdopen(descriptor, "w") as file:
            key = secrets.token_hex(32)
            file.write(key)
        return key

    def refuse_unknown(self) -> None:
        """Report unknown names: a mistyped one would silently do nothing."""
        for name in sorted(self.environ):
            if name.startswith("LMS_") and not name.startswith("LMS_TEST_") and name not in self.asked:
                self.faults.append(f"{name} is not a setting; see docs/operations.md")


_HOST = re.compile(r"\.?[\w-]+(\.[\w-]+)*(:\d{1,5})?")


def _is_base_url(raw: str) -> bool:
    try:
        parts = urlsplit(raw)
        has_port = parts.port != 0
    except ValueError:
        return False
    whole = parts.path in ("", "/") and not (parts.query or parts.fragment or parts.username)
    return parts.scheme in ("http", "https") and bool(parts.hostname) and has_port and whole


def _can_write(folder: Path) -> bool:
    """Return whether the folder, or the nearest one above it that exists, can be written."""
    try:
        nearest = next(path for path in (folder, *folder.parents) if path.exists())
    except OSError:
        return False
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)


def _yes_or_no(raw: str) -> bool:
    if raw.lower() not in ("yes", "no"):
        raise ValueError(raw)
    return raw.lower() == "yes"


def _server(raw: str) -> str:
    """Return a server as name:port, with the port of https when none is given."""
    parts = urlsplit(f"//{raw}")
    if not parts.hostname or parts.netloc != raw or "@" in raw:
        raise ValueError(raw)
    return f"{parts.hostname}:{parts.port or 443}"


def _address(raw: str) -> str:
    """Return an e-mail address as the mailer sends it, by the check of the addresses of people."""
    from lms.normal_forms import normalize_email  # noqa: PLC0415  (`lms` itself imports this module)

    return normalize_email(raw)
