"""`flask init`: create the organisation of a new instance."""

from __future__ import annotations

import click
from flask.cli import with_appcontext
from flask_babel import force_locale

from lms.clock import now
from lms.current import settings
from lms.domain.errors import Refused
from lms.domain.people import organisation, staff
from lms.extensions import db, write
from lms.forms import is_public_address, tidy_name
from lms.i18n import refusals
from lms.links import absolute_url
from lms.models import Organisation
from lms.refusal_codes import RefusalCode
from lms.schema_version import migrate_database


@click.command("init")
@click.option("--service", "name", help="Name of the service.")
@click.option("--coordinator", help="Name of the first coordinator.")
@click.option("--email", help="The coordinator's e-mail address.")
@with_appcontext
def command(name: str | None, coordinator: str | None, email: str | None) -> None:
    """Migrate the database; create the organisation, three levels, and a link for the first coordinator."""
    migrate_database()
    if db.session().get(Organisation, 1) is not None:
        raise _click_error(Refused(RefusalCode.ALREADY_FOUNDED))
    service_name = _ask(name, "Name of the service", 120)
    person_name = _ask(coordinator, "Name of the first coordinator", 120)
    address = _ask(email, "E-mail address of the coordinator", 254)
    if not is_public_address(address):
        raise click.BadParameter(f"{address} is no e-mail address", param_hint="--email")
    token = staff.new_token()
    try:
        write(
            lambda s: organisation.create_organisation(
                s, service_name, person_name, address, token, now=now()
            )
        )
    except Refused as refusal:
        raise _click_error(refusal) from None
    click.echo(f"{service_name} is open. For one hour {person_name} chooses a password here:")
    click.echo(absolute_url(settings(), "auth.choose_password", token=token))


def _click_error(refusal: Refused) -> click.ClickException:
    with force_locale("en"):  # without a request there is no language of a person
        return click.ClickException(f"{refusals.sentence(refusal)} ({refusal.code})")


def _ask(given: str | None, question: str, longest: int) -> str:
    value = tidy_name(given if given is not None else click.prompt(question)) or ""
    if not value or len(value) > longest:
        raise click.BadParameter(f"{question}: 1 to {longest} characters")
    return value
