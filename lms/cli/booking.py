"""`flask booking`: retime bookings after a change of time zone rules, check their consistency."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from lms.clock import now
from lms.current import settings
from lms.domain.booking import consistency, retime, stored_conflicts
from lms.extensions import db, write


@click.group("booking")
def command() -> None:
    """Maintain the bookings."""


@command.command("retime")
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@with_appcontext
def retime_command(dry_run: bool) -> None:
    """Recompute the instants of upcoming bookings from their local times and the current time zone data."""
    zone, moment = settings().time_zone, now()
    if dry_run:
        found = retime.plan_changes(db.session(), now=moment, zone=zone)
    else:
        found = write(lambda session: retime.apply_changes(session, now=moment, zone=zone))
    for change in found.changes:
        click.echo(
            f"{change.booking_id}  {change.wall}  {change.before:%F %H:%MZ} -> {change.after:%F %H:%MZ}"
        )
    for fault in (*found.faults, *found.collisions):
        click.echo(f"{fault.booking_id}  {fault.wall}  left alone: {fault.reason}")
    if found.collisions:
        click.echo("nothing changes while bookings collide: move or cancel one of them first")
    elif not found.changes:
        click.echo("nothing to do")
    else:
        click.echo(f"bookings {'that would change' if dry_run else 'changed'}: {len(found.changes)}")
    if found.faults or found.collisions:
        raise SystemExit(1)


@command.command("check")
@with_appcontext
def check_command() -> None:
    """Check the consistency of all bookings; exit code 1 and a line for each fault when there is one."""
    session = db.session()
    found = [
        *consistency.find_faults(session, now=now()),
        *stored_conflicts.find_conflict_faults(session, now=now(), zone=settings().time_zone),
    ]
    for fault in found:
        click.echo(fault)
    if found:
        raise SystemExit(1)
    checked = consistency.count_checked(session)
    click.echo(f"{checked.bookings} bookings, {checked.claims} claims: consistent")


@command.command("audit", hidden=True, deprecated="It is called `flask booking check` now.")
@click.pass_context
def audit_command(context: click.Context) -> None:
    """Run `flask booking check` under its old name, until release 0.2."""
    context.invoke(check_command)
