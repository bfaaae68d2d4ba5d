"""Sentences of the refusals about appointments, availability, the waitlist and external calendars."""

from __future__ import annotations

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

SENTENCES: dict[str, LazyString] = {
    "slot_taken": _l("Cette heure vient d’être prise. Choisissez une autre heure."),
    "slot_gone": _l("Cette heure n’est plus proposée. Choisissez une autre heure."),
    "too_soon": _l("Cette heure est trop proche. Choisissez une heure plus tard."),
    "too_far": _l("Cette date est trop loin. Choisissez une date plus proche."),
    "week_full": _l("Cette semaine est pleine : %(number)s rendez-vous. Choisissez une autre semaine."),
    "too_many_open": _l("Il y a déjà %(number)s rendez-vous à venir. C’est le maximum."),
    "already_cancelled": _l("Ce rendez-vous est déjà annulé. Vous pouvez en prendre un autre."),
    "already_begun": _l("Ce rendez-vous a déjà commencé. Appelez le service."),
    "busy_yourself": _l("Il y a déjà un rendez-vous à cette heure. Choisissez une autre heure."),
    "not_bookable": _l("Cette personne ne peut pas prendre de rendez-vous. Demandez au service."),
    # Availability rules and special days.
    "hours_backward": _l("La fin vient avant le début. Changez une des deux heures."),
    "hours_too_short": _l("Il faut au moins une heure entre le début et la fin."),
    "dates_backward": _l("La dernière date vient avant la première. Changez une des deux dates."),
    "dates_too_long": _l("La période est trop longue. Choisissez un an au plus."),
    "room_missing": _l("Écrivez la salle pour les rendez-vous sur place."),
    "hours_missing": _l("Choisissez les heures de cette ouverture."),
    "not_swappable": _l("Échangez deux rendez-vous du même professeur avec deux personnes."),
    "learner_busy": _l("Une des deux personnes n’est pas libre à l’autre heure."),
    "day_over": _l("Ce jour est passé. Choisissez aujourd’hui ou un jour qui vient."),
    # Waitlist.
    "no_part_of_day": _l("Choisissez le matin, l’après-midi ou le soir."),
    "teacher_gone": _l("Ce professeur ne donne plus de rendez-vous. Choisissez une autre personne."),
    "offer_over": _l("Cette proposition est finie. L’heure est pour une autre personne."),
    # Attendance.
    "not_begun": _l("Ce rendez-vous n’a pas encore commencé."),
    "not_an_attendance": _l("Choisissez une des quatre réponses."),
    # External calendars: adding one.
    "calendar_address": _l("Cette adresse ne va pas. Copiez-la encore une fois en entier."),
    "calendar_not_https": _l("L’adresse doit commencer par https ou webcal."),
    "calendar_known": _l("Cet agenda est déjà dans la liste."),
    "calendar_too_many": _l("Vous avez déjà %(number)s agendas. C’est le maximum."),
    # Reading one.
    "calendar_private": _l("Cette adresse n’est pas publique. Demandez au service."),
    "calendar_port": _l("Cette adresse a un numéro de port. Demandez au service."),
    "calendar_unreachable": _l("L’autre agenda ne répond pas. Nous essayons encore."),
    "calendar_denied": _l("L’autre agenda refuse ou n’existe plus. Copiez une nouvelle adresse."),
    "calendar_too_big": _l("L’autre agenda est trop lourd : plus de 2 Mo."),
    "calendar_too_slow": _l("L’autre agenda est trop lent. Nous essayons encore."),
    "calendar_broken": _l("À cette adresse, il n’y a pas d’agenda. Vérifiez l’adresse."),
    "calendar_too_dense": _l("L’autre agenda a trop d’événements. Choisissez un autre agenda."),
}
