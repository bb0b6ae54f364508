"""`tetik sender`: settings, clock and adapters meet the sender."""

import asyncio
import sys

from sender.app import Sender
from sender.settings import SenderSettings, SettingsRefused, SmtpSettings
from services.process import clock_of, reporting, run_process, start_logging
from services.settings import SenderProcess, load_settings


def main() -> None:
    """Run the sender until it is told to stop. Peers may come later: it waits and says so."""
    settings = load_settings(SenderProcess)
    start_logging(settings.log_level)
    try:
        sender_settings = sender_settings_of(settings)
    except SettingsRefused as error:
        sys.exit(f"tetik: {error}")
    run_process(lambda stop: _run(settings, sender_settings, stop))


def sender_settings_of(settings: SenderProcess) -> SenderSettings:
    """The stage's own settings. Raises SettingsRefused."""
    host, _, port = settings.smtp.rpartition(":")
    return SenderSettings(
        kafka=settings.kafka,
        redis_url=settings.redis,
        mail_from=settings.mail_from,
        public_url=settings.public_url,
        secret=settings.secret,
        smtp=SmtpSettings(
            host=host,
            port=int(port),
            username=settings.smtp_user,
            password=settings.smtp_password,
            tls=settings.smtp_tls,
        ),
        instance=settings.sender_instance,
        http_host=settings.http_host,
        http_port=settings.sender_http_port,
        on_ambiguous=settings.on_ambiguous,
        brand=settings.brand,
        shop_url=settings.shop_url,
        survey_url=settings.survey_url,
        utm_source=settings.utm_source or None,
        check_crcs=settings.check_crcs,
    )


async def _run(settings: SenderProcess, sender_settings: SenderSettings, stop: asyncio.Event) -> None:
    async with clock_of(settings, stop) as clock:
        sender = Sender(sender_settings, clock)
        async with reporting(settings, clock, "sender", sender.progress):
            running = asyncio.create_task(sender.run())
            stopped = asyncio.create_task(stop.wait())
            await asyncio.wait([running, stopped], return_when=asyncio.FIRST_COMPLETED)
            stopped.cancel()
            sender.stop()
            await running
