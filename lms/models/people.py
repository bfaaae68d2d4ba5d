"""The organisation, its levels and people, and their logins."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import ClassVar

from sqlalchemy import CheckConstraint, Enum, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from lms.extensions import Base, Identified
from lms.models.partial_index import partial_index
from lms.normal_forms import name_key, split_name


class Role(StrEnum):
    LEARNER = "learner"
    TEACHER = "teacher"
    COORDINATOR = "coordinator"
    SOCIAL_WORKER = "social_worker"


class LoginKind(StrEnum):
    """Login with a card on an own or a shared phone, or with a password."""

    OWN = "own"
    SHARED = "shared"
    STAFF = "staff"


class Channel(StrEnum):
    """Channel of a message to a person; by hand, a member of the team sends it."""

    MAIL = "mail"
    SMS = "sms"
    HAND = "hand"


# The preferred channel of a person; `auto`: e-mail, else SMS.
AUTOMATIC = "auto"
REACHES = (AUTOMATIC, *Channel)


def one_of(column: str, words: Iterable[str]) -> str:
    """Return the SQL of a CHECK that a column has one of the given words."""
    return f"{column} IN ({', '.join(repr(str(word)) for word in words)})"


def values_of(words: type[StrEnum]) -> list[str]:
    return [word.value for word in words]


def word_type(words: type[StrEnum], length: int) -> Enum:
    """Return the type of a text column with the values of an enum; any other value is an error."""
    return Enum(
        words,
        values_callable=values_of,
        length=length,
        native_enum=False,
        create_constraint=False,
        validate_strings=True,
    )


class Named:
    """A row with a name, and the form of that name in which it is compared, searched and sorted (ADR 20)."""

    # In the order of the code points on both engines.
    name_key: Mapped[str] = mapped_column(Text().with_variant(Text(collation="C"), "postgresql"))

    @validates("name")
    def _set_name_key(self, _attribute: str, name: str) -> str:
        self.name_key = name_key(name)
        return name


class Organisation(Base):
    """The organisation that runs the instance: one row, created by `flask init`."""

    __tablename__ = "organisation"
    __table_args__ = (
        CheckConstraint("id = 1", name="only_one"),
        CheckConstraint("lead_hours BETWEEN 0 AND 336", name="lead_hours"),
        CheckConstraint("horizon_days BETWEEN 1 AND 365", name="horizon_days"),
        CheckConstraint("weekly_cap BETWEEN 1 AND 20", name="weekly_cap"),
        CheckConstraint("open_cap BETWEEN 1 AND 50", name="open_cap"),
        CheckConstraint("onsite_buffer_minutes IN (0, 15, 30, 45, 60)", name="onsite_buffer"),
        CheckConstraint("late_cancel_hours BETWEEN 0 AND 168", name="late_cancel_hours"),
        CheckConstraint("quiet_from BETWEEN 0 AND 23 AND quiet_until BETWEEN 0 AND 23", name="quiet_hours"),
    )

    id: Mapped[int] = mapped_column(primary_key=True, default=1)
    name: Mapped[str] = mapped_column(String(120))
    address: Mapped[str] = mapped_column(String(200), default="")
    directions: Mapped[str] = mapped_column(String(200), default="")  # bus stop, floor, door
    door_photo_key: Mapped[str | None] = mapped_column(String(80))  # photo of the entrance, in the store
    door_photo_sha256: Mapped[str | None] = mapped_column(String(64))
    phone: Mapped[str] = mapped_column(String(40), default="")
    email: Mapped[str] = mapped_column(String(254), default="")
    pin_required: Mapped[bool] = mapped_column(default=True)
    hygiene_notice: Mapped[bool] = mapped_column(default=False)
    hygiene_text: Mapped[str] = mapped_column(Text, default="")
    video_base: Mapped[str] = mapped_column(String(200), default="")  # empty: none
    lead_hours: Mapped[int] = mapped_column(default=12)
    horizon_days: Mapped[int] = mapped_column(default=60)
    weekly_cap: Mapped[int] = mapped_column(default=2)
    open_cap: Mapped[int] = mapped_column(default=4)
    onsite_buffer_minutes: Mapped[int] = mapped_column(default=15)
    late_cancel_hours: Mapped[int] = mapped_column(default=12)
    # Hours on the clock between which nobody has to answer; the same hour twice means never.
    quiet_from: Mapped[int] = mapped_column(default=20)
    quiet_until: Mapped[int] = mapped_column(default=8)


class Level(Named, Identified, Base):
    __tablename__ = "level"
    __table_args__ = (UniqueConstraint("code"), UniqueConstraint("position"), UniqueConstraint("name_key"))

    code: Mapped[str] = mapped_column(String(8))
    name: Mapped[str] = mapped_column(String(60))
    cefr: Mapped[str] = mapped_column(String(30), default="")
    blurb: Mapped[str] = mapped_column(String(200), default="")
    position: Mapped[int]


class Person(Named, Identified, Base):
    """A learner or a member of the team. Never nationality, income, status or national number."""

    __tablename__ = "person"
    __table_args__ = (
        UniqueConstraint("login_email"),
        CheckConstraint("login_email = lower(login_email)", name="login_email_lower"),
        CheckConstraint("text_size IN ('normal', 'large')", name="text_size"),
        Index("ix_person_level_id_deactivated_at", "level_id", "deactivated_at", "social_worker_id"),
        partial_index("ix_person_deactivated_at", "deactivated_at", where="deactivated_at IS NOT NULL"),
        Index("ix_person_social_worker_id_name", "social_worker_id", "name_key", "id"),
        partial_index("ix_person_name_active", "name_key", "id", where="deactivated_at IS NULL"),
        partial_index("ix_person_seen_at_active", "seen_at", "created_at", where="deactivated_at IS NULL"),
    )

    name: Mapped[str] = mapped_column(String(120))
    # The first name; in the team with more, where somebody else has the same (`people/short_names`).
    short_name: Mapped[str] = mapped_column(String(120))
    language: Mapped[str] = mapped_column(String(8), default="fr")
    email: Mapped[str | None] = mapped_column(String(254))
    phone: Mapped[str | None] = mapped_column(String(40))
    text_size: Mapped[str] = mapped_column(String(8), default="normal")
    video_address: Mapped[str | None] = mapped_column(String(500))  # of a teacher
    reach: Mapped[str] = mapped_column(String(8), default=AUTOMATIC)
    shared_phone: Mapped[bool] = mapped_column(default=False)
    letter_keys: Mapped[bool] = mapped_column(default=True)  # of a teacher: single letters act on a copy
    delf_points: Mapped[bool] = mapped_column(default=False)  # of a teacher: sees them
    weekly_digest: Mapped[bool] = mapped_column(default=True)  # of a teacher: a mail each Monday
    level_id: Mapped[str | None] = mapped_column(ForeignKey("level.id", ondelete="RESTRICT"))
    social_worker_id: Mapped[str | None] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    video_consent_at: Mapped[datetime | None]
    # The login of a member of the team; learners have a card instead.
    login_email: Mapped[str | None] = mapped_column(String(254))
    password_hash: Mapped[str | None] = mapped_column(String(200))
    # Raised when the address changes or the person leaves: older reply addresses end (ADR 40).
    mail_epoch: Mapped[int] = mapped_column(default=0, server_default="0")
    # Since when mails to the address come back; none is sent until it changes.
    email_bounced_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    # The last use of any login, also of one that was deleted since; None: never logged in.
    seen_at: Mapped[datetime | None]
    deactivated_at: Mapped[datetime | None]

    level: Mapped[Level | None] = relationship(lazy="raise_on_sql")
    social_worker: Mapped[Person | None] = relationship(remote_side="Person.id", lazy="raise_on_sql")
    role_rows: Mapped[list[PersonRole]] = relationship(lazy="selectin", cascade="all, delete-orphan")

    @validates("name")
    def _set_name_key(self, attribute: str, name: str) -> str:
        self.short_name = split_name(name)[0]
        return super()._set_name_key(attribute, name)

    @validates("email", "login_email", "deactivated_at")
    def _end_addresses(self, attribute: str, value: str | datetime | None) -> str | datetime | None:
        """End the reply addresses, and what we know of the address, when it changes or the person leaves."""
        epoch: int | None = self.mail_epoch  # None while the row is being made
        if epoch is not None and value != getattr(self, attribute):
            self.mail_epoch = epoch + 1
            self.email_bounced_at = None
        return value

    @property
    def roles(self) -> frozenset[Role]:
        return frozenset(row.role for row in self.role_rows)

    @property
    def is_learner(self) -> bool:
        return Role.LEARNER in self.roles

    @property
    def is_teacher(self) -> bool:
        return Role.TEACHER in self.roles

    @property
    def is_coordinator(self) -> bool:
        return Role.COORDINATOR in self.roles

    @property
    def is_staff(self) -> bool:
        return bool(self.roles - {Role.LEARNER})

    @property
    def first_name(self) -> str:
        return split_name(self.name)[0]

    # Required by Flask-Login.
    is_authenticated: ClassVar[bool] = True
    is_anonymous: ClassVar[bool] = False

    @property
    def is_active(self) -> bool:
        return self.deactivated_at is None

    @property
    def gives_appointments(self) -> bool:
        return self.is_active and self.is_teacher

    @property
    def takes_appointments(self) -> bool:
        return self.is_active and self.is_learner

    @property
    def takes_learners(self) -> bool:
        """Return whether learners may be assigned to the person as their social worker."""
        return self.is_active and Role.SOCIAL_WORKER in self.roles

    def get_id(self) -> str:
        return self.id


class PersonRole(Base):
    __tablename__ = "person_role"
    __table_args__ = (
        CheckConstraint(one_of("role", Role), name="role"),
        Index("ix_person_role_role", "role", "person_id"),
    )

    person_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), primary_key=True)
    role: Mapped[Role] = mapped_column(word_type(Role, 16), primary_key=True)


class OpenedLevel(Base):
    """A level that a teacher opened for a learner besides the learner's own."""

    __tablename__ = "opened_level"
    __table_args__ = (Index("ix_opened_level_level_id", "level_id"),)

    person_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"), primary_key=True)
    level_id: Mapped[str] = mapped_column(ForeignKey("level.id", ondelete="CASCADE"), primary_key=True)
    opened_by_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    opened_at: Mapped[datetime]


class AccessCard(Identified, Base):
    """The printed card. The code only names it; the token, or the code with the PIN, logs in."""

    __tablename__ = "access_card"
    __table_args__ = (
        UniqueConstraint("token_hash"),
        UniqueConstraint("code"),
        CheckConstraint("failed_pins >= 0", name="failed_pins"),
        Index("ix_access_card_person_id", "person_id"),
        partial_index("ix_access_card_locked", "person_id", where="locked_at IS NOT NULL"),
        # A person has one active card: issuing a new one revokes the old one.
        partial_index("uq_access_card_active", "person_id", where="revoked_at IS NULL", unique=True),
    )

    person_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    token_hash: Mapped[str] = mapped_column(String(64))
    code: Mapped[str] = mapped_column(String(8))
    pin_hash: Mapped[str] = mapped_column(String(200))
    failed_pins: Mapped[int] = mapped_column(default=0)
    locked_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    created_by_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="RESTRICT"))
    revoked_at: Mapped[datetime | None]

    person: Mapped[Person] = relationship(foreign_keys=[person_id], lazy="raise_on_sql")


class KnownDevice(Identified, Base):
    """A device on which the PIN of this card was entered correctly once."""

    __tablename__ = "known_device"
    __table_args__ = (UniqueConstraint("token_hash"), Index("ix_known_device_card_id", "card_id"))

    card_id: Mapped[str] = mapped_column(ForeignKey("access_card.id", ondelete="CASCADE"))
    token_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]


class LoginSession(Identified, Base):
    """A login session on one device; the server alone decides whether it is active."""

    __tablename__ = "login_session"
    __table_args__ = (
        UniqueConstraint("token_hash"),
        Index("ix_login_session_person_id", "person_id"),
        Index("ix_login_session_card_id", "card_id"),
        Index("ix_login_session_known_device_id", "known_device_id"),
    )

    person_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    card_id: Mapped[str | None] = mapped_column(ForeignKey("access_card.id", ondelete="CASCADE"))
    # Logging out makes this device ask for the PIN again.
    known_device_id: Mapped[str | None] = mapped_column(ForeignKey("known_device.id", ondelete="SET NULL"))
    token_hash: Mapped[str] = mapped_column(String(64))
    kind: Mapped[LoginKind] = mapped_column(word_type(LoginKind, 8))
    device: Mapped[str] = mapped_column(String(80), default="")
    created_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    person: Mapped[Person] = relationship(lazy="raise_on_sql")


class PasswordLink(Identified, Base):
    """A link, used once, with which a member of the team chooses a password."""

    __tablename__ = "password_link"
    __table_args__ = (UniqueConstraint("token_hash"), Index("ix_password_link_person_id", "person_id"))

    person_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    token_hash: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]

    person: Mapped[Person] = relationship(lazy="raise_on_sql")


class KeptForm(Identified, Base):
    """A form that was sent after its login had ended, for an hour and for its person.

    The browser that sent it holds the token. `fields`: names and values as JSON, without secrets and files.
    """

    __tablename__ = "kept_form"
    __table_args__ = (UniqueConstraint("token_hash"), Index("ix_kept_form_person_id", "person_id"))

    person_id: Mapped[str] = mapped_column(ForeignKey("person.id", ondelete="CASCADE"))
    token_hash: Mapped[str] = mapped_column(String(64))
    path: Mapped[str] = mapped_column(String(500))
    fields: Mapped[str] = mapped_column(Text)
    had_files: Mapped[bool]
    created_at: Mapped[datetime]
