"""The demonstration: a prospect arrives, is kept, written to and invited. Three side effects at services."""

from collections.abc import Sequence

from .roles import COORDINATOR, LEAD_ADMINISTRATOR, MEETING_SCHEDULER, ROLES
from .scripted_model import HandOff, Report, Script, Step, Use

DEMO_MESSAGE = (
    "Ana García (ana.garcia@example.com), de Acme, quiere ver una demostración. "
    "Guárdala en el CRM, escríbele y agenda una reunión el martes a las 10:00."
)

DEMO_STEPS: Sequence[Step] = (
    HandOff(ROLES[LEAD_ADMINISTRATOR].title, "Primero guardamos el contacto."),
    Use(
        "create_lead_in_database",
        {"name": "Ana García", "email": "ana.garcia@example.com", "company": "Acme"},
        done="Ana García está guardada como lead.",
    ),
    Use(
        "pipedrive-add-person",
        {"name": "Ana García", "emails": ["ana.garcia@example.com"]},
        done="Ana García está en Pipedrive.",
    ),
    HandOff(ROLES[COORDINATOR].title),
    Use(
        "sendgrid-send-email-single-recipient",
        {
            "fromEmail": "equipo@pipewise.example",
            "toEmail": "ana.garcia@example.com",
            "subject": "Su demostración de PipeWise",
            "content": "Hola, Ana: gracias por su interés. Le proponemos el martes a las 10:00. Un saludo.",
        },
        done="El correo a ana.garcia@example.com está enviado.",
    ),
    HandOff(ROLES[MEETING_SCHEDULER].title, "Ahora agendamos la reunión."),
    Use(
        "google_calendar-quick-add-event",
        {
            "text": "Demostración de PipeWise con Ana García el martes a las 10:00",
            "attendees": "ana.garcia@example.com",
        },
        done="La reunión del martes a las 10:00 está en Google Calendar.",
    ),
    HandOff(ROLES[COORDINATOR].title),
    Report("Esto es lo que pasó:"),
)

DEMO = Script(DEMO_MESSAGE, DEMO_STEPS)
