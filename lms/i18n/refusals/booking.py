"""Sentences of the refusals about appointments, availability, the waitlist and external calendars."""

from __future__ import annotations

from flask_babel import LazyString
from flask_babel import lazy_gettext as _l

from lms.refusal_codes import RefusalCode

SENTENCES: dict[RefusalCode, LazyString] = {
    RefusalCode.SLOT_TAKEN: _l("Cette place vient d’être prise. Choisissez une autre place."),
    RefusalCode.SLOT_GONE: _l("Cette place n’est plus proposée. Choisissez une autre place."),
    RefusalCode.TOO_SOON: _l("Cette heure est trop proche. Choisissez une heure plus tard."),
    RefusalCode.TOO_FAR: _l("Cette date est trop loin. Choisissez une date plus proche."),
    RefusalCode.WEEK_FULL: _l(
        "Cette semaine est pleine : %(number)s rendez-vous. Choisissez une autre semaine."
    ),
    RefusalCode.TOO_MANY_OPEN: _l("Il y a déjà %(number)s rendez-vous à venir. C’est le maximum."),
    RefusalCode.ALREADY_CANCELLED: _l("Ce rendez-vous est déjà annulé. Vous pouvez en prendre un autre."),
    RefusalCode.ALREADY_BEGUN: _l("Ce rendez-vous a déjà commencé. Appelez le service."),
    RefusalCode.BUSY_YOURSELF: _l("Il y a déjà un rendez-vous à cette heure. Choisissez une autre place."),
    RefusalCode.NOT_BOOKABLE: _l("Cette personne ne peut pas prendre de rendez-vous. Demandez au service."),
    # Availability rules and special days.
    RefusalCode.HOURS_BACKWARD: _l("La fin vient avant le début. Changez une des deux heures."),
    RefusalCode.HOURS_TOO_SHORT: _l("Il faut au moins une heure entre le début et la fin."),
    RefusalCode.DATES_BACKWARD: _l("La dernière date vient avant la première. Changez une des deux dates."),
    RefusalCode.DATES_TOO_LONG: _l("La période est trop longue. Choisissez un an au plus."),
    RefusalCode.ROOM_MISSING: _l("Écrivez la salle pour les rendez-vous sur place."),
    RefusalCode.HOURS_MISSING: _l("Choisissez les heures de cette ouverture."),
    RefusalCode.DELETION_FINAL: _l("C’est trop tard pour annuler. Ajoutez-les encore une fois."),
    RefusalCode.NOT_SWAPPABLE: _l("Échangez deux rendez-vous du même professeur avec deux personnes."),
    RefusalCode.LEARNER_BUSY: _l("Une des deux personnes n’est pas libre à l’autre heure."),
    RefusalCode.VIDEO_IN_USE: _l("Des rendez-vous par vidéo sont prévus ou proposés. Mettez un autre lien."),
    RefusalCode.DAY_OVER: _l("Ce jour est passé. Choisissez aujourd’hui ou un jour qui vient."),
    # Waitlist.
    RefusalCode.NO_PART_OF_DAY: _l("Choisissez le matin, l’après-midi ou le soir."),
    RefusalCode.TEACHER_GONE: _l(
        "Ce professeur ne donne plus de rendez-vous. Choisissez une autre personne."
    ),
    RefusalCode.OFFER_OVER: _l("Cette proposition est finie. La place est pour une autre personne."),
    RefusalCode.UNDO_OVER: _l("C’est trop tard pour reprendre ce rendez-vous. Choisissez une autre place."),
    # Attendance.
    RefusalCode.NOT_BEGUN: _l("Ce rendez-vous n’a pas encore commencé."),
    RefusalCode.NOT_AN_ATTENDANCE: _l("Choisissez une des quatre réponses."),
    # External calendars: adding one.
    RefusalCode.CALENDAR_ADDRESS: _l("Cette adresse est fausse. Copiez-la encore une fois en entier."),
    RefusalCode.CALENDAR_NOT_HTTPS: _l("L’adresse doit commencer par https ou webcal."),
    RefusalCode.CALENDAR_KNOWN: _l("Cet agenda est déjà dans la liste."),
    RefusalCode.CALENDAR_TOO_MANY: _l("Vous avez déjà %(number)s agendas. C’est le maximum."),
    # Reading one.
    RefusalCode.CALENDAR_PRIVATE: _l("Cette adresse n’est pas publique. Demandez au service."),
    RefusalCode.CALENDAR_PORT: _l("Cette adresse a un numéro de port. Demandez au service."),
    RefusalCode.CALENDAR_UNREACHABLE: _l("L’autre agenda ne répond pas. Nous essayons encore."),
    RefusalCode.CALENDAR_DENIED: _l("L’autre agenda refuse ou n’existe plus. Copiez une nouvelle adresse."),
    RefusalCode.CALENDAR_TOO_BIG: _l("L’autre agenda est trop lourd : plus de 2 Mo."),
    RefusalCode.CALENDAR_TOO_SLOW: _l("L’autre agenda est trop lent. Nous essayons encore."),
    RefusalCode.CALENDAR_BROKEN: _l("À cette adresse, il n’y a pas d’agenda. Vérifiez l’adresse."),
    RefusalCode.CALENDAR_NOT_UNDERSTOOD: _l("Nous ne comprenons pas cet agenda. Choisissez un autre agenda."),
    RefusalCode.CALENDAR_TOO_DENSE: _l("L’autre agenda a trop d’événements. Choisissez un autre agenda."),
}
