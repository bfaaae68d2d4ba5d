from __future__ import annotations

import stat
from pathlib import Path

import pytest

from config import ConfigError, Settings


def read(tmp_path: Path, **environ: str) -> Settings:
    return Settings.from_env({"LMS_INSTANCE": str(tmp_path / "instance"), **environ})


def faults(tmp_path: Path, **environ: str) -> list[str]:
    with pytest.raises(ConfigError) as told:
        read(tmp_path, **environ)
    return told.value.faults


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    found = faults(tmp_path, LMS_MAIL_PORT="mail", LMS_TIME_ZONE="Charleroi", LMS_MAIL_USER="nadia")
    assert [fault.split()[0] for fault in found] == ["LMS_MAIL_USER", "LMS_TIME_ZONE", "LMS_MAIL_PORT"]


def test_a_mistyped_name_is_a_fault_and_not_silence(tmp_path: Path) -> None:
    assert "LMS_MAIL_HOTS is not a setting" in faults(tmp_path, LMS_MAIL_HOTS="smtp.example.be")[0]


def test_production_wants_a_mail_server_and_its_own_address(tmp_path: Path) -> None:
    found = faults(tmp_path, LMS_ENV="production")
    assert [fault.split()[0] for fault in found] == ["LMS_BASE_URL", "LMS_MAIL_HOST"]


def test_production_answers_to_its_own_name_alone(tmp_path: Path) -> None:
    production = {
        "LMS_ENV": "production",
        "LMS_BASE_URL": "https://cours.example.be",
        "LMS_MAIL_HOST": "smtp.example.be",
    }
    assert read(tmp_path, **production).trusted_hosts == ("cours.example.be", "localhost", "127.0.0.1")
    given = read(tmp_path, **production, LMS_TRUSTED_HOSTS="a.example.be, b.example.be").trusted_hosts
    assert given == ("a.example.be", "b.example.be")
    assert read(tmp_path).trusted_hosts == ()


def test_a_password_never_goes_over_an_open_line(tmp_path: Path) -> None:
    found = faults(
        tmp_path,
        LMS_MAIL_HOST="smtp.example.be",
        LMS_MAIL_SECURITY="none",
        LMS_MAIL_USER="nadia",
        LMS_MAIL_PASSWORD="secret",
    )
    assert "in the clear" in found[0]
    assert "secret" not in found[0]


def test_the_secret_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    first, second = read(tmp_path), read(tmp_path)
    assert first.secret_key == second.secret_key
    assert len(first.secret_key) == 64
    path = tmp_path / "instance" / "secret.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("given", ["https://cours.example.be", "*", "a b", "a/b", ",", "[::1]"])
def test_a_list_of_hosts_that_matches_nothing_is_a_fault(tmp_path: Path, given: str) -> None:
    assert "LMS_TRUSTED_HOSTS" in faults(tmp_path, LMS_TRUSTED_HOSTS=given)[0]


@pytest.mark.parametrize("given", ["https://a.be:99999", "https://[", "https://a.be/?x", "https://me@a.be"])
def test_an_address_that_no_link_can_begin_with_is_a_fault(tmp_path: Path, given: str) -> None:
    assert "LMS_BASE_URL" in faults(tmp_path, LMS_BASE_URL=given)[0]


@pytest.mark.parametrize("given", ["0", "-1", "65536", "25.0", "smtp", "587 587"])
def test_a_port_that_does_not_exist_is_a_fault(tmp_path: Path, given: str) -> None:
    assert "LMS_MAIL_PORT must be a whole number" in faults(tmp_path, LMS_MAIL_PORT=given)[0]


@pytest.mark.parametrize(
    "given", ["cours", "a@b@c.be", "cours@-a.be", "@cours.be", "Nadia <cours@a.be>", "a..b@c.be"]
)
def test_a_sender_is_checked_like_the_addresses_of_people(tmp_path: Path, given: str) -> None:
    assert "LMS_MAIL_FROM must be one plain" in faults(tmp_path, LMS_MAIL_FROM=given)[0]


def test_a_sender_stands_in_mails_as_the_mailer_writes_it(tmp_path: Path) -> None:
    assert read(tmp_path).mail_from == "passerelle@localhost"
    assert read(tmp_path, LMS_MAIL_FROM="Cours@École.BE").mail_from == "Cours@xn--cole-9oa.be"


@pytest.mark.parametrize("name", ["LMS_INSTANCE", "LMS_UPLOADS"])
def test_a_folder_that_is_a_file_is_a_fault(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    for place in ("file", "file/below"):
        (fault,) = faults(tmp_path, **{name: str(tmp_path / place)})
        assert fault == f"{name}: {tmp_path / place} cannot be written"


def test_two_instances_share_nothing(tmp_path: Path) -> None:
    here, there = read(tmp_path / "a"), read(tmp_path / "b")
    assert here.secret_key != there.secret_key
    assert here.database_url != there.database_url
    assert here.queue_url != there.queue_url


@pytest.mark.parametrize("given", ["postgres://u:p@db/school", "postgresql://u:p@db/school"])
def test_an_address_of_postgresql_means_its_driver(tmp_path: Path, given: str) -> None:
    assert read(tmp_path, LMS_DATABASE_URL=given).database_url == "postgresql+psycopg://u:p@db/school"


def test_a_database_nobody_knows_is_refused(tmp_path: Path) -> None:
    assert "LMS_DATABASE_URL" in faults(tmp_path, LMS_DATABASE_URL="mysql://db/school")[0]


def test_links_use_the_given_address_without_its_last_stroke(tmp_path: Path) -> None:
    assert read(tmp_path, LMS_BASE_URL="https://cours.example.be/").base_url == "https://cours.example.be"
    assert read(tmp_path, LMS_BASE_URL="https://cours.example.be/").https
    assert "LMS_BASE_URL" in faults(tmp_path, LMS_BASE_URL="cours.example.be")[0]


def test_the_address_in_use_stands_in_where_none_is_set(tmp_path: Path) -> None:
    environ = {"LMS_INSTANCE": str(tmp_path)}
    found = Settings.from_env(environ, default_base_url="http://localhost:8001")
    assert found.base_url == "http://localhost:8001"


def test_calendar_servers_of_one_s_own_are_named_with_their_port(tmp_path: Path) -> None:
    named = read(tmp_path, LMS_CALENDAR_HOSTS="Cloud.example.be, intern.example.be:8443,")
    assert named.calendar_hosts == ("cloud.example.be:443", "intern.example.be:8443")
    for wrong in ("https://cloud.example.be", "nadia@cloud.example.be", "cloud:99999", ":8443", "a/b", "[x"):
        assert "LMS_CALENDAR_HOSTS" in faults(tmp_path, LMS_CALENDAR_HOSTS=wrong)[0]
    assert "LMS_CALENDAR_CA_FILE" in faults(tmp_path, LMS_CALENDAR_CA_FILE="/nowhere.pem")[0]


@pytest.mark.parametrize(
    "url",
    [
        "http://sms.example.be/send",
        "https://",
        "https://user:word@sms.example.be",
        "https://sms.example.be:x",
        "ftp://localhost",
        "sms.example.be",
    ],
)
def test_numbers_of_people_cross_no_open_line(tmp_path: Path, url: str) -> None:
    found = faults(tmp_path, LMS_SMS_URL=url)
    assert "LMS_SMS_URL" in found[0]
    assert "word@" not in found[0]


def test_a_gateway_may_stand_on_this_machine(tmp_path: Path) -> None:
    found = read(tmp_path, LMS_SMS_URL="http://127.0.0.1:8800/send", LMS_SMS_TOKEN="abc")
    assert (found.sms_url, found.sms_token, found.sends_texts) == ("http://127.0.0.1:8800/send", "abc", True)


def test_a_token_that_no_header_carries_is_refused_and_not_shown(tmp_path: Path) -> None:
    (fault,) = faults(tmp_path, LMS_SMS_TOKEN="a secret\twörd")
    assert "LMS_SMS_TOKEN" in fault
    assert "secret" not in fault


INBOX = {
    "LMS_INBOX_HOST": "imap.example.be",
    "LMS_INBOX_USER": "devoirs",
    "LMS_INBOX_PASSWORD": "secret",
    "LMS_INBOX_ADDRESS": "devoirs@Example.be",
}


def test_a_mailbox_has_good_defaults_and_no_mailbox_is_none(tmp_path: Path) -> None:
    found = read(tmp_path, **INBOX)
    assert (found.inbox_port, found.inbox_security, found.inbox_folder) == (993, "tls", "INBOX")
    assert (found.inbox_address, found.inbox_separator) == ("devoirs@example.be", "+")
    assert found.has_inbox
    assert read(tmp_path, **INBOX, LMS_INBOX_SECURITY="starttls").inbox_port == 143
    assert read(tmp_path, **INBOX, LMS_INBOX_SEPARATOR="").inbox_separator == "", "no sub-addresses"
    assert not read(tmp_path).has_inbox


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"LMS_INBOX_HOST": ""}, "needs LMS_INBOX_HOST"),
        ({"LMS_INBOX_USER": ""}, "LMS_INBOX_USER must be set"),
        ({"LMS_INBOX_SECURITY": "none"}, "in the clear"),
        ({"LMS_INBOX_SEPARATOR": "/"}, "LMS_INBOX_SEPARATOR must be one of"),
        ({"LMS_INBOX_ADDRESS": "Devoirs <a@b.be>"}, "LMS_INBOX_ADDRESS must be one plain"),
        ({"LMS_INBOX_ADDRESS": f"{'d' * 23}@example.be"}, "22 characters before the @"),
        ({"LMS_INBOX_CA_FILE": "/nowhere.pem"}, "there is no file"),
    ],
)
def test_a_mailbox_that_could_not_work_is_a_fault(tmp_path: Path, more: dict[str, str], said: str) -> None:
    found = faults(tmp_path, **{**INBOX, **more})
    assert said in "\n".join(found)
    assert "secret" not in "\n".join(found)
